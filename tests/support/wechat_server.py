"""A local server that behaves like the documented APIs of WeChat official accounts and of WeCom.

Tokens are given out, end the life of their predecessors, and are asked for; media, customer-service, template and
subscription messages, 微信客服 and group robots answer as documented, errors too: 40001, 40007, 40013, 40037, 42001, 45009,
45015, 93000. Runs in a thread: ``with WeChatServer() as server: ... server.url``. By hand:
``python -m tests.support.wechat_server PORT``.
"""

from __future__ import annotations

import json
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Answer = dict[str, Any] | tuple[bytes, str]


@dataclass
class Account:
    """What the server knows. ``media``: id to (content, type) or to a video's URL; ``fail``: path to the error codes that
    the next calls get; ``open``: openids that wrote within 48 h (None: all)."""

    app_id: str = "wxappid"
    secret: str = "wxsecret"
    corp_secret: str = "corpsecret"
    templates: set[str] = field(default_factory=lambda: {"tmpl"})
    media: dict[str, tuple[bytes, str] | str] = field(default_factory=dict)
    kf_messages: list[dict[str, Any]] = field(default_factory=list)
    kf_page: int = 2
    robots: set[str] = field(default_factory=lambda: {"robot-key"})
    fail: dict[str, list[int]] = field(default_factory=dict)
    open: set[str] | None = None
    token: str = ""
    expired: set[str] = field(default_factory=set)
    tokens_given: int = 0
    calls: list[tuple[str, dict[str, str], Any]] = field(default_factory=list)

    def sent(self, path: str) -> list[Any]:
        """The bodies that were accepted at a path."""
        return [body for called, _, body in self.calls if called == path]


class WeChatServer:
    """``url`` is the API's base address; ``account`` holds what it knows and what it was told."""

    def __init__(self, port: int = 0) -> None:
        self.account = Account()
        self._lock = threading.Lock()
        self._message = 200_163_836
        outer = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                self._answer(None)

            def do_POST(self) -> None:
                length = int(self.headers.get("Content-Length", "0"))
                try:
                    body = json.loads(self.rfile.read(length))
                except ValueError:
                    body = None
                self._answer(body)

            def _answer(self, body: Any) -> None:
                parts = urlsplit(self.path)
                answer = outer.answer(self.command, parts.path, dict(parse_qsl(parts.query)), body)
                if isinstance(answer, dict):
                    content, type_ = json.dumps(answer, ensure_ascii=False).encode(), "application/json; encoding=utf-8"
                else:
                    content, type_ = answer
                self.send_response(200)
                self.send_header("Content-Type", type_)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)

    def __enter__(self) -> WeChatServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()

    def answer(self, method: str, path: str, query: dict[str, str], body: Any) -> Answer:
        with self._lock:
            failures = self.account.fail.get(path)
            if failures:
                code = failures.pop(0)
                return {"errcode": code, "errmsg": f"error {code} hint: [test]"}
            if path == "/cgi-bin/token":
                return self._token(
                    query.get("appid") == self.account.app_id, query.get("secret") == self.account.secret
                )
            if path == "/cgi-bin/gettoken":
                return self._token(bool(query.get("corpid")), query.get("corpsecret") == self.account.corp_secret)
            if path == "/cgi-bin/webhook/send":
                return self._robot(query, body)
            if path.startswith("/file/"):
                found = self.account.media.get(path.removeprefix("/file/"))
                return found if isinstance(found, tuple) else {"errcode": 40007, "errmsg": "invalid media_id"}
            given = query.pop("access_token", "")
            if given in self.account.expired:
                return {"errcode": 42001, "errmsg": "access_token expired"}
            if not given or given != self.account.token:
                return {"errcode": 40001, "errmsg": "invalid credential, access_token is invalid or not latest"}
            route: Callable[[dict[str, str], Any], Answer] | None = {
                "/cgi-bin/media/get": self._media,
                "/cgi-bin/message/custom/send": self._custom,
                "/cgi-bin/message/template/send": self._template,
                "/cgi-bin/message/subscribe/bizsend": self._template,
                "/cgi-bin/message/send": self._plain,
                "/cgi-bin/kf/sync_msg": self._sync,
                "/cgi-bin/kf/send_msg": self._plain,
            }.get(path)
            if route is None:
                return {"errcode": 48001, "errmsg": "api unauthorized"}
            answer = route(query, body)
            if isinstance(answer, tuple) or not answer.get("errcode"):
                self.account.calls.append((path, query, body))
            return answer

    def _token(self, known: bool, fits: bool) -> Answer:
        if not known:
            return {"errcode": 40013, "errmsg": "invalid appid"}
        if not fits:
            return {"errcode": 40125, "errmsg": "invalid appsecret"}
        self.account.tokens_given += 1
        self.account.token = f"token-{self.account.tokens_given}"
        return {"access_token": self.account.token, "expires_in": 7200}

    def _media(self, query: dict[str, str], _: Any) -> Answer:
        found = self.account.media.get(query.get("media_id", ""))
        if found is None:
            return {"errcode": 40007, "errmsg": "invalid media_id"}
        return {"video_url": found} if isinstance(found, str) else found

    def _custom(self, _: dict[str, str], body: Any) -> Answer:
        if self.account.open is not None and body["touser"] not in self.account.open:
            return {"errcode": 45015, "errmsg": "response out of time limit or subscription is canceled"}
        if len(body["text"]["content"].encode()) > 2048:
            return {"errcode": 45002, "errmsg": "content size out of limit"}
        return {"errcode": 0, "errmsg": "ok"}

    def _template(self, _: dict[str, str], body: Any) -> Answer:
        if body["template_id"] not in self.account.templates:
            return {"errcode": 40037, "errmsg": "invalid template_id"}
        self._message += 1
        return {"errcode": 0, "errmsg": "ok", "msgid": self._message}

    def _plain(self, _: dict[str, str], body: Any) -> Answer:
        if len(str(body.get("text", {}).get("content", "")).encode()) > 2048:
            return {"errcode": 40058, "errmsg": "content exceed max length"}
        self._message += 1
        return {"errcode": 0, "errmsg": "ok", "msgid": f"msg-{self._message}"}

    def _sync(self, _: dict[str, str], body: Any) -> Answer:
        start = int(body.get("cursor") or 0)
        end = min(start + self.account.kf_page, len(self.account.kf_messages))
        return {
            "errcode": 0,
            "errmsg": "ok",
            "next_cursor": str(end),
            "has_more": int(end < len(self.account.kf_messages)),
            "msg_list": self.account.kf_messages[start:end],
        }

    def _robot(self, query: dict[str, str], body: Any) -> Answer:
        if query.get("key") not in self.account.robots:
            return {"errcode": 93000, "errmsg": "invalid webhook url"}
        self.account.calls.append(("/cgi-bin/webhook/send", query, body))
        return {"errcode": 0, "errmsg": "ok"}


if __name__ == "__main__":
    with WeChatServer(int(sys.argv[1]) if len(sys.argv) > 1 else 0) as running:
        print(running.url, flush=True)
        threading.Event().wait()
