"""``hotline speaker``: one voice in memory, one clause at a time, over HTTP on a unix socket.

    POST /speak  text (UTF-8) -> its sound, a chunk a clause, as soon as each is made; cut off where it cannot go on
    GET /healthz

First clauses come before others' later ones, so that each caller hears something soon. What was spoken is kept in memory only
and not for long, for it is personal.
"""

from __future__ import annotations

import asyncio
import itertools
import signal
import time

from aiohttp import web

from core import log
from core.errors import Unavailable
from core.sockets import unix_socket
from tts.cache import Cache
from tts.clauses import clauses
from tts.contract import RATE, Engine
from tts.settings import LONGEST_TEXT, SpeakerSettings

MOST_BYTES = 8 * LONGEST_TEXT
KIND = "audio/L16"
FORGET_SECONDS = 60.0
Job = tuple[int, int, str, asyncio.Future[bytes]]  # number of the clause, number of the job, clause, its sound
logger = log.get(__name__)


class Server:
    """``start`` returns once it listens; raises ConfigurationError when the socket is taken."""

    def __init__(self, engine: Engine, config: SpeakerSettings) -> None:
        self._engine, self._config = engine, config
        self._cache = Cache(config.kept)
        self._jobs: asyncio.PriorityQueue[Job] = asyncio.PriorityQueue()
        self._numbers = itertools.count()
        self.texts = 0
        self._spoken, self._spent = 0.0, 0.0  # s of sound, and that it took
        self._always: list[asyncio.Task[None]] = []
        self._runner: web.AppRunner | None = None

    async def start(self) -> None:
        app = web.Application(client_max_size=MOST_BYTES)
        app.router.add_post("/speak", self._speak)
        app.router.add_get("/healthz", self._health)
        # Who hung up needs no more clauses: his handler is cancelled.
        self._runner = web.AppRunner(
            app, access_log=None, handle_signals=False, handler_cancellation=True, shutdown_timeout=1.0
        )
        await self._runner.setup()
        try:
            await web.SockSite(self._runner, unix_socket(self._config.socket_path, "speaker")).start()
        except BaseException:
            await self._runner.cleanup()
            raise
        self._always = [asyncio.create_task(self._work()), asyncio.create_task(self._forget())]
        logger.info("the voice is ready", voice=self._engine.name, socket=str(self._config.socket_path))

    async def stop(self) -> None:
        for task in self._always:
            task.cancel()
        await asyncio.gather(*self._always, return_exceptions=True)
        if self._runner is not None:
            await self._runner.cleanup()  # the socket's file stays: a successor may have bound its own there

    async def _speak(self, request: web.Request) -> web.StreamResponse:
        if self.texts >= self._config.waiting:
            return _refused(Unavailable("the voice is busy"))
        self.texts += 1  # before anything is awaited: those who come together count together
        try:
            text = (await request.read()).decode("utf-8", "replace")[:LONGEST_TEXT]
            return await self._stream(request, clauses(text))
        finally:
            self.texts -= 1

    async def _stream(self, request: web.Request, said: list[str]) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": f"{KIND};rate={RATE};channels=1"})
        waiting = [self._ask(number, clause) for number, clause in enumerate(said)]
        try:
            for sound in waiting:
                piece = await sound
                if not response.prepared:
                    await response.prepare(request)
                if piece:
                    await response.write(piece)
        except Exception as error:
            logger.error("a clause could not be spoken", error=type(error).__name__)
            if not response.prepared:
                return _refused(Unavailable("the voice cannot speak"))
            if request.transport is not None:
                request.transport.abort()  # the end is missing, and seen to be
            return response
        finally:
            for sound in waiting:
                sound.cancel()
        if not response.prepared:
            return _refused(Unavailable("there is nothing to say"))
        await response.write_eof()
        return response

    def _ask(self, number: int, clause: str) -> asyncio.Future[bytes]:
        sound: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()
        kept = self._cache.get(clause)
        if kept is not None:
            sound.set_result(kept)
        else:
            self._jobs.put_nowait((number, next(self._numbers), clause, sound))
        return sound

    async def _work(self) -> None:
        while True:
            _, _, clause, sound = await self._jobs.get()
            if sound.done():
                continue
            try:
                made = self._cache.get(clause)  # another may have wanted it meanwhile
                if made is None:
                    made = await self._made(clause)
                    self._cache.keep(clause, made)
            except Exception as error:
                if not sound.done():
                    sound.set_exception(error)
                continue
            if not sound.done():
                sound.set_result(made)

    async def _forget(self) -> None:
        while True:
            await asyncio.sleep(FORGET_SECONDS)
            self._cache.forget()

    async def _made(self, clause: str) -> bytes:
        began = time.monotonic()
        made = await asyncio.to_thread(self._engine.say, clause)
        self._spent += time.monotonic() - began
        self._spoken += len(made) / 2 / RATE
        return made

    async def _health(self, _: web.Request) -> web.Response:
        factor = round(self._spent / self._spoken, 2) if self._spoken else None
        return web.json_response(
            {"status": "ok", "voice": self._engine.name, "texts": self.texts, "real_time_factor": factor}
        )


def _refused(error: Unavailable) -> web.Response:
    return web.json_response({"error": {"code": error.code, "message": error.message}}, status=error.status)


async def serve(engine: Engine, config: SpeakerSettings) -> None:
    """Runs until SIGTERM or SIGINT."""
    server = Server(engine, config)
    stop = asyncio.Event()
    for name in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await server.start()
    try:
        await stop.wait()
    finally:
        await server.stop()
