"""What is heard in a call: its audio goes to the recogniser, finals become turns. A call never waits for recognition; when
that is busy, gone or too slow, the call goes on and its recording is recognised later."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace

from asr import Final, Listening, Partial
from asr.client import RecognitionStream, connect
from asr.contract import BYTES_PER_MS
from asr.transcribe import joined
from core import log
from core.errors import HotlineError

OPEN_SECONDS = 2.0
WAITING_FRAMES = 1500  # pieces of 40 ms: a minute before the stream is given up
LISTENED = 2000 * BYTES_PER_MS  # bytes of a stretch of silence: enough to end an utterance
logger = log.get(__name__)
OnPartial = Callable[[Partial], None]
OnFinal = Callable[[Final], Awaitable[None]]


class Hearing:
    """One recognition stream. ``complete`` is False once anything said may be missing from the finals."""

    def __init__(self, on_partial: OnPartial, on_final: OnFinal, leg: str = "customer") -> None:
        self.complete = True
        self._on_partial, self._on_final, self._leg = on_partial, on_final, leg
        self._audio: asyncio.Queue[bytes | None] = asyncio.Queue()
        self._stream: RecognitionStream | None = None
        self._task: asyncio.Task[None] | None = None
        self._finishing = False
        self._gone = False
        self._fed = 0
        self._skips: list[tuple[int, int]] = []  # (ms of the stream, ms that were left out there)

    def start(self) -> None:
        self._task = asyncio.create_task(self._run())

    @property
    def listens(self) -> bool:
        """Whether words can still come."""
        return not self._gone

    def feed(self, pcm: bytes) -> None:
        if self._gone or self._finishing:
            return
        if self._audio.qsize() > WAITING_FRAMES:
            self._give_up("too far behind")
            return
        self._fed += len(pcm)
        self._audio.put_nowait(pcm)

    def silence(self, size: int) -> None:
        """So many bytes of silence that come at once: the recogniser hears no more than their beginning, or it would be too
        far behind; what is heard later keeps its time."""
        self.feed(bytes(min(size, LISTENED)))
        if size > LISTENED:
            self._skips.append((self._fed // BYTES_PER_MS, (size - LISTENED) // BYTES_PER_MS))

    async def expect(self, endpointing: str) -> None:
        """Another endpointing from here on; nothing happens where nothing listens."""
        if self._stream is not None and not self._gone and not self._finishing:
            with contextlib.suppress(HotlineError):
                await self._stream.expect(endpointing)

    async def finish(self, seconds: float) -> None:
        """Waits for the last words, no longer than this; what they may have been is then for later."""
        self._finishing = True
        self._audio.put_nowait(None)
        if self._task is None:
            return
        done, _ = await asyncio.wait({self._task}, timeout=seconds)
        if not done:
            self._give_up("the last words did not come in time")
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def _give_up(self, reason: str) -> None:
        if not self._gone:
            logger.warning("a call is not recognised live; its recording waits", reason=reason)
        self.complete, self._gone = False, True

    async def _run(self) -> None:
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(OPEN_SECONDS):
                    self._stream = await stack.enter_async_context(connect(Listening(leg=self._leg)))
                receiving = asyncio.create_task(self._receive(self._stream))
                stack.push_async_callback(_ended, receiving)
                while (pcm := await self._audio.get()) is not None:
                    await self._stream.send(pcm)
                await self._stream.finish()
                await receiving
        except TimeoutError:
            self._give_up("no recogniser answered in time")
        except HotlineError as error:
            self._give_up(error.message)
        except Exception:
            self.complete, self._gone = False, True
            logger.exception("recognition of a call failed")
        finally:
            self._stream = None

    async def _receive(self, stream: RecognitionStream) -> None:
        async for result in stream:
            if isinstance(result, Partial):
                self._on_partial(result)
            elif result.text.strip():
                try:
                    await self._on_final(self._timed(result))
                except Exception:  # the database's bad moment costs this utterance, not those that follow
                    self.complete = False
                    logger.exception("an utterance could not be kept; the recording waits")

    def _timed(self, final: Final) -> Final:
        """With the times of the recording."""
        if not self._skips:
            return final

        def moved(ms: int) -> int:
            return ms + sum(left_out for at, left_out in self._skips if ms >= at)

        words = [replace(word, start=moved(word.start), end=moved(word.end)) for word in final.words]
        return replace(final, words=words, start=moved(final.start), end=moved(final.end), at=moved(final.at))


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError, HotlineError):
        await task


def spoken(final: Final) -> tuple[str, list[tuple[str, int, int, float]]]:
    """An utterance as text (no blanks between Chinese words) and its words."""
    text, placed = joined([final])
    return text, [(word.text, word.start, word.end, word.confidence) for _, word in placed]
