"""What is weighed against what: a job and those who could do it, as plain records. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from dispatch.places import Place
from sla import Calendar, Words


@dataclass(frozen=True, kw_only=True)
class Job:
    """One visit to make. ``skills``: names any of which fits; ``certificates``: all are needed. ``arrive_by``: what sla
    promised; ``wanted``: the customer's window. ``turned_down``: engineers (ids) who refused it or did not answer."""

    ticket_id: int
    now: datetime
    priority: int = 3
    place: Place = field(default_factory=Place)
    skills: frozenset[str] = frozenset()
    certificates: frozenset[str] = frozenset()
    wanted: tuple[datetime, datetime] | None = None
    arrive_by: datetime | None = None
    turned_down: frozenset[int] = frozenset()

    @property
    def emergency(self) -> bool:
        return self.priority == 1


@dataclass(frozen=True, kw_only=True)
class Contender:
    """An engineer as far as the choice goes. ``load``: visits that are open or were done today; ``hours``: None is always."""

    id: int
    name: str
    skills: frozenset[str] = frozenset()
    certificates: frozenset[str] = frozenset()
    regions: tuple[str, ...] = ()
    home: Place = field(default_factory=Place)
    capacity: int = 6
    load: int = 0
    hours: Calendar | None = None
    leaves: Sequence[tuple[datetime, datetime, str]] = ()
    busy_until: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One strategy's word on one contender. ``excluded``: cannot be sent, whatever the others say."""

    text: Words
    points: float = 0.0
    excluded: bool = False


@dataclass(frozen=True, kw_only=True)
class Ranked:
    """A contender with the sum and the reasons; ``excluded`` names why not, empty where it can be sent."""

    contender: Contender
    score: float
    reasons: tuple[Verdict, ...] = field(default_factory=tuple)
    excluded: tuple[Words, ...] = ()


class Strategy(Protocol):
    """One point of view; None where it has nothing to say."""

    def __call__(self, job: Job, contender: Contender) -> Verdict | None: ...
