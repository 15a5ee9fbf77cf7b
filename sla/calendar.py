"""Business time: when a business is open, and arithmetic in that time. Pure.

A day is open by the first of these that speaks of it: dated shifts, the calendar's own holidays and working days, the
public holidays it observes with their make-up working days, its weekdays. From weekly shifts the weekly breaks are
taken; a dated shift is meant as it is written. Business time is elapsed time (an hour is 3600 s even on a day when
clocks change). A wall time that occurs twice means its first occurrence, one that is skipped means the moment of change.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from core.clock import aware
from sla.errors import NoBusinessTime
from sla.holidays import PublicHolidays

DAY = 24 * 60
HORIZON = 3700  # days that a search may take before the calendar counts as closed for good
NOTHING = timedelta()


@dataclass(frozen=True, order=True)
class Shift:
    """From ``start`` to ``end`` in minutes after the local midnight of its day; may reach into the next day (at most 2880)."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not 0 <= self.start < self.end <= 2 * DAY:
            raise ValueError(f"a shift ends after its start, within two days, got {self.start}..{self.end}")


Shifts = tuple[Shift, ...]


@dataclass(frozen=True, kw_only=True)
class Calendar:
    """``weekdays`` and ``breaks``: 0 is Monday. ``make_up``: the weekday whose hours a make-up working day has.

    ``tentative``: take years that are not announced as if they had no public holidays, instead of raising UnannouncedYear.
    """

    name: str
    zone: ZoneInfo
    weekdays: Mapping[int, Shifts]
    breaks: Mapping[int, Shifts] = field(default_factory=dict)
    dated: Mapping[date, Shifts] = field(default_factory=dict)
    dated_breaks: Mapping[date, Shifts] = field(default_factory=dict)
    holidays: frozenset[date] = frozenset()
    working_days: frozenset[date] = frozenset()
    observes: PublicHolidays | None = None
    make_up: int = 0
    tentative: bool = False

    def as_tentative(self) -> Calendar:
        return dataclasses.replace(self, tentative=True)

    def add(self, moment: datetime, duration: timedelta) -> datetime:
        """The earliest moment by which ``duration`` of business time has passed since ``moment``.

        Raises UnannouncedYear where the answer depends on holidays nobody knows yet, NoBusinessTime where it never comes.
        """
        if duration < NOTHING:
            return self.subtract(moment, -duration)
        moment = aware(moment)
        if duration == NOTHING:
            return moment
        left = duration
        for start, end in self._forward(moment):
            if end - start >= left:
                return start + left
            left -= end - start
        raise NoBusinessTime(calendar=self.name)

    def subtract(self, moment: datetime, duration: timedelta) -> datetime:
        """The latest moment from which ``duration`` of business time passes until ``moment``; raises as ``add`` does."""
        if duration < NOTHING:
            return self.add(moment, -duration)
        moment = aware(moment)
        if duration == NOTHING:
            return moment
        left = duration
        for start, end in self._backward(moment):
            if end - start >= left:
                return end - left
            left -= end - start
        raise NoBusinessTime(calendar=self.name)

    def measure(self, start: datetime, end: datetime) -> timedelta:
        """Business time between two moments, negative if ``end`` is the earlier one; raises UnannouncedYear."""
        start, end = aware(start), aware(end)
        if end < start:
            return -self.measure(end, start)
        if end == start:
            return NOTHING
        total = NOTHING
        day, last = start.astimezone(self.zone).date(), end.astimezone(self.zone).date()
        while day <= last:
            for opens, closes in self.open_on(day):
                total += max(NOTHING, min(closes, end) - max(opens, start))
            day += timedelta(days=1)
        return total

    def is_open(self, moment: datetime) -> bool:
        moment = aware(moment)
        return any(start <= moment < end for start, end in self.open_on(moment.astimezone(self.zone).date()))

    def next_opening(self, moment: datetime) -> datetime:
        """``moment`` itself while open, else when business begins again."""
        for start, _ in self._forward(aware(moment)):
            return start
        raise NoBusinessTime(calendar=self.name)

    def open_on(self, day: date) -> list[tuple[datetime, datetime]]:
        """The stretches of that local day that are business time, in UTC, in order, not touching each other."""
        own = [Shift(s.start, min(s.end, DAY)) for s in self._plan(day) if s.start < DAY]
        before: list[Shift] = []
        if self._overnight:
            yesterday = self._plan(day - timedelta(days=1))
            before = [Shift(max(s.start - DAY, 0), s.end - DAY) for s in yesterday if s.end > DAY]
        stretches = ((self._moment(day, s.start), self._moment(day, s.end)) for s in _union([*before, *own]))
        return [(start, end) for start, end in stretches if start < end]

    @cached_property
    def _overnight(self) -> bool:
        return any(s.end > DAY for shifts in (*self.weekdays.values(), *self.dated.values()) for s in shifts)

    def _plan(self, day: date) -> Shifts:
        if day in self.dated:
            return _without(self.dated[day], self.dated_breaks.get(day, ()))
        weekday = day.weekday()
        if day in self.holidays:
            return ()
        if day in self.working_days:
            weekday = self.make_up
        elif self.observes is not None:
            kind = self.observes.kind(day, tentative=self.tentative)
            if kind == "off":
                return ()
            if kind == "work":
                weekday = self.make_up
        breaks = (*self.breaks.get(weekday, ()), *self.dated_breaks.get(day, ()))
        return _without(self.weekdays.get(weekday, ()), breaks)

    def _forward(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        day = moment.astimezone(self.zone).date()
        for _ in range(HORIZON):
            for start, end in self.open_on(day):
                if end > moment:
                    yield max(start, moment), end
            day += timedelta(days=1)

    def _backward(self, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
        day = moment.astimezone(self.zone).date()
        for _ in range(HORIZON):
            for start, end in reversed(self.open_on(day)):
                if start < moment:
                    yield start, min(end, moment)
            day -= timedelta(days=1)

    def _moment(self, day: date, minute: int) -> datetime:
        wall = datetime(day.year, day.month, day.day) + timedelta(minutes=minute)  # noqa: DTZ001  # a wall time
        first = wall.replace(tzinfo=self.zone).astimezone(UTC)
        if first.astimezone(self.zone).replace(tzinfo=None) == wall:
            return first
        return self._change(wall.replace(tzinfo=self.zone, fold=1).astimezone(UTC), first)

    def _change(self, low: datetime, high: datetime) -> datetime:
        """The moment between the two at which the zone's offset changes, to the second."""
        before = low.astimezone(self.zone).utcoffset()
        while high - low > timedelta(seconds=1):
            middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
            if middle.astimezone(self.zone).utcoffset() == before:
                low = middle
            else:
                high = middle
        return high


def _union(shifts: list[Shift]) -> list[Shift]:
    joined: list[Shift] = []
    for shift in sorted(shifts):
        if joined and shift.start <= joined[-1].end:
            joined[-1] = Shift(joined[-1].start, max(joined[-1].end, shift.end))
        else:
            joined.append(shift)
    return joined


def _without(shifts: Shifts, breaks: Shifts) -> Shifts:
    left = [(s.start, s.end) for s in shifts]
    for pause in breaks:
        left = [
            piece
            for start, end in left
            for piece in ((start, min(end, pause.start)), (max(start, pause.end), end))
            if piece[0] < piece[1]
        ]
    return tuple(Shift(start, end) for start, end in sorted(left))
