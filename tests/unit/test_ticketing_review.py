"""Confirming without a look: only above the threshold, only what is whole, never danger and complaints."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from core import clock, db, settings
from core.db import Database
from tests.support.desk import FIELDS, draft, person
from ticketing import Event, NewEvent, Ticket
from ticketing.review import ReviewSettings, confirm_without_look, sure_enough


def told(ticket_id: int) -> str:
    """Has the subscriber told of the draft; returns the state that comes of it."""
    with db.write() as session:
        event = NewEvent(id=1, ticket_id=ticket_id, kind="ticket.drafted", at=clock.now(), actor="intake", details={})
        confirm_without_look(session, event)
    with db.read() as session:
        return session.get_one(Ticket, ticket_id).state


@pytest.mark.parametrize(("threshold", "state"), [(0.0, "draft"), (0.5, "open"), (0.9, "open"), (0.95, "draft")])
def test_a_draft_is_confirmed_above_the_threshold(database: Database, threshold: float, state: str) -> None:
    settings.use(ReviewSettings(confirm_above=threshold))
    ticket_id = draft()
    assert told(ticket_id) == state
    with db.read() as session:
        last = session.scalars(select(Event).order_by(Event.id.desc()).limit(1)).one()
    assert (last.kind == "ticket.confirmed") == (state == "open")
    if state == "open":
        assert (last.actor, last.details["without_look"], last.details["threshold"]) == ("review", True, threshold)


@pytest.mark.parametrize("change", [{"urgency": "emergency"}, {"service": "complaint"}, {"reviewer_id": 1}])
def test_some_drafts_always_get_a_look(database: Database, change: dict[str, object]) -> None:
    settings.use(ReviewSettings(confirm_above=0.1))
    person("wang", "agent")
    ticket_id = draft()
    with db.write() as session:
        for name, value in change.items():
            setattr(session.get_one(Ticket, ticket_id), name, value)
    assert told(ticket_id) == "draft"


def test_what_is_missing_is_not_sure(database: Database) -> None:
    settings.use(ReviewSettings(confirm_above=0.1))
    assert told(draft(fields=[field for field in FIELDS if field[0] != "phone"])) == "draft"
    with db.read() as session:
        assert not sure_enough(session.scalars(select(Ticket)).one())
