"""Processes that compute beside the first one, with one thread each: matrices are small, and more threads would add in another order."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing import active_children, get_context, parent_process
from typing import Any

_THREADS = "OPENBLAS_NUM_THREADS"
_share: Any = None  # in a process beside: what ``tell`` says, shared with the first process


class Beside:
    """``count`` processes. Leaving it by an exception ends what they do; they end themselves when the first process is gone."""

    def __init__(self, count: int) -> None:
        context = get_context("spawn")
        self._share = context.Value("d", 0.0)
        self._others = {child.pid for child in active_children()}
        self._pool = ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(self._share,))
        self._futures: list[Future[Any]] = []

    def __enter__(self) -> Beside:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            for child in active_children():
                if child.pid not in self._others:
                    child.terminate()
        self._pool.shutdown(wait=kind is None, cancel_futures=True)

    def submit(self, work: Callable[..., Any], *given: Any) -> Future[Any]:
        with _one_thread():
            future = self._pool.submit(work, *given)  # which begins a process where one is missing
        self._futures.append(future)
        return future

    def follow(self, progress: Callable[[float], None]) -> None:
        """Until all is done; tells what ``tell`` was told last. Raises what the first raised that failed."""
        waiting = True
        while waiting:
            done, unfinished = wait(self._futures, timeout=1.0, return_when=FIRST_EXCEPTION)
            progress(self._share.value)
            for future in done:
                future.result()
            waiting = bool(unfinished)


def tell(share: float) -> None:
    """From a process beside, how much is done (0..1)."""
    if _share is not None:
        _share.value = share


def _begin(share: Any) -> None:
    global _share
    _share = share
    threading.Thread(target=_until_alone, daemon=True).start()


def _until_alone() -> None:
    first = parent_process()
    if first is not None:
        first.join()
        os._exit(1)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Processes begun within compute with one thread."""
    before = os.environ.get(_THREADS)
    os.environ[_THREADS] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_THREADS]
        else:
            os.environ[_THREADS] = before
