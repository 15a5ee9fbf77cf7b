"""Streams to ``hotline asr`` for the program's own processes.

    async with connect(Listening(leg="caller"), rate=8000, encoding="alaw") as stream:
        await stream.send(audio)            # again and again; from another task:
        async for result in stream: ...     # Partial and Final, until the stream is finished
        await stream.finish()               # returns when the last final has come

Errors. ``connect`` raises Unavailable when there is no recogniser or all are taken (record, recognise later), NotSignedIn
for a wrong token, InvalidInput for a wrong option. A recogniser that dies is resumed: the audio since the last final is
kept (at most 45 s) and sent again to its successor, times go on; results may repeat as partials, finals never do. When
``reconnect_seconds`` are over, or three successors died of the same utterance, or a live stream's results come more
than ``max_behind_seconds`` late, ``send``, ``finish`` and the iteration raise Unavailable; finals that came before are
delivered first. ``asr.threads`` is the same for threads.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import AsyncIterator
from dataclasses import replace

import aiohttp

from asr.audio import ENCODINGS
from asr.contract import RATE, Final, Listening, Partial
from asr.endpointing import strategy
from asr.protocol import read_result, write_config
from asr.settings import AsrSettings
from core import log, settings
from core.errors import HotlineError, InvalidInput, Malformed, NotSignedIn, Unavailable

KEPT_SECONDS = 45.0  # of audio, for a successor: the longest utterance and the recogniser's delay
OVERLAP_MS = 600  # audio before the moment of a final that may belong to the next utterance
MOST_SUCCESSORS = 3  # without a final between them
CONNECT_SECONDS = 5.0
EAGER_SECONDS = 8.0  # how far a file's sender may be ahead of its results

logger = log.get(__name__)


@contextlib.asynccontextmanager
async def connect(
    listening: Listening | None = None,
    *,
    rate: int = RATE,
    encoding: str = "s16le",
    live: bool = True,
    config: AsrSettings | None = None,
) -> AsyncIterator[RecognitionStream]:
    """A stream of mono audio at ``rate`` Hz. ``live=False`` for files: ``send`` waits instead of giving up."""
    stream = RecognitionStream(listening or Listening(), rate, encoding, live, config or settings.get(AsrSettings))
    await stream.open()
    try:
        yield stream
    finally:
        await stream.close()


class RecognitionStream:
    """See the module's description."""

    def __init__(self, listening: Listening, rate: int, encoding: str, live: bool, config: AsrSettings) -> None:
        if encoding not in ENCODINGS:
            raise InvalidInput(f"encoding must be one of {', '.join(ENCODINGS)}", field="encoding")
        strategy(listening.endpointing)
        self._listening = replace(listening, partial_ms=listening.partial_ms or config.partial_ms)
        self._rate, self._encoding, self._live, self._config = rate, encoding, live, config
        self._bytes_per_second = rate * (2 if encoding == "s16le" else 1)
        self._session: aiohttp.ClientSession | None = None
        self._socket: aiohttp.ClientWebSocketResponse | None = None
        self._sending = asyncio.Lock()
        self._kept: deque[bytes] = deque()
        self._kept_from = 0  # bytes of the stream before the first one kept
        self._total = 0
        self._offset_ms = 0  # where in the stream the present connection began
        self._heard_ms = 0
        self._successors = 0
        self._to_repeat_ms = 0  # audio that a successor had to hear again: it is late by that much at first
        self._results: deque[Partial | Final] = deque()
        self._changed = asyncio.Event()
        self._finishing = False
        self._over = asyncio.Event()
        self._error: HotlineError | None = None
        self._reader: asyncio.Task[None] | None = None

    @property
    def behind_ms(self) -> int:
        """How much of the audio that was sent has not been decoded yet."""
        return max(0, self._ms(self._total) - self._heard_ms)

    @property
    def connected(self) -> bool:
        """False while a successor is sought for a recogniser that died; audio is kept meanwhile."""
        return self._socket is not None

    def seconds_to_bytes(self, seconds: float) -> int:
        return round(seconds * self._bytes_per_second)

    async def open(self) -> None:
        connector = None if self._config.url else aiohttp.UnixConnector(str(self._config.socket_path))
        self._session = aiohttp.ClientSession(connector=connector)
        try:
            self._socket = await self._dial(self._session)
        except BaseException:
            await self._session.close()
            raise
        self._reader = asyncio.create_task(self._read())

    async def send(self, audio: bytes) -> None:
        self._check()
        if self._finishing:
            raise InvalidInput("the stream is finished")
        self._total += len(audio)
        self._kept.append(audio)
        self._forget(self._total - self.seconds_to_bytes(KEPT_SECONDS))
        if self._live and self.connected:
            self._check_pace()
        async with self._sending:
            if self._socket is not None:
                with contextlib.suppress(ConnectionError):  # the reader notices and resumes
                    await self._socket.send_bytes(audio)
        while not self._live and not self._over.is_set() and self.behind_ms > EAGER_SECONDS * 1000:
            self._changed.clear()
            await self._changed.wait()

    async def expect(self, endpointing: str) -> None:
        """Another endpointing from here on."""
        strategy(endpointing)
        self._listening = replace(self._listening, endpointing=endpointing)
        async with self._sending:
            if self._socket is not None:
                with contextlib.suppress(ConnectionError):
                    await self._socket.send_str(write_config(self._rate, self._encoding, self._listening))

    async def finish(self) -> None:
        """No more audio; waits until everything that was said has come."""
        if not self._finishing:
            self._finishing = True
            async with self._sending:
                if self._socket is not None:
                    with contextlib.suppress(ConnectionError):
                        await self._socket.send_str('{"eof" : 1}')
        await self._over.wait()
        self._check()

    def abandon(self) -> None:
        """Ends the iteration here: no more audio will come, and what hasn't been heard isn't wanted."""
        self._end(None)

    async def close(self) -> None:
        """Lets the connection go; what hasn't come yet doesn't come any more."""
        self._end(None)
        if self._reader is not None:
            self._reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._reader
        if self._socket is not None:
            await self._socket.close()
        if self._session is not None:
            await self._session.close()

    def __aiter__(self) -> RecognitionStream:
        return self

    async def __anext__(self) -> Partial | Final:
        while not self._results:
            if self._over.is_set():
                self._check()
                raise StopAsyncIteration
            self._changed.clear()
            await self._changed.wait()
        return self._results.popleft()

    def pending(self) -> list[Partial | Final]:
        """The results that have come and nobody took."""
        taken = list(self._results)
        self._results.clear()
        return taken

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _check_pace(self) -> None:
        most = self._config.max_behind_seconds * 1000
        if self.behind_ms <= most:
            self._to_repeat_ms = 0  # a successor has caught up
        elif self.behind_ms > most + self._to_repeat_ms:
            self._end(Unavailable("recognition is too far behind this call"))
            self._check()

    def _end(self, error: HotlineError | None) -> None:
        if not self._over.is_set():
            self._error = error
            self._over.set()
        self._changed.set()

    async def _dial(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        token = self._config.token.get_secret_value()
        try:
            socket = await session.ws_connect(
                self._config.url or "ws://asr/",
                headers={"Authorization": f"Bearer {token}"} if token else None,
                timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
                max_msg_size=1 << 20,
            )
            await socket.send_str(write_config(self._rate, self._encoding, self._listening))
        except aiohttp.WSServerHandshakeError as error:
            if error.status == 401:
                raise NotSignedIn("the recogniser wants another token (HOTLINE_ASR_TOKEN)") from error
            if error.status == 503:
                raise Unavailable("all recognisers are taken") from error
            raise Unavailable(f"the recogniser answered {error.status}") from error
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise Unavailable("no recogniser answers; is hotline asr running?") from error
        return socket

    async def _read(self) -> None:
        try:
            while self._socket is not None and not await self._drained(self._socket):
                await self._resume()
            self._end(None)
        except HotlineError as error:
            self._end(error)

    async def _drained(self, socket: aiohttp.ClientWebSocketResponse) -> bool:
        """Takes results until the connection ends; whether the stream ended with it."""
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                raise Malformed("the recogniser's answer is not what the protocol says")
            try:
                result = read_result(message.data, self._listening.leg)
            except Unavailable as error:
                logger.warning("the recogniser gave a stream up", reason=error.message)
                continue
            if result is not None:
                self._take(result)
        return self._finishing and socket.close_code == aiohttp.WSCloseCode.OK

    def _take(self, result: Partial | Final) -> None:
        shift = self._offset_ms
        if isinstance(result, Partial):
            result = replace(result, at=result.at + shift)
            if self._results and isinstance(self._results[-1], Partial):
                self._results.pop()  # nobody took it; the newer one says it all
            if not result.text:
                self._forget(self._bytes(result.at - 2 * OVERLAP_MS))
        else:
            words = tuple(replace(word, start=word.start + shift, end=word.end + shift) for word in result.words)
            result = replace(
                result, words=words, start=result.start + shift, end=result.end + shift, at=result.at + shift
            )
            self._successors = 0
            self._forget(self._bytes(max(result.end, result.at - OVERLAP_MS)))
        self._heard_ms = max(self._heard_ms, result.at)
        self._results.append(result)
        self._changed.set()

    async def _resume(self) -> None:
        """Connects to a successor and sends it what the last one had not finished."""
        async with self._sending:
            self._socket, dead = None, self._socket
        if dead is not None:
            await dead.close()
        self._successors += 1
        if self._successors > MOST_SUCCESSORS:
            raise Unavailable("recognisers end again and again on this audio")
        if self._session is None:
            raise Unavailable
        logger.warning("a stream lost its recogniser", kept_ms=self._ms(self._total - self._kept_from))
        socket = await self._dial_patiently(self._session)
        async with self._sending:
            self._offset_ms = self._heard_ms = self._ms(self._kept_from)
            self._to_repeat_ms = self.behind_ms
            try:
                for audio in self._kept:
                    await socket.send_bytes(audio)
                if self._finishing:
                    await socket.send_str('{"eof" : 1}')
            except ConnectionError:
                pass  # it died too; the reader sees the end of this connection
            self._socket = socket

    async def _dial_patiently(self, session: aiohttp.ClientSession) -> aiohttp.ClientWebSocketResponse:
        loop = asyncio.get_running_loop()
        deadline, pause = loop.time() + self._config.reconnect_seconds, 0.1
        while True:
            try:
                async with asyncio.timeout(CONNECT_SECONDS):
                    return await self._dial(session)
            except (Unavailable, TimeoutError):
                if loop.time() + pause > deadline:
                    raise Unavailable("the recogniser is gone and none took its place") from None
            await asyncio.sleep(pause)
            pause = min(2.0, pause * 2)

    def _forget(self, before: int) -> None:
        before -= before % 2  # whole samples
        while self._kept and self._kept_from < before:
            first = self._kept.popleft()
            dropped = min(len(first), before - self._kept_from)
            self._kept_from += dropped
            if dropped < len(first):
                self._kept.appendleft(first[dropped:])

    def _ms(self, size: int) -> int:
        return size * 1000 // self._bytes_per_second

    def _bytes(self, ms: int) -> int:
        return ms * self._bytes_per_second // 1000
