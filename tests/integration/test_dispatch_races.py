"""Engineers, clocks and promises that act on one ticket at the same moment: one of them gets it, nothing is half done."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select

import dispatch
import sla
from core import db, settings, worker
from core.clock import TurnableClock
from core.db import Database
from core.errors import Conflict, HotlineError
from core.outbox import PromiseRow
from dispatch import Visit
from dispatch.settings import DispatchSettings
from tests.support import keep_promises
from tests.support.service import confirmed, user
from ticketing import Event, Ticket, events, workflow


@pytest.fixture(autouse=True)
def wired() -> Iterator[None]:
    before = dict(events._subscriptions)
    events._subscriptions.clear()
    sla.wire()
    dispatch.wire()
    yield
    events._subscriptions.clear()
    events._subscriptions.update(before)


def hire(count: int) -> list[int]:
    with db.write() as session:
        people = [user(session, f"eng{n}", "engineer").id for n in range(count)]
        for person in people:
            dispatch.save_engineer(
                session, person, skills=["*"], certificates=[{"name": "refrigeration"}], regions=["34"]
            )
    return people


def at_once(*deeds: Callable[[], object]) -> list[object]:
    """What each returned, or the HotlineError it raised."""
    gate = threading.Barrier(len(deeds))

    def run(deed: Callable[[], object]) -> object:
        gate.wait(timeout=30)
        try:
            return deed()
        except HotlineError as error:
            return error

    with ThreadPoolExecutor(len(deeds)) as pool:
        return list(pool.map(run, deeds))


def test_six_grab_and_one_gets_it(any_database: Database, turnable: TurnableClock) -> None:
    settings.use(DispatchSettings(automatic=False))
    people = hire(6)
    with db.write() as session:
        ticket = confirmed(session).id
    keep_promises()

    def grab(person: int) -> Callable[[], int]:
        def deed() -> int:
            with db.write() as session:
                return dispatch.grab(session, workflow.load(session, ticket), person).id

        return deed

    outcomes = at_once(*map(grab, people))
    assert sum(isinstance(outcome, int) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Conflict) for outcome in outcomes) == 5
    with db.read() as session:
        visits = session.scalars(select(Visit)).all()
        assert [visit.state for visit in visits] == ["accepted"]
        assert session.get_one(Ticket, ticket).assignee_id == visits[0].engineer.user_id


def test_an_answer_in_the_last_second(any_database: Database, turnable: TurnableClock) -> None:
    hire(2)
    for _ in range(3):
        with db.write() as session:
            ticket = confirmed(session).id
        keep_promises()
        with db.read() as session:
            visit = session.scalars(select(Visit).where(Visit.ticket_id == ticket)).one()
            first, promise = (
                visit.engineer.user_id,
                session.scalars(
                    select(PromiseRow.id).where(
                        PromiseRow.kind == "dispatch.answer", PromiseRow.unique_key == str(visit.id)
                    )
                ).one(),
            )
        turnable.turn(by=timedelta(minutes=15))

        def accept(ticket: int = ticket, person: int = first) -> int:
            with db.write() as session:
                return dispatch.accept(session, workflow.load(session, ticket), person).id

        outcomes = at_once(accept, lambda promise=promise: worker.keep(promise))
        keep_promises()
        with db.read() as session:
            row = session.get_one(Ticket, ticket)
            live = session.scalars(
                select(Visit).where(Visit.ticket_id == ticket, Visit.state.in_(("proposed", "accepted")))
            ).all()
            assert len(live) == 1
            assert row.assignee_id == live[0].engineer.user_id
            accepted = not isinstance(outcomes[0], Conflict)
            assert (row.state, live[0].state) == (("accepted", "accepted") if accepted else ("assigned", "proposed"))
            assert accepted == (row.assignee_id == first)
            silent = select(Event.id).where(Event.ticket_id == ticket, Event.kind == "dispatch.no_answer")
            assert (session.scalar(silent) is None) == accepted
