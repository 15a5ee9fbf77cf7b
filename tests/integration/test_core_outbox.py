"""Promises on both databases: once, in their time, whatever dies."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import db, outbox, worker
from core.clock import TurnableClock
from core.db import Database
from core.errors import InvalidInput
from core.outbox import Promise, PromiseRow
from core.relay import Relay
from tests.support import keep_promises

seen: list[Promise] = []
resorts: list[str] = []


@outbox.handler("test.note", queue="promises", attempts=3)
def note(promise: Promise) -> outbox.Effect | None:
    if promise.payload.get("fail", 0) >= promise.attempt:
        raise RuntimeError("not yet")
    if promise.payload.get("refuse"):
        raise InvalidInput("never")

    def write(session: Session) -> None:
        seen.append(promise)
        if promise.payload.get("break_write"):
            raise RuntimeError("the write breaks")
        if promise.payload.get("follow"):
            outbox.promise(session, "test.note", {})

    return write


def _resort(promise: Promise, error: str) -> outbox.Effect:
    return lambda session: resorts.append(error)


@outbox.handler("test.doomed", queue="promises", attempts=2, last_resort=_resort)
def doomed(promise: Promise) -> None:
    raise RuntimeError("always")


@outbox.handler("test.hopeless", queue="promises", attempts=1, last_resort=lambda p, e: _break)
def hopeless(promise: Promise) -> None:
    raise RuntimeError("always")


def _break(session: Session) -> None:
    raise RuntimeError("the last resort breaks too")


@pytest.fixture(autouse=True)
def fresh() -> None:
    seen.clear()
    resorts.clear()


def make(kind: str = "test.note", **options: object) -> int:
    payload = {k: v for k, v in options.items() if k not in ("due", "unique_key")}
    rest = {k: v for k, v in options.items() if k in ("due", "unique_key")}
    with db.write() as session:
        return outbox.promise(session, kind, payload, **rest)  # type: ignore[arg-type]


def row(promise_id: int) -> PromiseRow:
    with db.read() as session:
        return session.get_one(PromiseRow, promise_id)


def test_a_promise_is_kept_once_and_may_promise_more(any_database: Database) -> None:
    first = make(follow=True)
    assert keep_promises() == 2
    assert next(p.id for p in seen) == first
    assert worker.keep(first) is False
    assert len(seen) == 2


def test_a_rolled_back_change_promises_nothing(any_database: Database) -> None:
    with pytest.raises(RuntimeError), db.write() as session:
        outbox.promise(session, "test.note", {})
        raise RuntimeError
    assert keep_promises() == 0


def test_a_promise_waits_for_its_time(any_database: Database, turnable: TurnableClock) -> None:
    make(due=turnable.now() + timedelta(hours=2))
    assert keep_promises() == 0
    turnable.turn(by=timedelta(hours=2))
    assert keep_promises() == 1


def test_failures_are_tried_again_later_each_time(any_database: Database, turnable: TurnableClock) -> None:
    promise_id = make(fail=2)
    assert keep_promises() == 0
    assert row(promise_id).due == turnable.now() + timedelta(seconds=2)
    turnable.turn(by=timedelta(seconds=2))
    assert keep_promises() == 0
    assert row(promise_id).due == turnable.now() + timedelta(seconds=4)
    turnable.turn(by=timedelta(seconds=4))
    assert keep_promises() == 1
    assert row(promise_id).state == "done"


def test_what_can_never_work_is_not_tried_again(any_database: Database) -> None:
    promise_id = make(refuse=True)
    keep_promises()
    assert (row(promise_id).state, row(promise_id).attempts) == ("failed", 1)
    assert "InvalidInput" in (row(promise_id).error or "")


def test_the_last_resort_is_called_once(any_database: Database, turnable: TurnableClock) -> None:
    promise_id = make("test.doomed")
    for _ in range(4):
        keep_promises()
        turnable.turn(by=timedelta(minutes=1))
    assert row(promise_id).state == "failed"
    assert resorts == ["RuntimeError: always"]
    with db.write() as session:
        assert outbox.try_again(session, promise_id)
    assert row(promise_id).state == "waiting"


def test_effects_and_done_are_one_transaction(any_database: Database) -> None:
    promise_id = make(break_write=True)
    keep_promises()
    assert row(promise_id).state == "waiting"
    assert "the write breaks" in (row(promise_id).error or "")


def test_a_lost_worker_s_claim_is_taken_back_and_its_late_write_refused(
    any_database: Database, turnable: TurnableClock
) -> None:
    promise_id = make()
    claim = worker._claim(promise_id)
    assert claim is not None
    promise, token, _ = claim
    relay = Relay()
    assert relay.sweep() == 0
    turnable.turn(by=timedelta(seconds=61))
    assert relay.sweep() == 1
    assert keep_promises() == 1
    with pytest.raises(worker.LostClaim):
        worker._finish(promise, token, lambda session: seen.append(promise))
    assert len(seen) == 1


def test_work_that_kills_its_process_every_time_ends_at_the_last_resort(
    any_database: Database, turnable: TurnableClock
) -> None:
    promise_id = make("test.doomed")
    relay = Relay()
    for _ in range(2):
        assert worker._claim(promise_id) is not None  # and then the process is gone
        turnable.turn(by=timedelta(seconds=61))
        relay.sweep()
    keep_promises()
    assert row(promise_id).state == "failed"
    assert resorts == ["every try was cut off"]


def test_a_last_resort_that_breaks_does_not_come_back_for_ever(any_database: Database, turnable: TurnableClock) -> None:
    promise_id = make("test.hopeless")
    keep_promises()
    assert row(promise_id).state == "failed"
    turnable.turn(by=timedelta(hours=1))
    assert Relay().sweep() == 0


def test_a_promise_that_nobody_can_keep_is_shown_as_failed(any_database: Database) -> None:
    with db.write() as session:
        promise_id = outbox.promise(session, "test.of_a_connector_that_is_gone", queue="bulk")
    assert worker.keep(promise_id) is False
    assert (row(promise_id).state, "nothing keeps" in (row(promise_id).error or "")) == ("failed", True)


def test_kept_promises_are_forgotten_after_some_weeks(any_database: Database, turnable: TurnableClock) -> None:
    make(), make(unique_key="x")
    later = make(due=turnable.now() + timedelta(days=90))
    assert keep_promises() == 2
    turnable.turn(by=timedelta(days=31))
    Relay().purge()
    with db.read() as session:
        assert session.scalars(select(PromiseRow.id)).all() == [later]


def test_a_key_allows_one_promise_until_it_is_kept(any_database: Database) -> None:
    first = make(unique_key="x")
    assert make(unique_key="x") == first
    assert keep_promises() == 1
    assert make(unique_key="x") == first
    assert keep_promises() == 1


def test_a_promise_can_be_withdrawn_and_postponed(any_database: Database, turnable: TurnableClock) -> None:
    gone, later = make(), make()
    with db.write() as session:
        assert outbox.withdraw(session, gone)
        assert outbox.postpone(session, later, turnable.now() + timedelta(hours=1))
    assert keep_promises() == 0
    turnable.turn(by=timedelta(hours=1))
    assert keep_promises() == 1
    with db.write() as session:
        assert not outbox.withdraw(session, later)


def test_a_read_session_cannot_write(any_database: Database) -> None:
    with pytest.raises(Exception, match=r"readonly|read-only"), db.read() as session:
        outbox.promise(session, "test.note", {})
        session.commit()
    with db.read() as session:
        assert session.scalars(select(PromiseRow)).all() == []
