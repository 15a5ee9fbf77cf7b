"""Keeping a promise: claim, work, write. Called by an RQ worker with nothing but the row's id, or directly by tests."""

from __future__ import annotations

import secrets
from datetime import timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from core import clock, db, log, metrics
from core.errors import ConfigurationError
from core.outbox import Effect, Handler, Promise, PromiseRow, describe, handler_of

logger = log.get(__name__)


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
        _finish(promise, token, effect)
    except LostClaim:
        logger.warning("a claim ran out before the work was done", promise=promise.id, kind=promise.kind)
        return False
    except Exception as error:
        _fail(promise, token, handler, error)
        return False
    metrics.promises.labels(promise.kind, "done").inc()
    metrics.promise_delay.labels(promise.kind).observe(max(0.0, (clock.now() - promise.due).total_seconds()))
    return True


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
        taken = session.execute(
            update(PromiseRow)
            .where(PromiseRow.id == row_id, PromiseRow.state.in_(("waiting", "queued")), PromiseRow.due <= moment)
            .values(
                state="running",
                lease_token=token,
                lease_until=moment + timedelta(seconds=handler.lease),
                attempts=PromiseRow.attempts + 1,
            )
        )
        if not taken.rowcount:  # type: ignore[attr-defined]
            return None
        session.refresh(row)
        promise = Promise(id=row.id, kind=row.kind, payload=dict(row.payload), due=row.due, attempt=row.attempts)
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
        row = _standing(session, promise, token)
        row.state, row.finished, row.error = "done", clock.now(), None
        row.lease_token = row.lease_until = None
        session.flush()
        if effect is not None:
            effect(session)


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
