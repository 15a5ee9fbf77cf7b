"""Relay and sweeper with a real Redis: what waits in a queue is not handed over again, what was lost is."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from rq import Queue
from sqlalchemy.orm import Session

from core import db, metrics, outbox
from core.clock import TurnableClock
from core.db import Database
from core.outbox import Promise, PromiseRow
from core.redis import connection
from core.relay import Relay
from tests.support.redis_server import embedded_redis


@outbox.handler("test.relayed", queue="bulk", lease=1800)
def relayed(promise: Promise) -> outbox.Effect:
    def write(session: Session) -> None:
        return None

    return write


@outbox.handler("test.short_relayed", queue="bulk", together=3)
def short_relayed(promise: Promise) -> None:
    return None


@pytest.fixture
def redis(installation: object) -> Iterator[None]:
    with embedded_redis():
        yield


def state(promise_id: int) -> str:
    with db.read() as session:
        return session.get_one(PromiseRow, promise_id).state


def test_a_backlog_is_not_handed_over_twice_but_what_redis_lost_is(
    redis: None, database: Database, turnable: TurnableClock
) -> None:
    with db.write() as session:
        promise_id = outbox.promise(session, "test.relayed")
    relay = Relay()
    assert relay.hand_over() == 1
    queue = Queue("bulk", connection=connection(timeout=2.0))
    assert (len(queue), queue.jobs[0].timeout) == (1, 1830)
    turnable.turn(by=timedelta(minutes=1))
    assert (relay.sweep(), state(promise_id)) == (0, "queued")
    queue.empty()
    assert (relay.sweep(), state(promise_id)) == (1, "waiting")
    assert relay.hand_over() == 1
    turnable.turn(by=timedelta(minutes=11))
    assert (relay.sweep(), state(promise_id)) == (1, "waiting"), "after ten minutes it is taken back all the same"


def test_rows_are_counted_again_and_again(
    redis: None, database: Database, turnable: TurnableClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[int] = []
    monkeypatch.setattr(metrics, "count_outbox", lambda _: counted.append(1))
    seconds = iter(range(0, 1000, 2))
    monkeypatch.setattr("core.relay.time.monotonic", lambda: float(next(seconds)))
    relay = Relay()
    relay._swept = 0.0
    for _ in range(20):
        relay.sweep()
    assert len(counted) >= 4


def test_short_promises_are_handed_over_in_groups_but_what_was_tried_before_goes_alone(
    redis: None, database: Database
) -> None:
    with db.write() as session:
        ids = [outbox.promise(session, "test.short_relayed") for _ in range(5)]
        session.get_one(PromiseRow, ids[1]).attempts = 1
    assert Relay().hand_over() == 5
    jobs = Queue("bulk", connection=connection(timeout=2.0)).jobs
    assert [job.args[0] for job in jobs] == [[ids[0], ids[2], ids[3]], ids[1], ids[4]]
    assert [job.func_name for job in jobs] == ["core.worker.keep_all", "core.worker.keep", "core.worker.keep"]
