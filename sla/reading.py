"""Calendars and policies as they are written: YAML or JSON into the records that reckon. Wrong input is named by its place."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from core.errors import ConfigurationError, InvalidInput
from sla.calendar import DAY, Calendar, Shift, Shifts
from sla.holidays import public_holidays
from sla.policy import CLOCKS, Escalation, Policy, Rule
from sla.words import words

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_HOURS = re.compile(r"(\d{1,2}):(\d\d)\s*-\s*(\d{1,2}):(\d\d)")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)([smhd])")
LONGEST = 400 * 86400
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


def read_calendars(content: Mapping[str, Any], zone: str, folders: Iterable[Path] = ()) -> dict[str, Calendar]:
    """``folders`` hold year packs beside the shipped ones. Raises InvalidInput that names the calendar and the value."""
    if not isinstance(content, Mapping) or not content:
        raise InvalidInput("Calendars are written as a mapping of names.")
    return {str(name): _calendar(str(name), entry, zone, tuple(folders)) for name, entry in content.items()}


def _calendar(name: str, entry: Mapping[str, Any], zone: str, folders: tuple[Path, ...]) -> Calendar:
    try:
        return Calendar(
            name=name,
            zone=ZoneInfo(str(entry.get("zone", zone))),
            weekdays=_weekly(entry["weekdays"]),
            breaks=_weekly(entry.get("breaks", {})),
            dated=_dated(entry.get("dated", {})),
            dated_breaks=_dated(entry.get("dated_breaks", {})),
            holidays=frozenset(map(_date, entry.get("holidays", ()))),
            working_days=frozenset(map(_date, entry.get("working_days", ()))),
            observes=public_holidays(str(entry["observes"]), *folders) if entry.get("observes") else None,
            make_up=WEEKDAYS.index(str(entry.get("make_up", "mon"))),
        )
    except (KeyError, TypeError, ValueError, AttributeError, OSError, ConfigurationError) as error:
        raise InvalidInput(f"The calendar {name} cannot be read: {type(error).__name__} {error}") from error


def shifts(written: Iterable[str]) -> Shifts:
    """``["09:00-12:00", "22:00-06:00"]``; raises ValueError."""
    if isinstance(written, str):
        raise ValueError(f"hours are written as a list, got {written!r}")
    return tuple(sorted(_shift(text) for text in written))


def _shift(text: str) -> Shift:
    found = _HOURS.fullmatch(str(text).strip())
    if found is None:
        raise ValueError(f"hours are written like 09:00-18:00, got {text!r}")
    h1, m1, h2, m2 = map(int, found.groups())
    start, end = h1 * 60 + m1, h2 * 60 + m2
    if h1 > 23 or m1 > 59 or m2 > 59 or end > DAY:
        raise ValueError(f"there is no such time of day in {text!r}")
    return Shift(start, end if end > start else end + DAY)


def _weekly(entry: Mapping[str, Any]) -> dict[int, Shifts]:
    week: dict[int, Shifts] = {}
    for days, hours in entry.items():
        first, _, last = str(days).partition("-")
        begin, end = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
        if end < begin:
            raise ValueError(f"weekdays run from mon to sun, got {days!r}")
        week.update(dict.fromkeys(range(begin, end + 1), shifts(hours)))
    return week


def _dated(entry: Mapping[Any, Any]) -> dict[date, Shifts]:
    return {_date(day): shifts(hours) for day, hours in entry.items()}


def _date(value: Any) -> date:
    return value if type(value) is date else date.fromisoformat(str(value))


def span(text: str) -> timedelta:
    """``90s``, ``15m``, ``2h``, ``1.5d``; raises ValueError."""
    found = _SPAN.fullmatch(str(text).strip())
    if found is None:
        raise ValueError(f"a time is written like 15m, 2h or 3d, got {str(text)[:40]!r}")
    seconds = float(found[1]) * _UNITS[found[2]]
    if not 1 <= seconds <= LONGEST:
        raise ValueError(f"a time is a second to 400 days, got {str(text)[:40]!r}")
    return timedelta(seconds=seconds)


def read_policy(content: Mapping[str, Any], calendars: Mapping[str, Calendar]) -> Policy:
    """Raises InvalidInput that names the rule and the value."""
    place = "pause, warn or escalation"
    try:
        pause = {name: frozenset(map(str, content.get("pause", {}).get(name, ()))) for name in CLOCKS}
        warn = tuple(sorted({int(level) for level in content.get("warn", (50, 75, 90))}))
        if not all(0 < level < 100 for level in warn):
            raise ValueError(f"warnings lie between 0 and 100 percent, got {warn}")
        steps = tuple(
            Escalation(
                at=int(step["at"]), notify=tuple(map(str, step.get("notify", ()))), raises=bool(step.get("raise"))
            )
            for step in content.get("escalation", ())
        )
        if not all(0 < step.at <= 1000 for step in steps):
            raise ValueError("escalation lies between 0 and 1000 percent")
        rules = []
        for entry in content["rules"]:
            place = f"the rule {entry.get('name', '?')}"
            rules.append(_rule(entry, calendars))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidInput(f"The policy cannot be read in {place}: {type(error).__name__} {error}") from error
    if not rules:
        raise InvalidInput("A policy needs at least one rule.")
    return Policy(rules=tuple(rules), pause=pause, warn=warn, escalation=steps)


def _rule(entry: Mapping[str, Any], calendars: Mapping[str, Calendar]) -> Rule:
    name = str(entry["name"])
    calendar = str(entry["calendar"])
    if calendar not in calendars:
        raise ValueError(f"there is no calendar {calendar}")
    targets = {str(clock): span(value) for clock, value in entry["targets"].items()}
    unknown = targets.keys() - set(CLOCKS)
    if unknown:
        raise ValueError(f"clocks are {', '.join(CLOCKS)}; got {', '.join(sorted(unknown))}")
    title = entry.get("title") or {}
    return Rule(
        name=name,
        title=words(str(title.get("zh", name)), str(title.get("en", name))),
        calendar=calendar,
        targets=targets,
        priorities=frozenset(map(int, entry.get("priority", ()))),
        services=frozenset(map(str, entry.get("service", ()))),
        levels=frozenset(map(str, entry.get("level", ()))),
    )
