"""Promises that are kept together: as if each had been kept alone, with fewer commits."""

from __future__ import annotations

import threading
import time
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, db, outbox, worker
from core.clock import TurnableClock
from core.db import Database
from core.outbox import Promise, PromiseRow
from core.relay import Relay

written: list[int] = []


@outbox.handler("test.short", queue="promises", attempts=3, together=3)
def short(promise: Promise) -> outbox.Effect | None:
    if promise.payload.get("fail"):
        raise RuntimeError("it fails at work")

    def write(session: Session) -> None:
        if promise.payload.get("break_write"):
            raise RuntimeError("it breaks when it is written")
        outbox.promise(session, "test.short", {"child": promise.id}, due=promise.due + timedelta(days=1))
        written.append(promise.id)

    return write


@pytest.fixture(autouse=True)
def fresh() -> None:
    written.clear()


def make(*payloads: dict[str, object]) -> list[int]:
    with db.write() as session:
        return [outbox.promise(session, "test.short", dict(payload)) for payload in payloads]


def rows() -> dict[int, PromiseRow]:
    with db.read() as session:
        return {row.id: row for row in session.scalars(select(PromiseRow))}


def children() -> list[int]:
    return [row.payload["child"] for row in rows().values() if "child" in row.payload]


def test_each_is_kept_once_and_in_order(any_database: Database) -> None:
    ids = make({}, {}, {})
    assert worker.keep_all(ids) == 3
    assert worker.keep_all(ids) == 0
    assert written == ids == children()
    assert {rows()[i].state for i in ids} == {"done"}


def test_one_that_fails_at_work_is_tried_again_and_the_others_are_kept(any_database: Database) -> None:
    first, bad, last = make({}, {"fail": True}, {})
    assert worker.keep_all([first, bad, last]) == 2
    assert children() == [first, last]
    assert (rows()[bad].state, rows()[bad].attempts) == ("waiting", 1)


def test_one_that_breaks_its_write_takes_no_other_with_it(any_database: Database) -> None:
    first, bad, last = make({}, {"break_write": True}, {})
    assert worker.keep_all([first, bad, last]) == 2
    assert children() == [first, last]  # each once, though the first was written twice and taken back once
    assert (rows()[bad].state, rows()[bad].attempts) == ("waiting", 1)
    assert "breaks" in (rows()[bad].error or "")


def test_a_claim_that_was_lost_is_not_written(
    any_database: Database, turnable: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = make({}, {})
    claim = worker._claim_all

    def late(ids: list[int]) -> tuple[list[Promise], str, float]:
        claimed = claim(ids)
        turnable.turn(by=timedelta(seconds=61))
        Relay().sweep()
        assert worker.keep(first)  # somebody else was quicker
        return claimed

    monkeypatch.setattr(worker, "_claim_all", late)
    assert worker.keep_all([first, second]) == 0
    assert written == [first]
    assert rows()[second].state == "waiting"


def test_a_long_group_is_written_in_several_commits(any_database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(worker, "COMMIT_AFTER", 0.0)
    commits: list[int] = []
    finish = worker._finish_some
    monkeypatch.setattr(worker, "_finish_some", lambda ready, token: commits.append(len(ready)) or finish(ready, token))
    ids = make({}, {}, {"break_write": True}, {})
    assert worker.keep_all(ids) == 3
    assert commits == [4, 3, 2]  # the third breaks: it and the rest are finished one by one
    assert children() == [ids[0], ids[1], ids[3]]
    assert {i: rows()[i].state for i in ids} == {ids[0]: "done", ids[1]: "done", ids[2]: "waiting", ids[3]: "done"}


def test_what_the_lease_does_not_suffice_for_goes_back_untried(
    any_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ids = make({}, {}, {})
    ticks = iter(
        [0.0, 1.0, 1.5, 25.0]
    )  # begun; before the first, after it; before the second: more than a third of 60 s
    monkeypatch.setattr(worker.time, "monotonic", lambda: next(ticks, 25.0))
    assert worker.keep_all(ids) == 1
    assert [(rows()[i].state, rows()[i].attempts) for i in ids] == [("done", 1), ("waiting", 0), ("waiting", 0)]
    assert worker.keep_all(ids[1:]) == 2


@outbox.handler("test.locking", queue="promises", together=3)
def locking(promise: Promise) -> outbox.Effect:
    def write(session: Session) -> None:
        if promise.payload.get("of"):
            session.scalar(select(PromiseRow).where(PromiseRow.id == promise.payload["of"]).with_for_update())
        written.append(promise.id)

    return write


@pytest.mark.parametrize(
    "any_database", ["postgresql"], indirect=True
)  # SQLite's one lock is taken before anything else
def test_a_group_that_would_wait_for_a_lock_lets_go_of_its_own(any_database: Database) -> None:
    with db.write() as session:
        held = outbox.promise(session, "test.short", {}, due=clock.now() + timedelta(days=1))
        first = outbox.promise(session, "test.locking", {})
        second = outbox.promise(session, "test.locking", {"of": held})
    seen: list[str] = []
    with db.write() as session:
        session.scalar(select(PromiseRow).where(PromiseRow.id == held).with_for_update())
        keeping = threading.Thread(target=worker.keep_all, args=([first, second],))
        keeping.start()
        deadline = time.monotonic() + 20
        while rows()[first].state != "done" and time.monotonic() < deadline:
            time.sleep(0.05)
        seen = [rows()[first].state, rows()[second].state]
    keeping.join(20)
    assert seen == ["done", "running"]  # written although the other one waits
    assert rows()[second].state == "done"
