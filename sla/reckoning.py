"""What a clock shows, from the stretches in which it ran. Pure, and all of it derived: change the calendar or the target and
reckon again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TypeVar

from sla.calendar import NOTHING, Calendar
from sla.errors import UnannouncedYear

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Stretch:
    """A clock ran from ``start`` until ``end``; None: it runs."""

    start: datetime
    end: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Reading:
    """``moment`` by the calendar; ``uncertain``: the year that is not announced, for which plain weekdays were taken."""

    moment: datetime | None
    uncertain: int | None = None


def used(calendar: Calendar, stretches: Sequence[Stretch], now: datetime) -> timedelta:
    """Business time that the clock has run by ``now``."""

    def total(by: Calendar) -> timedelta:
        spans = ((s.start, min(s.end or now, now)) for s in stretches)
        return sum((by.measure(a, b) for a, b in spans if a < b), NOTHING)

    return _tentatively(calendar, total)[0]


def reached(calendar: Calendar, stretches: Sequence[Stretch], amount: timedelta) -> Reading:
    """When the clock had, or will have, run for ``amount`` of business time; None if it stands before that."""

    def find(by: Calendar) -> datetime | None:
        left = amount
        for stretch in stretches:
            if stretch.end is None:
                return by.add(stretch.start, left)
            ran = by.measure(stretch.start, stretch.end)
            if ran >= left:
                return by.add(stretch.start, left)
            left -= ran
        return None

    moment, uncertain = _tentatively(calendar, find)
    return Reading(moment=moment, uncertain=uncertain)


def _tentatively(calendar: Calendar, reckon: Callable[[Calendar], T]) -> tuple[T, int | None]:
    try:
        return reckon(calendar), None
    except UnannouncedYear as error:
        return reckon(calendar.as_tentative()), error.year
