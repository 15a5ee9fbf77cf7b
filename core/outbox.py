"""Promises: things to do, now or at a time, committed together with the change that caused them.

    with db.write() as session:
        ...
        outbox.promise(session, "sla.warn", {"clock": 7}, due=when)

A handler is registered once by kind. It is called outside any transaction with the ``Promise`` and returns what to write
(a function of a session) or None; the write, further promises and "done" are committed together, and only while the
claim's token still stands:

    @outbox.handler("sla.warn", queue="promises")
    def warn(promise: Promise) -> Effect | None:
        ...                                    # slow or outside work; may happen more than once
        return lambda session: ...             # database effects; happen exactly once

For outside effects use ``promise.key`` as the idempotency key. The database is the truth; Redis only carries ids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from sqlalchemy import Index, Integer, String, Text, insert, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from core import clock
from core.db import Base
from core.errors import ConfigurationError, HotlineError
from core.nudge import nudge_after_commit

Queue = Literal["understand", "promises", "outbound", "bulk"]
QUEUES: tuple[Queue, ...] = ("understand", "promises", "outbound", "bulk")
State = Literal["waiting", "queued", "running", "done", "failed", "dropped"]


class PromiseRow(Base):
    """A promise as it is kept."""

    __tablename__ = "outbox"
    __table_args__ = (
        Index("outbox_due", "state", "due"),
        Index("outbox_key", "kind", "unique_key", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(60))
    queue: Mapped[str] = mapped_column(String(20))
    payload: Mapped[dict[str, Any]]
    due: Mapped[datetime]
    made: Mapped[datetime]
    state: Mapped[str] = mapped_column(String(10), default="waiting")
    unique_key: Mapped[str | None] = mapped_column(String(120), doc="At most one promise of a kind with this key.")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    lease_token: Mapped[str | None] = mapped_column(String(40))
    lease_until: Mapped[datetime | None]
    finished: Mapped[datetime | None]
    error: Mapped[str | None] = mapped_column(Text)


@dataclass(frozen=True, kw_only=True)
class Promise:
    """What a handler is given."""

    id: int
    kind: str
    payload: dict[str, Any]
    due: datetime
    attempt: int

    @property
    def key(self) -> str:
        """Idempotency key for effects outside the database."""
        return f"hotline-{self.id}"


Effect = Callable[[Session], None]
Work = Callable[[Promise], Effect | None]
LastResort = Callable[[Promise, str], Effect | None]


@dataclass(frozen=True, kw_only=True)
class Handler:
    """How promises of one kind are kept. ``lease``: s a worker may take; ``attempts``: tries before it counts as failed;
    ``last_resort`` is called once with the error text when all tries are used up, so that nothing ends in silence.
    ``together``: how many that wait at the same time one worker keeps in one go, where each is short work."""

    kind: str
    work: Work
    queue: Queue
    lease: float = 60.0
    attempts: int = 8
    backoff: float = 2.0
    together: int = 1
    last_resort: LastResort | None = None

    def retry_after(self, attempt: int) -> timedelta:
        """2 s, 4 s, 8 s ... at most an hour."""
        return timedelta(seconds=min(self.backoff * 2 ** (attempt - 1), 3600.0))


_handlers: dict[str, Handler] = {}


def handler(
    kind: str,
    *,
    queue: Queue,
    lease: float = 60.0,
    attempts: int = 8,
    backoff: float = 2.0,
    together: int = 1,
    last_resort: LastResort | None = None,
) -> Callable[[Work], Work]:
    """Registers the function that keeps promises of a kind."""

    def register(work: Work) -> Work:
        known = _handlers.get(kind)
        if known is not None and known.work.__qualname__ != work.__qualname__:
            raise ConfigurationError(f"two handlers want the promise {kind}")
        _handlers[kind] = Handler(
            kind=kind,
            work=work,
            queue=queue,
            lease=lease,
            attempts=attempts,
            backoff=backoff,
            together=together,
            last_resort=last_resort,
        )
        return work

    return register


def handler_of(kind: str) -> Handler:
    """Raises ConfigurationError if no room keeps such promises."""
    try:
        return _handlers[kind]
    except KeyError:
        raise ConfigurationError(f"nothing keeps promises of the kind {kind}") from None


def promise(
    session: Session,
    kind: str,
    payload: dict[str, Any] | None = None,
    *,
    due: datetime | None = None,
    queue: Queue | None = None,
    unique_key: str | None = None,
) -> int:
    """Writes a promise in the caller's transaction and returns its id.

    With ``unique_key`` a second promise of the same kind and key is not made (the first one's id is returned), unless the
    first is finished: then it is promised anew in the same row.
    """
    moment = clock.now()
    due = clock.aware(due) if due is not None else moment
    queue = queue or handler_of(kind).queue
    if unique_key is not None:
        known = session.scalar(select(PromiseRow).where(PromiseRow.kind == kind, PromiseRow.unique_key == unique_key))
        if known is not None:
            if known.state in ("done", "failed", "dropped"):
                known.state, known.due, known.payload, known.attempts = "waiting", due, payload or {}, 0
                known.error = known.finished = known.lease_token = known.lease_until = None
                nudge_after_commit(session)
            return known.id
    row = PromiseRow(kind=kind, queue=queue, payload=payload or {}, due=due, made=moment, unique_key=unique_key)
    session.add(row)
    session.flush()
    if due <= moment:
        nudge_after_commit(session)
    return row.id


def promise_each(session: Session, promises: Sequence[tuple[str, dict[str, Any], Queue | None]]) -> None:
    """Writes many promises (kind, payload, queue or the handler's own), due now, in one statement: what an entrance does
    for all the messages that share a commit."""
    if not promises:
        return
    moment = clock.now()
    rows = [
        {"kind": kind, "queue": queue or handler_of(kind).queue, "payload": payload, "due": moment, "made": moment}
        for kind, payload, queue in promises
    ]
    session.execute(insert(PromiseRow), rows)
    nudge_after_commit(session)


def withdraw(session: Session, promise_id: int) -> bool:
    """Takes a promise back that nobody has begun to keep; False if it is too late."""
    gone = session.execute(
        update(PromiseRow)
        .where(PromiseRow.id == promise_id, PromiseRow.state.in_(("waiting", "queued")))
        .values(state="dropped", finished=clock.now())
    )
    return bool(gone.rowcount)  # type: ignore[attr-defined]  # an UPDATE's result has a rowcount


def postpone(session: Session, promise_id: int, due: datetime) -> bool:
    """Moves a promise that nobody has begun to keep to another time; False if it is too late."""
    moved = session.execute(
        update(PromiseRow)
        .where(PromiseRow.id == promise_id, PromiseRow.state.in_(("waiting", "queued")))
        .values(state="waiting", due=clock.aware(due), lease_until=None)
    )
    return bool(moved.rowcount)  # type: ignore[attr-defined]


def try_again(session: Session, promise_id: int) -> bool:
    """Gives a failed promise its tries back."""
    row = session.get(PromiseRow, promise_id)
    if row is None or row.state != "failed":
        return False
    row.state, row.attempts, row.due, row.error, row.finished = "waiting", 0, clock.now(), None, None
    nudge_after_commit(session)
    return True


def describe(error: BaseException) -> str:
    """An error for the row: its kind and message, bounded; personal data is not expected in messages."""
    text = error.message if isinstance(error, HotlineError) else str(error)
    return f"{type(error).__name__}: {text}"[:2000]
