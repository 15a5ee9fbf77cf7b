"""Promises that are kept together: as if each had been kept alone, with fewer commits."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import db, outbox, worker
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

    def late(ids: list[int]) -> tuple[list[Promise], str]:
        claimed = claim(ids)
        turnable.turn(by=timedelta(seconds=61))
        Relay().sweep()
        assert worker.keep(first)  # somebody else was quicker
        return claimed

    monkeypatch.setattr(worker, "_claim_all", late)
    assert worker.keep_all([first, second]) == 0
    assert written == [first]
    assert rows()[second].state == "waiting"
