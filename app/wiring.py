"""Wires the rooms together: who hears which events, which promises are kept by whom, which ways out are open."""

from __future__ import annotations

import importlib
from collections.abc import Iterator

import dispatch
import settlement
import sla
import ticketing
from connectors.registry import all_connectors
from core import secrets
from intake import retention
from ticketing import Outlet
from ticketing.outlets import open_outlets

TABLES = (
    "core.outbox",
    "ticketing.tables",
    "intake.tables",
    "sla.tables",
    "dispatch.tables",
    "settlement.tables",
)


def import_tables() -> None:
    """Imports every room's tables, so that ``core.db.Base.metadata`` is complete."""
    for name in TABLES:
        importlib.import_module(name)


def guard_contents() -> None:
    """Has retention, whose promise comes once a day, know what other rooms keep in the same store."""
    for contents in (dispatch.contents, settlement.contents):
        retention.needed_by(contents)


def prepare() -> None:
    """Called by every process that writes tickets or keeps promises."""
    import_tables()
    guard_contents()
    secrets.key("start")  # a key that is missing is told now, not when somebody first needs it
    for room in (ticketing, sla, dispatch, settlement):
        room.wire()
    for connector in all_connectors().values():
        if connector.prepare is not None:
            connector.prepare()
    open_outlets(list(_outlets()))


def _outlets() -> Iterator[Outlet]:
    for connector in all_connectors().values():
        if connector.outlets is not None:
            yield from connector.outlets()
