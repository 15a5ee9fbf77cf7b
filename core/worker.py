"""Keeping a promise: claim, work, write. Called by an RQ worker with nothing but the row's id, or directly by tests.

Short promises of one kind that wait together are kept together (``keep_all``): one claim for all, and their writes share
durable commits, for a commit costs as much for ten as for one.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from core import clock, db, log, metrics
from core.errors import ConfigurationError
from core.nudge import nudge_after_commit
from core.outbox import Effect, Handler, Promise, PromiseRow, describe, handler_of

logger = log.get(__name__)
COMMIT_AFTER = 0.04  # s: writes that share a commit keep others from writing for no longer
WRITE_AFTER = 0.25  # s: what is ready waits for the rest of its group for no longer
LOCK_WAIT = 100  # ms that a group waits for a row of PostgreSQL before its promises are finished one by one


class LostClaim(Exception):
    """The lease ran out and the promise was given to somebody else."""


def keep(row_id: int) -> bool:
    """Keeps one promise if it is due and free. False: nothing was done (not due, taken, finished, or it failed)."""
    claimed = _claim(row_id)
    if claimed is None:
        return False
    promise, token, handler = claimed
    try:
        effect = handler.work(promise)
    except Exception as error:
        _fail(promise, token, handler, error)
        return False
    return _finish_alone(promise, token, effect)


def keep_all(row_ids: Sequence[int]) -> int:
    """Keeps promises of one kind, each as ``keep`` does, with one claim and few commits; returns how many were kept.

    What is ready is written soon, and what a third of the lease does not suffice for goes back to the others."""
    promises, token, lease = _claim_all(row_ids)
    began = written = time.monotonic()
    ready: list[tuple[Promise, Effect | None]] = []
    kept = 0
    for number, promise in enumerate(promises):
        if time.monotonic() - began > lease / 3:
            _release(promises[number:], token)
            break
        try:
            ready.append((promise, handler_of(promise.kind).work(promise)))
        except Exception as error:
            _fail(promise, token, handler_of(promise.kind), error)
        if time.monotonic() - written > WRITE_AFTER:
            kept += _finish_all(ready, token)
            ready, written = [], time.monotonic()
    return kept + _finish_all(ready, token)


def _finish_all(ready: list[tuple[Promise, Effect | None]], token: str) -> int:
    kept = 0
    while ready:
        try:
            finished, passed = _finish_some(ready, token)
        except Exception:
            # One of these breaks when it writes, or waits for a lock of somebody who may wait for us. Nothing of them is
            # written; each for itself does not hold the others.
            logger.debug("promises that were kept together are finished one by one", count=len(ready))
            return kept + sum(_finish_alone(promise, token, effect) for promise, effect in ready)
        for promise in finished:
            _count_kept(promise)
        kept += len(finished)
        ready = ready[passed:]
    return kept


def _release(promises: Sequence[Promise], token: str) -> None:
    """Gives back what was claimed and not begun."""
    with db.write() as session:
        session.execute(
            update(PromiseRow)
            .where(PromiseRow.id.in_([p.id for p in promises]), PromiseRow.lease_token == token)
            .values(state="waiting", attempts=0, lease_token=None, lease_until=None)
            .execution_options(synchronize_session=False)
        )
        nudge_after_commit(session)


def _claim_all(row_ids: Sequence[int]) -> tuple[list[Promise], str, float]:
    """Claims those that are due, free and were never tried, for the returned s; the others keep waiting for the sweeper or
    for ``keep``."""
    token = secrets.token_hex(16)
    moment = clock.now()
    with db.write() as session:
        kind = session.scalar(select(PromiseRow.kind).where(PromiseRow.id == row_ids[0]))
        if kind is None:
            return [], token, 0.0
        lease = handler_of(kind).lease
        rows = session.execute(
            update(PromiseRow)
            .where(
                PromiseRow.id.in_(row_ids),
                PromiseRow.kind == kind,
                PromiseRow.state.in_(("waiting", "queued")),
                PromiseRow.attempts == 0,
                PromiseRow.due <= moment,
            )
            .values(state="running", lease_token=token, lease_until=moment + timedelta(seconds=lease), attempts=1)
            .returning(PromiseRow.id, PromiseRow.kind, PromiseRow.payload, PromiseRow.due)
            .execution_options(synchronize_session=False)
        ).all()
    claimed = [Promise(id=r.id, kind=r.kind, payload=dict(r.payload), due=r.due, attempt=1) for r in rows]
    return sorted(claimed, key=lambda promise: row_ids.index(promise.id)), token, lease


def _finish_some(ready: Sequence[tuple[Promise, Effect | None]], token: str) -> tuple[list[Promise], int]:
    """Writes the first of ``ready`` in one commit, as many as fit into ``COMMIT_AFTER``: those whose claim stood, and how
    many were looked at."""
    began = time.monotonic()
    finished: list[Promise] = []
    passed = 0
    with db.write() as session:
        if not db.database().sqlite:  # a group must not hold what others wait for while it waits itself
            session.execute(text(f"SET LOCAL lock_timeout = {LOCK_WAIT}"))
        for promise, effect in ready:
            passed += 1
            try:
                _mark_done(session, promise, token)
            except LostClaim:
                logger.warning("a claim ran out before the work was done", promise=promise.id, kind=promise.kind)
                continue
            if effect is not None:
                effect(session)
            session.flush()
            session.expunge_all()  # the next effect sees the database, not what this one loaded
            finished.append(promise)
            if time.monotonic() - began > COMMIT_AFTER:
                break
    return finished, passed


def _finish_alone(promise: Promise, token: str, effect: Effect | None) -> bool:
    try:
        _finish(promise, token, effect)
    except LostClaim:
        logger.warning("a claim ran out before the work was done", promise=promise.id, kind=promise.kind)
        return False
    except Exception as error:
        _fail(promise, token, handler_of(promise.kind), error)
        return False
    _count_kept(promise)
    return True


def _count_kept(promise: Promise) -> None:
    metrics.promises.labels(promise.kind, "done").inc()
    metrics.promise_delay.labels(promise.kind).observe(max(0.0, (clock.now() - promise.due).total_seconds()))


def _claim(row_id: int) -> tuple[Promise, str, Handler] | None:
    token = secrets.token_hex(16)
    moment = clock.now()
    with db.write() as session:
        row = session.get(PromiseRow, row_id)
        if row is None:
            return None
        try:
            handler = handler_of(row.kind)
        except ConfigurationError as error:  # a connector that was taken out: visible, and kept for when it is back
            row.state, row.finished, row.error = "failed", moment, describe(error)
            return None
        if row.attempts >= handler.attempts and row.state in ("waiting", "queued"):
            # Every try so far ended without a word, as when the work kills its process: stop here.
            lost = Promise(id=row.id, kind=row.kind, payload=dict(row.payload), due=row.due, attempt=row.attempts)
            _give_up(session, row, lost, handler, row.error or "every try was cut off")
            return None
        attempt = session.scalar(
            update(PromiseRow)
            .where(PromiseRow.id == row_id, PromiseRow.state.in_(("waiting", "queued")), PromiseRow.due <= moment)
            .values(
                state="running",
                lease_token=token,
                lease_until=moment + timedelta(seconds=handler.lease),
                attempts=PromiseRow.attempts + 1,
            )
            .returning(PromiseRow.attempts)
            .execution_options(synchronize_session=False)
        )
        if attempt is None:
            return None
        promise = Promise(id=row.id, kind=row.kind, payload=dict(row.payload), due=row.due, attempt=attempt)
    return promise, token, handler


def _standing(session: Session, promise: Promise, token: str) -> PromiseRow:
    row = session.scalar(
        select(PromiseRow)
        .where(PromiseRow.id == promise.id, PromiseRow.lease_token == token, PromiseRow.state == "running")
        .with_for_update()
    )
    if row is None:
        raise LostClaim
    return row


def _finish(promise: Promise, token: str, effect: Effect | None) -> None:
    with db.write() as session:
        _mark_done(session, promise, token)
        if effect is not None:
            effect(session)


def _mark_done(session: Session, promise: Promise, token: str) -> None:
    """Before the effect, which may promise the same anew. Raises LostClaim."""
    done = session.execute(
        update(PromiseRow)
        .where(PromiseRow.id == promise.id, PromiseRow.lease_token == token, PromiseRow.state == "running")
        .values(state="done", finished=clock.now(), error=None, lease_token=None, lease_until=None)
        .execution_options(synchronize_session=False)
    )
    if not done.rowcount:  # type: ignore[attr-defined]
        raise LostClaim


def _give_up(session: Session, row: PromiseRow, promise: Promise, handler: Handler, error: str) -> None:
    row.state, row.finished, row.error = "failed", clock.now(), error
    row.lease_token = row.lease_until = None
    session.flush()
    if handler.last_resort is None:
        return
    try:
        effect = handler.last_resort(promise, error)
    except Exception:
        logger.exception("the last resort failed too", promise=promise.id, kind=promise.kind)
        return
    _try(session, effect, promise)


def _try(session: Session, effect: Effect | None, promise: Promise) -> None:
    """The last effect; if it fails, the promise counts as failed all the same instead of coming back for ever."""
    if effect is None:
        return
    try:
        with session.begin_nested():
            effect(session)
    except Exception:
        logger.exception("the last resort failed too", promise=promise.id, kind=promise.kind)


def _fail(promise: Promise, token: str, handler: Handler, error: Exception) -> None:
    final = promise.attempt >= handler.attempts or getattr(error, "retryable", True) is False
    logger.warning(
        "a promise could not be kept",
        promise=promise.id,
        kind=promise.kind,
        attempt=promise.attempt,
        final=final,
        exc_info=error if final else None,
        error=type(error).__name__,
    )
    last_effect: Effect | None = None
    if final and handler.last_resort is not None:
        try:
            last_effect = handler.last_resort(promise, describe(error))
        except Exception:
            logger.exception("the last resort failed too", promise=promise.id, kind=promise.kind)
    metrics.promises.labels(promise.kind, "failed" if final else "retry").inc()
    try:
        with db.write() as session:
            row = _standing(session, promise, token)
            row.error = describe(error)
            row.lease_token = row.lease_until = None
            if final:
                row.state, row.finished = "failed", clock.now()
                session.flush()
                _try(session, last_effect, promise)
            else:
                row.state, row.due = "waiting", clock.now() + handler.retry_after(promise.attempt)
    except LostClaim:
        logger.warning("a claim ran out before the work was done", promise=promise.id, kind=promise.kind)
