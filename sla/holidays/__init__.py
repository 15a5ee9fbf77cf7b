"""Public holidays as year packs: one YAML file a year with its source. A year without a file is not announced, never guessed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Literal

import yaml

from core.errors import ConfigurationError
from sla.errors import UnannouncedYear

HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class YearPack:
    """What was announced for one year. ``work``: weekend days that are worked. Some days lie in the year before."""

    year: int
    sources: tuple[str, ...]
    off: Mapping[date, str]
    work: Mapping[date, str]


@dataclass(frozen=True, kw_only=True)
class PublicHolidays:
    """The announced years of a region. A later year's notice wins for the last days of the year before it."""

    region: str
    years: Mapping[int, YearPack]

    def kind(self, day: date, *, tentative: bool = False) -> Literal["off", "work", ""]:
        """ "" is a day like any other of its weekday. Raises UnannouncedYear unless ``tentative``."""
        if day.year not in self.years and not tentative:
            raise UnannouncedYear(day.year, self.region)
        for year in (day.year + 1, day.year):
            pack = self.years.get(year)
            if pack is not None and day in pack.off:
                return "off"
            if pack is not None and day in pack.work:
                return "work"
        return ""

    def name(self, day: date) -> str:
        """What the day off or make-up day belongs to, "" for an ordinary day."""
        packs = filter(None, (self.years.get(day.year + 1), self.years.get(day.year)))
        return next((name for pack in packs if (name := pack.off.get(day) or pack.work.get(day))), "")


def read_pack(path: Path) -> YearPack:
    """Raises ConfigurationError that names the file and what is wrong with it."""
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        pack = YearPack(
            year=int(content["year"]),
            sources=tuple(map(str, content["sources"])),
            off=_days(content["days_off"]),
            work=_days(content["days_worked"]),
        )
    except (OSError, yaml.YAMLError, KeyError, TypeError, ValueError) as error:
        raise ConfigurationError(f"holidays {path.name}: {type(error).__name__} {error}") from error
    if not pack.sources or not pack.off:
        raise ConfigurationError(f"holidays {path.name}: a year needs its source and at least one day off")
    strays = [d for d in (*pack.off, *pack.work) if d.year not in (pack.year, pack.year - 1)]
    if strays or pack.off.keys() & pack.work.keys():
        raise ConfigurationError(f"holidays {path.name}: a day of another year, or both off and worked")
    return pack


def _days(entries: Mapping[date, str]) -> dict[date, str]:
    for day in entries:
        if type(day) is not date:
            raise TypeError(f"{day!r} is not a date like 2026-01-31")
    return {day: str(name) for day, name in entries.items()}


def public_holidays(region: str, *folders: Path) -> PublicHolidays:
    """The packs of a region: the shipped ones and those of ``folders``, where a year may be added or replaced at any time.
    Raises ConfigurationError for an unknown region or a broken file."""
    if not region.isidentifier():
        raise ConfigurationError(f"a region is named by letters, got {region!r}")
    paths = [path for place in (HERE, *folders) for path in sorted((place / region).glob("*.yaml"))]
    if not paths:
        raise ConfigurationError(f"no public holidays are known for {region}")
    return _read(region, tuple((path, path.stat().st_mtime_ns) for path in paths))


@lru_cache(maxsize=16)
def _read(region: str, files: tuple[tuple[Path, int], ...]) -> PublicHolidays:
    """Read once for each state of the files."""
    packs = [read_pack(path) for path, _ in files]
    return PublicHolidays(region=region, years={pack.year: pack for pack in packs})
