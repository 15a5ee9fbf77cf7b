"""Whatever is tried, in whatever order: only declared states, and an event for every step."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import db
from core.db import Database
from core.errors import Conflict, HotlineError, InvalidInput
from ticketing import workflow
from ticketing.tables import Event, Ticket, User

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
_numbers = iter(range(1, 1_000_000))


def ticket(session: Session, state: str = "draft") -> Ticket:
    made = Ticket(number=f"T{next(_numbers)}", state=state, service="repair", channel="webform", created=NOW)
    session.add(made)
    session.flush()
    return made


def engineer(session: Session) -> int:
    login = f"engineer{next(_numbers)}"
    user = User(login=login, name="陈工", role="engineer", created=NOW)
    session.add(user)
    session.flush()
    return user.id


def details(session: Session, action: str) -> dict[str, object]:
    return {
        "assign": lambda: {"assignee": engineer(session)},
        "merge": lambda: {"into": ticket(session, "open").id},
    }.get(action, lambda: {"reason": "因为"})()


def test_the_whole_way_of_a_visit(any_database: Database) -> None:
    with db.write() as session:
        made = ticket(session)
        way = "confirm assign accept wait_customer resume check_in complete bill close reopen cancel"
        states = []
        for action in way.split():
            workflow.move(session, made, action, "user:1", **details(session, action))
            states.append(made.state)
    assert states == [
        "open",
        "assigned",
        "accepted",
        "waiting",
        "accepted",
        "on_site",
        "completed",
        "billed",
        "closed",
        "open",
        "cancelled",
    ]
    with db.read() as session:
        kept = session.get_one(Ticket, made.id)
        kinds = session.scalars(select(Event.kind).where(Event.ticket_id == made.id).order_by(Event.id)).all()
        assert kept.state == "cancelled"
        assert kept.reason == "因为"
        assert kept.confirmed is not None
        assert kept.closed is None
        assert kinds[:3] == ["ticket.confirmed", "ticket.assigned", "ticket.accepted"]
        assert len(kinds) == len(states)


@given(actions=st.lists(st.sampled_from(sorted(workflow.TRANSITIONS)), max_size=25))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_sequence_leaves_the_table(database: Database, actions: list[str]) -> None:
    with db.write() as session:
        made = ticket(session)
        steps = 0
        for action in actions:
            before, version = made.state, made.version
            try:
                event = workflow.move(session, made, action, "user:1", **details(session, action))
            except Conflict:
                assert before not in workflow.TRANSITIONS[action].sources
                assert (made.state, made.version) == (before, version)
            else:
                steps += 1
                assert before in workflow.TRANSITIONS[action].sources
                assert made.state in workflow.STATES
                assert made.version > version
                assert event.kind == workflow.TRANSITIONS[action].event
                assert (event.details["from"], event.details["to"]) == (before, made.state)
                assert (made.state == "merged") == (made.merged_into_id is not None)
                assert made.state not in ("draft", "open", "discarded") or made.assignee_id is None
        recorded = session.scalar(select(func.count()).select_from(Event).where(Event.ticket_id == made.id))
        assert recorded == steps


@given(data=st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_offered_action_can_be_taken(database: Database, data: st.DataObject) -> None:
    """A walk that only takes what is offered is never refused, and no state but a merged one is a dead end."""
    with db.write() as session:
        made = ticket(session)
        for _ in range(data.draw(st.integers(0, 15))):
            offered = workflow.possible(made.state)
            assert offered
            action = data.draw(st.sampled_from(offered))
            workflow.move(session, made, action, "user:1", **details(session, action))


def test_what_comes_back_comes_back_to_where_it_was(database: Database) -> None:
    with db.write() as session:
        draft, opened = ticket(session), ticket(session, "open")
        for made, state in ((draft, "draft"), (opened, "open")):
            workflow.move(session, made, "merge", "user:1", into=ticket(session, "open").id)
            workflow.move(session, made, "unmerge", "user:1")
            assert made.state == state


@pytest.mark.parametrize("action", ["discard", "cancel", "reopen", "resolve", "assign", "merge"])
def test_a_step_names_what_it_lacks(database: Database, action: str) -> None:
    with db.write() as session:
        made = ticket(session, sorted(workflow.TRANSITIONS[action].sources)[0])
        with pytest.raises(InvalidInput) as caught:
            workflow.move(session, made, action, "user:1")
        assert caught.value.details["needs"] == list(workflow.TRANSITIONS[action].needs)


def test_only_an_active_engineer_is_assigned(database: Database) -> None:
    with db.write() as session:
        made = ticket(session, "open")
        agent = User(login="agent", name="小王", role="agent", created=NOW)
        gone = User(login="gone", name="老李", role="engineer", active=False, created=NOW)
        session.add_all([agent, gone])
        session.flush()
        for user_id in (agent.id, gone.id, 999_999):
            with pytest.raises(InvalidInput):
                workflow.move(session, made, "assign", "dispatch", assignee=user_id)
        assert made.state == "open"


def test_unknown_actions_and_stale_versions_are_refused(any_database: Database) -> None:
    with db.write() as session:
        made = ticket(session)
        with pytest.raises(InvalidInput):
            workflow.move(session, made, "explode", "user:1")
    with db.write() as session, pytest.raises(HotlineError, match="changed"):
        workflow.load(session, made.id, version=made.version + 1)
    with db.write() as session:
        loaded = workflow.load(session, made.id, version=made.version)
        workflow.touch(loaded)
    assert loaded.version == made.version + 1
