"""A local server that answers like WeChat's documented API, so that the demo needs no account: token, media, customer-service
messages. What the customer would read on the telephone is kept in ``sent``."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import urlsplit


class WeChatApi:
    """Serves on a free port of 127.0.0.1 until ``close``."""

    def __init__(self, picture: Path) -> None:
        self.sent: list[str] = []
        self._picture = picture.read_bytes()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="wechat api", daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = urlsplit(self.path).path
                if path == "/cgi-bin/token":
                    self._json({"access_token": "demo-token", "expires_in": 7200})
                elif path == "/cgi-bin/media/get":
                    self._answer("image/png", outer._picture)
                else:
                    self._json({"errcode": 40066, "errmsg": "invalid url"})

            def do_POST(self) -> None:
                content = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or b"{}")
                if "text" in content:
                    outer.sent.append(str(content["text"].get("content", "")))
                self._json({"errcode": 0, "errmsg": "ok"})

            def _json(self, content: object) -> None:
                self._answer("application/json", json.dumps(content).encode())

            def _answer(self, kind: str, body: bytes) -> None:
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
                """Says nothing; the demo's own lines are enough."""

        return Handler
