"""The one source of "now". Tests turn it; nothing else calls ``datetime.now``.

All times are aware and in UTC; a zone is applied only where business hours or a person's words need one.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    def now(self) -> datetime: ...


class SystemClock:
    def now(self) -> datetime:
        return datetime.now(UTC)


class TurnableClock:
    """A clock that stands still until a test turns it."""

    def __init__(self, start: datetime) -> None:
        self._now = aware(start)

    def now(self) -> datetime:
        return self._now

    def turn(self, *, by: timedelta | None = None, to: datetime | None = None) -> None:
        self._now = aware(to) if to is not None else self._now + (by or timedelta())


_clock: Clock = SystemClock()


def now() -> datetime:
    return _clock.now()


def aware(moment: datetime) -> datetime:
    """The same moment in UTC; raises ValueError for a naive datetime."""
    if moment.tzinfo is None:
        raise ValueError(f"a time needs its zone, got {moment!r}")
    return moment.astimezone(UTC)


@contextlib.contextmanager
def using(clock: Clock) -> Iterator[Clock]:
    """Replaces the process's clock, for tests."""
    global _clock
    before, _clock = _clock, clock
    try:
        yield clock
    finally:
        _clock = before
