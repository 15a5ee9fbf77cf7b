"""``asr.client`` for threads: one event loop in a thread of its own serves all streams of the process.

with Recognition() as recognition:
    stream = recognition.open(Listening(leg="caller"), rate=8000, encoding="alaw")   # Unavailable: record only
    stream.send(frame)                  # never blocks; raises Unavailable once the stream is given up
    for result in stream.poll(): ...    # what has come; or hand open() a callback
    rest = stream.finish(timeout=5)     # the remaining results
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Coroutine
from types import TracebackType
from typing import Any, TypeVar

from asr.client import RecognitionStream
from asr.contract import RATE, Final, Listening, Partial
from asr.settings import AsrSettings
from core import log, settings
from core.errors import HotlineError, Unavailable

T = TypeVar("T")
OPEN_SECONDS = 5.0
MOST_UNSENT_SECONDS = 60.0

logger = log.get(__name__)


class Recognition:
    """The process's door to its recogniser. Use as a context manager, or call ``close``."""

    def __init__(self, config: AsrSettings | None = None) -> None:
        self._config = config or settings.get(AsrSettings)
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="recognition", daemon=True)
        self._thread.start()

    def open(
        self,
        listening: Listening | None = None,
        *,
        rate: int = RATE,
        encoding: str = "s16le",
        live: bool = True,
        on_result: Callable[[Partial | Final], None] | None = None,
        on_error: Callable[[HotlineError], None] | None = None,
    ) -> ThreadStream:
        """Blocks until connected, at most 5 s. Callbacks run on the loop's thread and must not block."""
        stream = RecognitionStream(listening or Listening(), rate, encoding, live, self._config)
        self.wait(stream.open(), OPEN_SECONDS)
        return ThreadStream(self, stream, on_result, on_error)

    def wait(self, coroutine: Coroutine[Any, Any, T], seconds: float) -> T:
        future = asyncio.run_coroutine_threadsafe(coroutine, self._loop)
        try:
            return future.result(seconds)
        except TimeoutError as error:
            future.cancel()
            raise Unavailable("the recogniser did not answer in time") from error

    def call(self, function: Callable[..., object], *args: object) -> None:
        self._loop.call_soon_threadsafe(function, *args)

    def close(self) -> None:
        if self._loop.is_closed():
            return
        with contextlib.suppress(Unavailable):
            self.wait(_cancel_others(), OPEN_SECONDS)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(OPEN_SECONDS)
        self._loop.close()

    def __enter__(self) -> Recognition:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class ThreadStream:
    """One stream, fed from any one thread."""

    def __init__(
        self,
        recognition: Recognition,
        stream: RecognitionStream,
        on_result: Callable[[Partial | Final], None] | None,
        on_error: Callable[[HotlineError], None] | None,
    ) -> None:
        self._recognition = recognition
        self._stream = stream
        self._on_result = on_result
        self._on_error = on_error
        self._results: deque[Partial | Final] = deque()
        self._error: HotlineError | None = None
        self._finished = threading.Event()
        self._unsent = 0
        self._outgoing: asyncio.Queue[bytes | str | None] = asyncio.Queue()
        recognition.call(self._start)

    @property
    def error(self) -> HotlineError | None:
        """Why the stream was given up, if it was."""
        return self._error

    def send(self, audio: bytes) -> None:
        if self._error is not None:
            raise self._error
        if self._unsent > self._stream.seconds_to_bytes(MOST_UNSENT_SECONDS):
            raise Unavailable("the recogniser takes no audio")
        self._recognition.call(self._queue, bytes(audio))

    def expect(self, endpointing: str) -> None:
        self._recognition.call(self._outgoing.put_nowait, endpointing)

    def poll(self) -> list[Partial | Final]:
        taken: list[Partial | Final] = []
        while self._results:
            taken.append(self._results.popleft())
        return taken

    def finish(self, timeout: float = 10.0) -> list[Partial | Final]:
        """Waits for the last final and returns what nobody polled; Unavailable when it didn't come in time (s)."""
        self._recognition.call(self._outgoing.put_nowait, None)
        came = self._finished.wait(timeout)
        self.close()
        rest = self.poll()
        if self._error is not None and not rest:
            raise self._error
        if not came and not rest:
            raise Unavailable("the last words did not come in time")
        return rest

    def close(self) -> None:
        self._recognition.wait(self._close(), OPEN_SECONDS)

    def _start(self) -> None:
        self._tasks = (asyncio.ensure_future(self._send()), asyncio.ensure_future(self._receive()))

    def _queue(self, audio: bytes) -> None:
        self._unsent += len(audio)
        self._outgoing.put_nowait(audio)

    async def _send(self) -> None:
        with contextlib.suppress(HotlineError):  # the receiver reports it
            while (item := await self._outgoing.get()) is not None:
                if isinstance(item, bytes):
                    await self._stream.send(item)
                    self._unsent -= len(item)
                else:
                    await self._stream.expect(item)
            await self._stream.finish()

    async def _receive(self) -> None:
        try:
            async for result in self._stream:
                if self._on_result is not None:
                    self._on_result(result)
                else:
                    self._results.append(result)
        except HotlineError as error:
            self._error = error
            if self._on_error is not None:
                self._on_error(error)
        finally:
            self._finished.set()

    async def _close(self) -> None:
        await self._stream.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def _cancel_others() -> None:
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
