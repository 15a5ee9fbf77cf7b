"""Keeps promises in the test's own process, as a worker would, until none is due."""

from __future__ import annotations

from sqlalchemy import select

from core import clock, db, worker
from core.outbox import PromiseRow


def keep_promises(*kinds: str, limit: int = 500) -> int:
    """Keeps every promise that is due now (of these kinds; all if none is named); returns how many were kept."""
    kept = 0
    seen: set[tuple[int, int]] = set()
    for _ in range(limit):
        with db.read() as session:
            query = select(PromiseRow.id, PromiseRow.attempts).where(
                PromiseRow.state.in_(("waiting", "queued")), PromiseRow.due <= clock.now()
            )
            if kinds:
                query = query.where(PromiseRow.kind.in_(kinds))
            due = [
                row for row in session.execute(query.order_by(PromiseRow.due, PromiseRow.id)) if tuple(row) not in seen
            ]
        if not due:
            return kept
        for row in due:
            seen.add((row.id, row.attempts))
            kept += worker.keep(row.id)
    raise AssertionError("promises breed promises without end")
