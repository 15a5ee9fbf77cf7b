"""``hotline asr``: one model in memory, a decoding thread a core, streams over WebSocket on a unix socket and a TCP port."""

from __future__ import annotations

import asyncio
import hmac
import math
import signal
import time

from aiohttp import web

from asr.contract import Engine
from asr.scheduling import Scheduler, Stream
from asr.session import Session
from asr.settings import AsrSettings
from core import log
from core.errors import ConfigurationError, HotlineError, NotSignedIn, TooMany, Unavailable
from core.sockets import unix_socket

MAX_MESSAGE = 1 << 20  # bytes, as vosk-server's
RETRY_AFTER = 5  # s

logger = log.get(__name__)


class Server:
    """The recogniser process. ``start`` returns once it listens; raises ConfigurationError when an address is taken."""

    def __init__(self, engine: Engine, settings: AsrSettings) -> None:
        self.settings = settings
        self.port = 0
        self._scheduler = Scheduler(engine, settings.thread_count)
        self._started = time.monotonic()
        self._sessions: dict[Session, asyncio.Task[None]] = {}
        self._draining = False
        self._runner: web.AppRunner | None = None

    @property
    def streams(self) -> frozenset[Stream]:
        """The streams that audio has come for."""
        return frozenset(self._scheduler.streams)

    async def start(self) -> None:
        app = web.Application()
        app.router.add_get("/healthz", self._health)
        app.router.add_get("/{path:.*}", self._stream)
        self._runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=1.0)
        await self._runner.setup()
        try:
            await web.SockSite(self._runner, unix_socket(self.settings.socket_path, "recogniser")).start()
            if self.settings.port:
                await self._listen_tcp(self._runner)
        except BaseException:
            await self.stop()
            raise
        logger.info(
            "recognition listens",
            model=self._scheduler.engine.name,
            threads=self._scheduler.threads,
            socket=str(self.settings.socket_path),
            port=self.port,
        )

    async def stop(self) -> None:
        """Refuses new streams, finishes the open ones within ``drain_seconds``, so that their last words are answered."""
        self._draining = True
        tasks = list(self._sessions.values())
        for session in list(self._sessions):
            session.drain()
        if tasks:
            await asyncio.wait(tasks, timeout=self.settings.drain_seconds)
        await asyncio.to_thread(self._scheduler.stop)
        if self._runner is not None:
            await self._runner.cleanup()
            # The socket's file stays: by now a successor may have bound its own there.

    async def _listen_tcp(self, runner: web.AppRunner) -> None:
        site = web.TCPSite(runner, self.settings.host, self.settings.port)
        try:
            await site.start()
        except OSError as error:
            where = f"{self.settings.host}:{self.settings.port}"
            raise ConfigurationError(f"HOTLINE_ASR_PORT: can't listen on {where}: {error.strerror}") from error
        self.port = self.settings.port

    async def _health(self, _: web.Request) -> web.Response:
        lag = self._scheduler.lag_seconds()
        spent = self._scheduler.decoding_seconds
        status = "stopping" if self._draining else "busy" if self._refusal() else "ok"
        return web.json_response(
            {
                "status": status,
                "model": self._scheduler.engine.name,
                "threads": self._scheduler.threads,
                "streams": len(self._sessions),
                "max_streams": self.settings.stream_limit,
                "lag_ms": math.ceil(lag * 1000),
                "decoded_ms": self._scheduler.decoded_ms,
                "speed": round(self._scheduler.decoded_ms / 1000 / spent, 1) if spent else None,
                "uptime_s": round(time.monotonic() - self._started),
            },
            status=503 if self._draining else 200,
        )

    async def _stream(self, request: web.Request) -> web.StreamResponse:
        refusal = self._unauthorised(request) or self._refusal()
        if refusal is not None:
            return _refused(refusal)
        socket_ = web.WebSocketResponse(max_msg_size=MAX_MESSAGE, compress=False, timeout=2.0)
        if not socket_.can_prepare(request).ok:
            return web.json_response(
                {"error": {"code": "upgrade", "message": "this is a WebSocket; see docs/recognition.md"}},
                status=426,
                headers={"Upgrade": "websocket"},
            )
        await socket_.prepare(request)
        session = Session(socket_, request.transport, self._scheduler, self.settings)
        task = asyncio.current_task()
        if task is None:  # a handler always runs in a task
            raise Unavailable
        self._sessions[session] = task
        try:
            await session.run()
        finally:
            del self._sessions[session]
        return socket_

    def _unauthorised(self, request: web.Request) -> HotlineError | None:
        wanted = self.settings.token.get_secret_value()
        if not wanted:
            return None
        scheme, _, shown = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            shown = request.query.get("token", "")
        if hmac.compare_digest(shown.strip().encode("utf-8", "surrogateescape"), wanted.encode()):
            return None
        return NotSignedIn("show the token of HOTLINE_ASR_TOKEN")

    def _refusal(self) -> HotlineError | None:
        if self._draining:
            return Unavailable("recognition is shutting down")
        if len(self._sessions) >= self.settings.stream_limit:
            return TooMany("all recognisers are taken; record the call and have it recognised later")
        if self._scheduler.lag_seconds() > self.settings.max_lag_seconds:
            return TooMany("recognition is behind; record the call and have it recognised later")
        return None


def _refused(error: HotlineError) -> web.Response:
    # Every want of room is a 503 here: that is what WebSocket and SIP clients know how to take.
    status = 401 if isinstance(error, NotSignedIn) else 503
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {"Retry-After": str(RETRY_AFTER)}
    return web.json_response({"error": {"code": error.code, "message": error.message}}, status=status, headers=headers)


async def serve(engine: Engine, settings: AsrSettings) -> None:
    """Runs until SIGTERM or SIGINT."""
    server = Server(engine, settings)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, stop.set)
    await server.start()
    try:
        await stop.wait()
    finally:
        await server.stop()
