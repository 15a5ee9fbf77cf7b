"""Which times are promised to whom. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sla.words import Words

CLOCKS = ("first_response", "next_update", "arrival", "solution")


@dataclass(frozen=True, kw_only=True)
class Rule:
    """What holds for tickets that fit; an empty set fits all. ``targets``: business time by clock; no entry, no clock."""

    name: str
    title: Words
    calendar: str
    targets: Mapping[str, timedelta]
    priorities: frozenset[int] = frozenset()
    services: frozenset[str] = frozenset()
    levels: frozenset[str] = frozenset()

    def fits(self, *, priority: int, service: str, level: str) -> bool:
        return (
            (not self.priorities or priority in self.priorities)
            and (not self.services or service in self.services)
            and (not self.levels or level in self.levels)
        )


@dataclass(frozen=True, kw_only=True)
class Escalation:
    """Whom to tell when ``at`` percent of a target are used: a role, assignee or reviewer. ``raises`` the priority by one."""

    at: int
    notify: tuple[str, ...]
    raises: bool = False


@dataclass(frozen=True, kw_only=True)
class Policy:
    """``pause``: by clock, the ticket's states in which it stands still."""

    rules: tuple[Rule, ...]
    pause: Mapping[str, frozenset[str]]
    warn: tuple[int, ...]
    escalation: tuple[Escalation, ...]

    def rule_for(self, *, priority: int, service: str, level: str = "") -> Rule | None:
        """The first rule that fits; None where nothing is promised."""
        return next((r for r in self.rules if r.fits(priority=priority, service=service, level=level)), None)

    def levels(self) -> list[int]:
        """Every percentage at which something happens, in order; 100 is always one."""
        return sorted({*self.warn, 100, *(step.at for step in self.escalation)})

    def steps_at(self, level: int) -> list[Escalation]:
        return [step for step in self.escalation if step.at == level]
