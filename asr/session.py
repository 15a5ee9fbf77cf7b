"""One client's connection: reads its audio into a stream of the scheduler, writes what was heard."""

from __future__ import annotations

import asyncio
from collections import deque

from aiohttp import WSCloseCode, WSMsgType, web

from asr.audio import Intake
from asr.contract import Final, Partial
from asr.protocol import StreamConfig, read_config, read_control, write_error, write_final, write_partial
from asr.scheduling import Heard, Scheduler, Stream
from asr.settings import AsrSettings
from core import log
from core.errors import HotlineError, Malformed, TooLarge, Unavailable

MOST_UNSENT = 256  # answers a client has not read; then nothing more is read from it

logger = log.get(__name__)


class Session:
    """``run`` returns when the connection is over."""

    def __init__(
        self,
        socket: web.WebSocketResponse,
        transport: asyncio.Transport | None,
        scheduler: Scheduler,
        settings: AsrSettings,
    ) -> None:
        self._socket = socket
        self._transport = transport
        self._scheduler = scheduler
        self._settings = settings
        self._config = StreamConfig()
        self._intake: Intake | None = None
        self._stream: Stream | None = None
        self._finals: list[Final] = []
        self._partial = Partial(text="", at=0)
        self._unsent: deque[tuple[str, bool]] = deque()  # text, whether a newer partial may replace it
        self._unsent_changed = asyncio.Event()
        self._progress = asyncio.Event()
        self._finishing = False
        self._closing = False
        self._over = asyncio.Event()
        self._failure: HotlineError | None = None
        self._loop = asyncio.get_running_loop()
        self._reader: asyncio.Task[int] | None = None

    async def run(self) -> None:
        sender = asyncio.create_task(self._send())
        self._reader = asyncio.create_task(self._read())
        code: int = WSCloseCode.OK
        try:
            code = await self._read_to_end(self._reader)
        except HotlineError as error:
            code = WSCloseCode.POLICY_VIOLATION
            self._fail(error)
        finally:
            self._reader.cancel()
            self._closing = True
            self._unsent_changed.set()
            if self._stream is not None:
                self._stream.close()
            try:
                async with asyncio.timeout(self._settings.send_seconds):
                    await sender
                    await self._socket.close(code=code)
            except TimeoutError:
                self._abort()
            finally:
                sender.cancel()

    def drain(self) -> None:
        """Ends the stream from the server's side: what was heard is finished and answered."""
        if self._reader is not None and not self._finishing:
            self._reader.cancel()

    async def _read_to_end(self, reader: asyncio.Task[int]) -> int:
        """The close code to end with."""
        try:
            return await reader
        except asyncio.CancelledError:
            if not reader.cancelled():
                raise  # it was this task that somebody cancelled
        except TimeoutError:
            logger.info("a client fell silent")
        if self._failure is None:
            await self._finish()
        return WSCloseCode.GOING_AWAY if self._failure is None else WSCloseCode.TRY_AGAIN_LATER

    async def _read(self) -> int:
        while True:
            await self._room()
            message = await self._socket.receive(timeout=self._settings.idle_seconds)
            if message.type is WSMsgType.BINARY:
                self._audio(message.data)
                if self._stream is not None and self._stream.fed_ms >= self._settings.max_stream_seconds * 1000:
                    await self._finish()
                    raise TooLarge(f"a stream may hold {self._settings.max_stream_seconds:.0f} s of audio")
            elif message.type is WSMsgType.TEXT:
                control = read_control(message.data)
                if control.config is not None:
                    self._configure(control.config)
                if control.eof:
                    await self._finish()
                    return WSCloseCode.OK if self._failure is None else WSCloseCode.TRY_AGAIN_LATER
                if control.reset:
                    self._finish_utterance("reset")
            elif message.type is WSMsgType.ERROR:
                raise Malformed("the connection broke its protocol")
            else:
                return WSCloseCode.OK

    async def _room(self) -> None:
        """Waits while the stream's queue or the client's unread answers are full: TCP passes the pressure on."""
        while (
            self._stream is not None
            and self._failure is None
            and (self._stream.backlog_ms > self._settings.max_backlog_seconds * 1000 or len(self._unsent) > MOST_UNSENT)
        ):
            self._progress.clear()
            await self._progress.wait()

    def _configure(self, config: dict[str, object]) -> None:
        if "model" in config:
            logger.warning("a client may not choose the model")
        if self._stream is None:
            self._config = read_config(config, self._settings.partial_ms)
        elif isinstance(ours := config.get("hotline"), dict) and "endpointing" in ours:
            # Once audio came only what can change in the middle of a stream is looked at.
            self._stream.expect(read_config({"hotline": ours}, self._settings.partial_ms).listening.endpointing)

    def _open(self) -> tuple[Stream, Intake]:
        if self._stream is None or self._intake is None:
            self._intake = Intake(self._config.rate, self._config.encoding)
            self._stream = self._scheduler.open(self._config.listening, self._deliver)
        return self._stream, self._intake

    def _audio(self, audio: bytes) -> None:
        stream, intake = self._open()
        stream.feed(intake.accept(audio))
        if not self._config.pushed:
            stream.mark("audio")

    def _finish_utterance(self, name: str) -> None:
        stream, intake = self._open()
        stream.feed(intake.finish())
        stream.mark(name, finish=True)

    async def _finish(self) -> None:
        self._finishing = True
        self._finish_utterance("eof")
        await self._over.wait()

    def _deliver(self, heard: Heard) -> None:
        try:
            self._loop.call_soon_threadsafe(self._heard, heard)
        except RuntimeError:  # the loop is closed: nobody listens any more
            return

    def _heard(self, heard: Heard) -> None:
        self._progress.set()
        for result in heard.results:
            if self._config.pushed:
                self._push(result)
            elif isinstance(result, Final):
                self._finals.append(result)
                self._partial = Partial(text="", at=result.at)
            else:
                self._partial = result
        if heard.error is not None:
            self._fail(heard.error)
        if heard.mark is not None:
            self._answer(heard.mark)

    def _push(self, result: Partial | Final) -> None:
        if isinstance(result, Final):
            self._put(write_final([result], self._config), replaceable=False)
        else:
            self._put(write_partial(result, pushed=True), replaceable=True)

    def _answer(self, mark: str) -> None:
        """Vosk's protocol: exactly one answer for each message."""
        if mark == "audio" and not self._finals:
            self._put(write_partial(self._partial, pushed=False), replaceable=False)
        else:
            self._put(write_final(self._finals, self._config), replaceable=False)
            self._finals = []
        if mark == "eof":
            self._over.set()

    def _fail(self, error: HotlineError) -> None:
        if self._failure is None:
            self._failure = error
            if isinstance(error, Unavailable):
                logger.warning("a stream failed", reason=error.message)
            self._put(write_error(error), replaceable=False)
        self._over.set()
        self.drain()

    def _abort(self) -> None:
        # A close would wait for ever for the client to read what is buffered.
        if self._transport is not None:
            self._transport.abort()

    def _put(self, text: str, *, replaceable: bool) -> None:
        if replaceable and self._unsent and self._unsent[-1][1]:
            self._unsent.pop()
        self._unsent.append((text, replaceable))
        self._unsent_changed.set()

    async def _send(self) -> None:
        while True:
            while self._unsent:
                text, _ = self._unsent.popleft()
                try:
                    async with asyncio.timeout(self._settings.send_seconds):
                        await self._socket.send_str(text)
                except (ConnectionError, TimeoutError, RuntimeError) as error:
                    # Gone, or it doesn't read: what it was to hear can't be told.
                    logger.info("results could not be sent", reason=type(error).__name__)
                    self._abort()
                    self._unsent.clear()
                    self._failure = self._failure or Unavailable("the client is gone")
                    self._over.set()
                    self.drain()
                    return
                self._progress.set()
            if self._closing:
                return
            self._unsent_changed.clear()
            await self._unsent_changed.wait()
