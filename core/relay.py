"""The relay hands due promises to RQ; the sweeper takes back what was lost on the way.

RQ and Redis may die at any instant: a row whose hand-over or lease has run out becomes due again. Any number of relays may
run; handing a row over twice is harmless, for the worker's claim decides.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import NamedTuple

import redis
from pydantic import Field
from rq import Queue, Retry, Worker
from sqlalchemy import delete, select, update
from sqlalchemy.exc import DBAPIError

from core import clock, db, log, metrics, settings
from core.errors import ConfigurationError
from core.nudge import NUDGE
from core.outbox import QUEUES, PromiseRow, handler_of
from core.redis import connection

logger = log.get(__name__)
PATIENCE = timedelta(minutes=10)


class RelaySettings(settings.Section, prefix="RELAY"):
    """The rhythm of the outbox."""

    poll: float = Field(0.5, description="s between looks at the outbox when nobody nudges.")
    batch: int = Field(200, description="Promises handed over at once.")
    handover: float = Field(20.0, description="s after which a promise that no worker took is handed over again.")
    keep_days: int = Field(30, description="Days that kept promises stay readable.")


class _Due(NamedTuple):
    id: int
    queue: str
    kind: str
    attempts: int


class Relay:
    """The loop of ``hotline relay``."""

    def __init__(self) -> None:
        self.config = settings.get(RelaySettings)
        self.stopping = threading.Event()
        self._swept = self._counted = self._purged = 0.0

    def run(self) -> None:
        while not self.stopping.is_set():
            try:
                handed = self.hand_over()
                if time.monotonic() - self._swept > 1.0:
                    self.sweep()
                    self._swept = time.monotonic()
                if time.monotonic() - self._purged > 3600.0:
                    self.purge()
                    self._purged = time.monotonic()
                if handed < self.config.batch:
                    self._wait()
            except redis.RedisError:
                logger.warning("redis is not there")
                self.stopping.wait(self.config.poll)
            except DBAPIError:
                logger.exception("the database did not answer")
                self.stopping.wait(self.config.poll)

    def stop(self) -> None:
        self.stopping.set()

    def _wait(self) -> None:
        connection(timeout=10.0).blpop([NUDGE], timeout=self.config.poll)

    def hand_over(self) -> int:
        """Gives due rows to RQ; returns how many. Enqueues first: a crash in between only hands over twice."""
        moment = clock.now()
        with db.read() as session:
            found = session.execute(
                select(PromiseRow.id, PromiseRow.queue, PromiseRow.kind, PromiseRow.attempts)
                .where(PromiseRow.state == "waiting", PromiseRow.due <= moment)
                .order_by(PromiseRow.due, PromiseRow.id)
                .limit(self.config.batch)
            )
            due = [_Due(*row) for row in found]
        if not due:
            return 0
        for queue_name in {row.queue for row in due}:
            groups = _groups([row for row in due if row.queue == queue_name], _workers(queue_name))
            Queue(queue_name, connection=connection(timeout=10.0)).enqueue_many(
                [
                    Queue.prepare_data(
                        "core.worker.keep" if len(group) == 1 else "core.worker.keep_all",
                        args=(group[0].id,) if len(group) == 1 else ([row.id for row in group],),
                        retry=Retry(max=2),
                        result_ttl=0,
                        failure_ttl=3600,
                        timeout=_timeout(group[0].kind),
                    )
                    for group in groups
                ]
            )
        with db.write() as session:
            session.execute(
                update(PromiseRow)
                .where(PromiseRow.id.in_([row.id for row in due]), PromiseRow.state == "waiting")
                .values(state="queued", lease_until=moment + timedelta(seconds=self.config.handover))
            )
        return len(due)

    def sweep(self) -> int:
        """Takes back rows that a worker or Redis lost; returns how many. Keeps the metrics of waiting rows.

        A row that was handed over is not lost while its queue still holds jobs: handing a backlog over again and again
        would only lengthen it. After ten minutes it is taken back all the same.
        """
        moment = clock.now()
        with db.read() as session:
            found = session.execute(
                select(PromiseRow.id, PromiseRow.state, PromiseRow.queue, PromiseRow.lease_until).where(
                    PromiseRow.state.in_(("queued", "running")), PromiseRow.lease_until < moment
                )
            ).all()
            if time.monotonic() - self._counted > 5.0:
                metrics.count_outbox(session)
                self._counted = time.monotonic()
        busy = _busy_queues({row.queue for row in found if row.state == "queued"})
        lost = [
            row.id
            for row in found
            if row.state == "running" or row.queue not in busy or moment - row.lease_until > PATIENCE
        ]
        if not lost:
            return 0
        with db.write() as session:
            session.execute(
                update(PromiseRow)
                .where(
                    PromiseRow.id.in_(lost),
                    PromiseRow.state.in_(("queued", "running")),
                    PromiseRow.lease_until < moment,
                )
                .values(state="waiting", lease_token=None, lease_until=None)
            )
        logger.warning("promises were taken back", count=len(lost))
        return len(lost)

    def purge(self) -> None:
        """Forgets kept promises after some weeks."""
        with db.write() as session:
            session.execute(
                delete(PromiseRow).where(
                    PromiseRow.state.in_(("done", "dropped")),
                    PromiseRow.finished < clock.now() - timedelta(days=self.config.keep_days),
                )
            )


def _groups(rows: Sequence[_Due], workers: int) -> list[list[_Due]]:
    """Promises of one kind that may be kept in one go, in their order, a share for each worker. One that was tried before
    goes alone: if it ends its worker, it shall not take others along again."""
    share = -(-len(rows) // max(1, workers))
    groups: list[list[_Due]] = []
    open_groups: dict[str, list[_Due]] = {}
    for row in rows:
        group = open_groups.get(row.kind)
        if row.attempts or group is None or len(group) >= min(share, _together(row.kind)):
            group = []
            groups.append(group)
            if not row.attempts:
                open_groups[row.kind] = group
        group.append(row)
    return groups


def _workers(queue_name: str) -> int:
    return int(Worker.count(queue=Queue(queue_name, connection=connection(timeout=10.0))))


def _together(kind: str) -> int:
    try:
        return handler_of(kind).together
    except ConfigurationError:
        return 1


def _timeout(kind: str) -> int:
    """s after which RQ may stop the work: a little after its lease has run out."""
    try:
        return int(handler_of(kind).lease) + 30
    except ConfigurationError:
        return 600


def _busy_queues(names: set[str]) -> set[str]:
    """Those of the queues that hold jobs; without Redis none, for then the jobs may be gone."""
    try:
        return {name for name in names if len(Queue(name, connection=connection(timeout=2.0)))}
    except redis.RedisError:
        return set()


def queue_lengths() -> dict[str, int]:
    """Jobs waiting in Redis by queue; for /metrics and ``hotline outbox``."""
    return {name: len(Queue(name, connection=connection(timeout=2.0))) for name in QUEUES}
