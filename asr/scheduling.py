"""A decoding thread per core and many streams: who waits longest goes first, as long as he takes no more than the others.

A stream waits with a bounded queue of its own. Whenever a thread is free it takes a waiting stream, decodes a small quantum of
it and puts it back. Streams in real time are taken in the order in which they came: taking the one that had used the least
would let those who speak most wait again and again. One that is expensive (a
language that the model doesn't know can cost ten times real time) and has used LEAD more than another one that waits, or is fed
faster than real time, comes after the others, by the time it has used: it only slows itself down, and gets its share.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from asr.contract import BYTES_PER_MS, Engine, Final, Listening, Partial, Recognizer
from core import log
from core.errors import HotlineError, Unavailable

QUANTUM_MS = 200
CREDIT = 0.7  # s of decoding time that a stream which was quiet has good when it comes back
LEAD = 0.6  # s of decoding time that a stream may have used more than another one and still be taken in turn: callers differ
AHEAD = 2.0  # s that a live stream's audio may be ahead of the clock: networks deliver in clumps

logger = log.get(__name__)


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What decoding brought: results, the mark that the feeder set at this place of its audio, or the error that ended it."""

    results: Sequence[Partial | Final] = ()
    mark: str | None = None
    error: HotlineError | None = None


@dataclass(frozen=True)
class _Mark:
    """A place in the audio to report. ``finish``: everything before it is decoded to its end first."""

    name: str
    finish: bool = False


@dataclass(frozen=True)
class _Expect:
    endpointing: str


class Stream:
    """One stream's queue. The feeding methods never block; look at ``backlog_ms`` to know when to stop feeding.

    ``deliver`` is called on a decoding thread after each item, in order, one call at a time; it must not block.
    """

    def __init__(self, scheduler: Scheduler, listening: Listening, deliver: Callable[[Heard], None]) -> None:
        self.listening = listening
        self.used = 0.0
        self.fed_bytes = 0
        self.backlog_bytes = 0
        self.opened_at = time.monotonic()
        self.waiting_since = 0.0
        self._scheduler = scheduler
        self._deliver = deliver
        self._queue: deque[tuple[float, bytes | _Mark | _Expect]] = deque()
        self._recognizer: Recognizer | None = None
        self._closed = False

    @property
    def backlog_ms(self) -> int:
        return self.backlog_bytes // BYTES_PER_MS

    @property
    def fed_ms(self) -> int:
        return self.fed_bytes // BYTES_PER_MS

    def is_live(self, now: float) -> bool:
        """Whether it has been fed no faster than real time."""
        return self.fed_ms / 1000 <= now - self.opened_at + AHEAD

    def feed(self, pcm: bytes) -> None:
        for start in range(0, len(pcm), QUANTUM_MS * BYTES_PER_MS):
            self._put(pcm[start : start + QUANTUM_MS * BYTES_PER_MS])

    def mark(self, name: str, *, finish: bool = False) -> None:
        self._put(_Mark(name, finish))

    def expect(self, endpointing: str) -> None:
        self._put(_Expect(endpointing))

    def close(self) -> None:
        self._scheduler.close_stream(self)

    def _put(self, item: bytes | _Mark | _Expect) -> None:
        self._scheduler.put(self, item)


