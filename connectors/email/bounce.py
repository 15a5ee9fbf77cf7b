"""A bounce tells that a notice of ours did not arrive: the notice shows it."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import db, outbox
from intake import MessageRow, message_of
from ticketing import Notice

KIND = "email.bounce"


@outbox.handler(KIND, queue="promises")
def mark_undelivered(promise: outbox.Promise) -> outbox.Effect | None:
    """Finds the notice by the id of the mail that came back; nothing happens for a mail that was not ours."""
    with db.read() as session:
        row = session.get(MessageRow, promise.payload["message"])
        ids = list(message_of(row).thread) if row is not None else []
        if not ids:
            return None

    def write(session: Session) -> None:
        for notice in session.scalars(select(Notice).where(Notice.sent_by == "email", Notice.receipt.in_(ids))):
            notice.state, notice.error = "failed", "The mail came back: the address does not take it."

    return write
