"""Legal hold: while a ticket is held, nothing that was kept for it is deleted by the policy of retention."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock
from core.errors import InvalidInput
from ticketing import audit
from ticketing.access import Actor
from ticketing.events import record
from ticketing.tables import Ticket, TicketHold


def hold(session: Session, ticket: Ticket, actor: Actor, reason: str) -> None:
    """Holds the ticket, or gives the hold another reason. Raises InvalidInput without one."""
    reason = reason.strip()
    if not reason:
        raise InvalidInput("A hold needs its reason.", field="reason")
    session.merge(TicketHold(ticket_id=ticket.id, reason=reason, actor=actor.tag, at=clock.now()))
    record(session, ticket, "ticket.held", actor.tag)
    audit.write(session, actor.tag, "ticket.held", f"ticket:{ticket.id}", address=actor.address)


def release(session: Session, ticket: Ticket, actor: Actor) -> None:
    """Ends the hold; nothing happens if there is none."""
    row = session.get(TicketHold, ticket.id)
    if row is None:
        return
    session.delete(row)
    record(session, ticket, "ticket.released", actor.tag)
    audit.write(session, actor.tag, "ticket.released", f"ticket:{ticket.id}", address=actor.address)


def held(session: Session, ticket_id: int) -> bool:
    """Whether the ticket, or one that it was merged into, is held."""
    seen: set[int] = set()
    current: int | None = ticket_id
    while current is not None and current not in seen:
        seen.add(current)
        if session.get(TicketHold, current) is not None:
            return True
        current = session.scalar(select(Ticket.merged_into_id).where(Ticket.id == current))
    return False