class Scheduler:
    """The decoding threads over one engine. ``stop`` ends them; streams that are still open get an Unavailable."""

    def __init__(self, engine: Engine, threads: int) -> None:
        self.engine = engine
        self.streams: set[Stream] = set()
        self.decoded_bytes = 0
        self.decoding_seconds = 0.0
        self._ready: set[Stream] = set()
        self._decoding: set[Stream] = set()
        self._least_used = 0.0
        self._changed = threading.Condition()
        self._stopping = False
        self._threads = [threading.Thread(target=self._work, name=f"decode-{n}", daemon=True) for n in range(threads)]
        for thread in self._threads:
            thread.start()

    @property
    def threads(self) -> int:
        return len(self._threads)

    @property
    def decoded_ms(self) -> int:
        return self.decoded_bytes // BYTES_PER_MS

    def open(self, listening: Listening, deliver: Callable[[Heard], None]) -> Stream:
        stream = Stream(self, listening, deliver)
        with self._changed:
            stream.used = self._least_used
            self.streams.add(stream)
        return stream

    def lag_seconds(self) -> float:
        """How old the oldest waiting audio is among the streams that are fed no faster than real time."""
        now = time.monotonic()
        with self._changed:
            waits = [now - stream._queue[0][0] for stream in self.streams if stream._queue and stream.is_live(now)]
        return max(waits, default=0.0)

    def put(self, stream: Stream, item: bytes | _Mark | _Expect) -> None:
        with self._changed:
            if stream._closed or self._stopping:
                return
            stream._queue.append((time.monotonic(), item))
            if isinstance(item, bytes):
                stream.fed_bytes += len(item)
                stream.backlog_bytes += len(item)
            if stream not in self._decoding and stream not in self._ready:
                # Who was quiet doesn't save up time against those who kept the threads busy.
                stream.used = max(stream.used, self._least_used - CREDIT)
                self._wait(stream)

    def close_stream(self, stream: Stream) -> None:
        with self._changed:
            stream._closed = True
            stream._queue.clear()
            stream.backlog_bytes = 0
            self._ready.discard(stream)
            self.streams.discard(stream)
            if stream not in self._decoding and stream._recognizer is not None:
                stream._recognizer.close()
                stream._recognizer = None

    def stop(self) -> None:
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()
        for stream in list(self.streams):
            stream._deliver(Heard(error=Unavailable("recognition is shutting down")))
            self.close_stream(stream)

    def _work(self) -> None:
        while True:
            with self._changed:
                while not self._ready and not self._stopping:
                    self._changed.wait()
                if self._stopping:
                    return
                stream = self._next()
                self._ready.remove(stream)
                self._decoding.add(stream)
                task = self._take(stream)
            started = time.monotonic()
            try:
                heard = self._decode(stream, task)
            except HotlineError as error:
                heard = Heard(error=error)
            except Exception as error:  # the thread serves others too
                logger.exception("decoding failed")
                heard = Heard(error=Unavailable(f"decoding failed: {type(error).__name__}"))
            if not stream._closed:
                stream._deliver(heard)
            with self._changed:
                took = time.monotonic() - started
                stream.used += took
                self.decoding_seconds += took
                if isinstance(task, bytes):
                    self.decoded_bytes += len(task)
                self._decoding.remove(stream)
                if stream._closed:
                    if stream._recognizer is not None:
                        stream._recognizer.close()
                        stream._recognizer = None
                elif stream._queue:
                    self._wait(stream)

    def _wait(self, stream: Stream) -> None:
        stream.waiting_since = time.monotonic()
        self._ready.add(stream)
        self._changed.notify()

    def _next(self) -> Stream:
        least = min(stream.used for stream in self._ready)
        decoding = min((stream.used for stream in self._decoding), default=least)
        self._least_used = max(self._least_used, min(least, decoding))
        now = time.monotonic()

        def turn(stream: Stream) -> tuple[bool, float]:
            last = stream.used > least + LEAD or not stream.is_live(now)
            return last, stream.used if last else stream.waiting_since

        return min(self._ready, key=turn)

    def _take(self, stream: Stream) -> bytes | _Mark | _Expect:
        """The next item; small pieces of audio are joined up to a quantum."""
        _, task = stream._queue.popleft()
        if not isinstance(task, bytes):
            return task
        joined = [task]
        size = len(task)
        while stream._queue:
            _, following = stream._queue[0]
            if not isinstance(following, bytes) or size + len(following) > QUANTUM_MS * BYTES_PER_MS:
                break
            stream._queue.popleft()
            joined.append(following)
            size += len(following)
        stream.backlog_bytes -= size
        return b"".join(joined)

    def _decode(self, stream: Stream, task: bytes | _Mark | _Expect) -> Heard:
        if stream._recognizer is None:
            stream._recognizer = self.engine.open(stream.listening)
        if isinstance(task, bytes):
            return Heard(results=stream._recognizer.accept(task))
        if isinstance(task, _Expect):
            stream._recognizer.expect(task.endpointing)
            return Heard()
        return Heard(results=stream._recognizer.finish() if task.finish else (), mark=task.name)
