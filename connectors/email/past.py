"""What was written by mail about a ticket so far: whom to answer, under which mail, and whether two robots are talking."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import func, select

from core import clock, db
from intake import MessageRow, message_of
from ticketing import Notice, Ticket

AN_HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True)
class Past:
    """``sender``, ``mail_id``, ``chain`` (oldest first) and ``kind`` of the customer's last mail; ``automatic``: notices
    that went out by mail about this ticket within the last hour and were nobody's reply."""

    sender: str = ""
    mail_id: str = ""
    chain: tuple[str, ...] = ()
    subject: str = ""
    kind: str = "person"
    automatic: int = 0


def of(ticket_number: str) -> Past:
    """Reads the database; an unknown or empty number has no past."""
    if not ticket_number:
        return Past()
    with db.read() as session:
        ticket_id = session.scalar(select(Ticket.id).where(Ticket.number == ticket_number))
        if ticket_id is None:
            return Past()
        automatic = session.scalar(
            select(func.count())
            .select_from(Notice)
            .where(
                Notice.ticket_id == ticket_id,
                Notice.sent_by == "email",
                Notice.purpose != "reply",
                Notice.sent >= clock.now() - AN_HOUR,
            )
        )
        row = session.scalars(
            select(MessageRow)
            .where(MessageRow.ticket_id == ticket_id, MessageRow.channel == "email")
            .order_by(MessageRow.received_at.desc())
        ).first()
        if row is None:
            return Past(automatic=automatic or 0)
        last = message_of(row)
    return Past(
        sender=last.sender.value,
        mail_id=str(last.extra.get("message_id", "")),
        chain=tuple(reversed(last.thread)),
        subject=last.subject,
        kind=str(last.extra.get("kind", "person")),
        automatic=automatic or 0,
    )
