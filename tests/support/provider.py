"""A provider's API in miniature: answers what it is told to, remembers what it was asked."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True, kw_only=True)
class Asked:
    """One request as it came."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Provider:
    """``answers``: path to (status, type, body); ``once``: what a path answers first, one after the other. Use as a context
    manager; ``host`` is host:port."""

    answers: dict[str, tuple[int, str, bytes]] = field(default_factory=dict)
    once: dict[str, list[tuple[int, str, bytes]]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    host: str = ""

    def __enter__(self) -> Provider:
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def _answer(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
                outer.asked.append(
                    Asked(method=self.command, path=self.path, headers=dict(self.headers.items()), body=body)
                )
                first = outer.once.get(self.path)
                status, type_, content = (
                    first.pop(0) if first else outer.answers.get(self.path, (404, "text/plain", b"nothing here"))
                )
                self.send_response(status)
                self.send_header("Content-Type", type_)
                if status in (301, 302):
                    self.send_header("Location", content.decode())
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = _answer

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()
        self.host = f"127.0.0.1:{self._server.server_port}"
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()
