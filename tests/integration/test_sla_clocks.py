"""Clocks on both databases: they follow the ticket, warn once, breach in time and move when what they rest on changes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select

import sla
from core import db
from core.clock import TurnableClock
from core.db import Database
from core.errors import InvalidInput
from core.outbox import PromiseRow
from sla import clocks, documents
from sla.tables import SlaClock, SlaNote
from tests.support import keep_promises
from tests.support.service import confirmed, draft, user
from ticketing import Event, Notice, access, correspondence, events, workflow


@pytest.fixture(autouse=True)
def wired() -> Iterator[None]:
    before = dict(events._subscriptions)
    events._subscriptions.clear()
    sla.wire()
    yield
    events._subscriptions.clear()
    events._subscriptions.update(before)


def clock_named(ticket_id: int, name: str, round_: int = 1) -> SlaClock:
    with db.read() as session:
        return session.scalars(
            select(SlaClock).where(SlaClock.ticket_id == ticket_id, SlaClock.name == name, SlaClock.round == round_)
        ).one()


def kinds(ticket_id: int, prefix: str = "sla.") -> list[tuple[str, Any, Any]]:
    with db.read() as session:
        rows = session.scalars(
            select(Event).where(Event.ticket_id == ticket_id, Event.kind.startswith(prefix)).order_by(Event.id)
        )
        return [(e.kind, e.details.get("clock"), e.details.get("level")) for e in rows]


def notes(clock_id: int) -> list[str]:
    with db.read() as session:
        return [
            n.text["zh"]
            for n in session.scalars(
                select(SlaNote).where(SlaNote.clock_id == clock_id).order_by(SlaNote.at, SlaNote.id)
            )
        ]


def new_ticket(**options: Any) -> int:
    with db.write() as session:
        ticket_id = confirmed(session, **options).id
    keep_promises()
    return ticket_id


def step(ticket_id: int, action: str, **details: Any) -> None:
    with db.write() as session:
        workflow.move(session, workflow.load(session, ticket_id), action, "user:1", **details)
    keep_promises()


def at(text: str) -> datetime:
    return datetime.fromisoformat(text + "+08:00").astimezone(UTC)


def test_clocks_start_and_are_due_in_business_time(any_database: Database, turnable: TurnableClock) -> None:
    ticket = new_ticket()  # Friday 10:00; office hours 9-12, 13-18, 8 h: 2 + 5 on Friday, 1 on Monday
    arrival = clock_named(ticket, "arrival")
    assert (arrival.state, arrival.due) == ("running", at("2026-11-23T10:00"))
    assert clock_named(ticket, "first_response").state == "met"
    assert "按规则“标准”，时限为 8 小时（日历：office）" in notes(arrival.id)
    assert ("sla.met", "first_response", None) in kinds(ticket)


def test_warnings_and_breach_come_once_and_in_time(any_database: Database, turnable: TurnableClock) -> None:
    with db.write() as session:
        user(session, "disp", "dispatcher")
        user(session, "boss", "manager", language="en")
    ticket = new_ticket(urgency="emergency")  # arrival 2 h by the clock on the wall
    for minutes in (59, 1, 29, 1, 17, 1):
        turnable.turn(by=timedelta(minutes=minutes))
        keep_promises()
        keep_promises()
    told = [k for k in kinds(ticket) if k[1] == "arrival"]
    assert told == [
        ("sla.started", "arrival", None),
        ("sla.warned", "arrival", 50),
        ("sla.warned", "arrival", 75),
        ("sla.warned", "arrival", 90),
    ]
    turnable.turn(by=timedelta(hours=5))  # nobody looked for a long while
    keep_promises()
    arrival = clock_named(ticket, "arrival")
    assert (arrival.state, arrival.breached) == ("breached", arrival.due)
    assert [k for k in kinds(ticket) if k[:2] == ("sla.breached", "arrival")] == [("sla.breached", "arrival", None)]
    with db.read() as session:
        english = [
            n.text for n in session.scalars(select(Notice).where(Notice.purpose == "warning")) if "overdue" in n.text
        ]
    assert any("arrival is overdue (it was due 2026-11-20 12:00)" in text for text in english)


def test_a_clock_that_was_met_has_no_promise_left(any_database: Database, turnable: TurnableClock) -> None:
    with db.write() as session:
        engineer = user(session, "eng", "engineer").id
    ticket = new_ticket(urgency="emergency")
    step(ticket, "assign", assignee=engineer)
    step(ticket, "accept")
    turnable.turn(by=timedelta(minutes=30))
    step(ticket, "check_in")
    arrival = clock_named(ticket, "arrival")
    assert arrival.state == "met"
    with db.read() as session:
        row = session.scalars(
            select(PromiseRow).where(PromiseRow.kind == "sla.tick", PromiseRow.unique_key == str(arrival.id))
        ).one()
    assert row.state == "dropped"
    turnable.turn(by=timedelta(hours=3))
    keep_promises()
    assert ("sla.breached", "arrival", None) not in kinds(ticket)


def test_a_pause_gives_its_time_back(any_database: Database, turnable: TurnableClock) -> None:
    ticket = new_ticket()
    turnable.turn(to=at("2026-11-20T11:00"))
    step(ticket, "wait_customer")
    paused = clock_named(ticket, "arrival")
    assert (paused.state, paused.due) == ("paused", None)
    turnable.turn(to=at("2026-11-23T09:00"))
    step(ticket, "resume")
    assert clock_named(ticket, "arrival").due == at("2026-11-23T17:00")  # 7 h were left


def test_a_higher_priority_moves_the_clock_and_says_why(any_database: Database, turnable: TurnableClock) -> None:
    ticket = new_ticket()
    turnable.turn(by=timedelta(minutes=30))
    with db.write() as session:
        row = workflow.load(session, ticket)
        row.priority = 1
        events.record(session, row, "ticket.priority_changed", "user:1", before=3, after=1)
    keep_promises()
    arrival = clock_named(ticket, "arrival")
    assert (arrival.rule, arrival.due) == ("emergency", at("2026-11-20T12:00"))
    assert any(
        "规则由 standard 变为 emergency" in line and "改为 2026-11-20 12:00" in line for line in notes(arrival.id)
    )
    assert ("sla.recalculated", "arrival", None) in kinds(ticket)


def test_a_changed_policy_moves_running_clocks_and_leaves_stopped_ones(
    any_database: Database, turnable: TurnableClock
) -> None:
    ticket = new_ticket()
    with db.write() as session:
        content, version = documents.written(session, "policies")
        content = {
            **content,
            "rules": [{"name": "all", "calendar": "always", "targets": {"arrival": "1h", "first_response": "1m"}}],
        }
        assert documents.save(session, "policies", content, "user:1", version) == 1
    keep_promises()
    assert clock_named(ticket, "arrival").due == at("2026-11-20T11:00")
    assert clock_named(ticket, "first_response").target == 1800
    with db.write() as session, pytest.raises(InvalidInput, match="nowhere"):
        documents.save(session, "policies", {"rules": [{"name": "x", "calendar": "nowhere", "targets": {}}]}, "user:1")


def test_a_year_without_announced_holidays_is_flagged_and_reckoned_again_later(
    any_database: Database, turnable: TurnableClock, tmp_path: Any
) -> None:
    from core import settings
    from sla.settings import SlaSettings

    turnable.turn(to=at("2026-12-31T17:00"))
    ticket = new_ticket()
    arrival = clock_named(ticket, "arrival")
    assert arrival.uncertain == 2027
    assert arrival.due == at("2027-01-01T17:00")
    assert "2027 年放假安排尚未公布，暂按平常工作日计算" in notes(arrival.id)
    packs = tmp_path / "packs" / "cn"
    packs.mkdir(parents=True)
    (packs / "2027.yaml").write_text(
        "year: 2027\nsources: [https://example.org/notice]\ndays_off: {2027-01-01: 元旦}\ndays_worked: {2027-01-02: 元旦}\n"
    )
    settings.use(SlaSettings(holidays=packs.parent))
    turnable.turn(by=timedelta(hours=24))
    keep_promises()
    again = clock_named(ticket, "arrival")
    assert (again.uncertain, again.due) == (None, at("2027-01-02T17:00"))


def test_late_news_of_a_punctual_visit_takes_the_breach_back(any_database: Database, turnable: TurnableClock) -> None:
    with db.write() as session:
        engineer = user(session, "eng", "engineer").id
    ticket = new_ticket(urgency="emergency")
    for action, more in (("assign", {"assignee": engineer}), ("accept", {})):
        step(ticket, action, **more)
    turnable.turn(by=timedelta(minutes=119))
    with db.write() as session:
        workflow.move(session, workflow.load(session, ticket), "check_in", "user:1")
    turnable.turn(by=timedelta(minutes=2))
    keep_promises("sla.tick")
    keep_promises()
    assert clock_named(ticket, "arrival").state == "met"


def test_discarding_drops_and_restoring_takes_up_the_clock(any_database: Database, turnable: TurnableClock) -> None:
    with db.write() as session:
        ticket = draft(session).id
    keep_promises()
    turnable.turn(by=timedelta(minutes=10))
    step(ticket, "discard", reason="试拨")
    assert clock_named(ticket, "first_response").state == "dropped"
    turnable.turn(by=timedelta(minutes=10))
    step(ticket, "restore")
    restored = clock_named(ticket, "first_response")
    assert (restored.state, restored.due) == ("running", at("2026-11-20T10:40"))  # 20 of 30 minutes were left


def test_a_reply_is_the_first_response_and_the_next_update(any_database: Database, turnable: TurnableClock) -> None:
    with db.write() as session:
        ticket = draft(session).id
        person = user(session, "wang", "agent")
        actor = access.actor_of(person)
    keep_promises()
    turnable.turn(by=timedelta(minutes=10))
    with db.write() as session:
        correspondence.reply(session, workflow.load(session, ticket), actor, "已收到，正在安排。")
    turnable.turn(by=timedelta(minutes=30))
    keep_promises()
    first = clock_named(ticket, "first_response")
    assert (first.state, first.stopped) == ("met", at("2026-11-20T10:10"))
    assert not [k for k in kinds(ticket) if k[0] in ("sla.warned", "sla.breached")]
    step(ticket, "confirm")
    turnable.turn(by=timedelta(hours=1))
    with db.write() as session:
        correspondence.reply(session, workflow.load(session, ticket), actor, "配件明天到。")
    with db.read() as session:
        assert clocks.behind(session, ticket)  # no event tells of a reply: who shows clocks looks first
    turnable.turn(by=timedelta(hours=4, minutes=30))  # past half of the first round, before half of the second
    keep_promises()
    with db.read() as session:
        assert not clocks.behind(session, ticket)
    assert not [k for k in kinds(ticket) if k[:2] == ("sla.warned", "next_update")]
    assert clock_named(ticket, "next_update").state == "met"
    assert clock_named(ticket, "next_update", 2).started == at("2026-11-20T11:40")
