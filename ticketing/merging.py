"""Duplicates: shown, merged without moving anything, taken apart again.

A merged ticket keeps its own entries, fields and events; who looks at the ticket it was merged into sees both stories. So
nothing is lost by merging, and taking apart needs no memory of what belonged where.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import ColumnElement, exists, func, or_, select
from sqlalchemy.orm import Session

from core.errors import Conflict, InvalidInput
from ticketing import workflow
from ticketing.access import Actor, check_visible, visible
from ticketing.tables import Ticket, TicketField

ALIVE = ("draft", "open", "assigned", "accepted", "on_site", "waiting")


def merge(session: Session, ticket: Ticket, actor: Actor, into: int, reason: str) -> None:
    """Merges the ticket into another that is alive. Raises InvalidInput, Conflict, NotFound."""
    check_visible(session, actor, into)
    other = workflow.load(session, into)
    if other.id == ticket.id:
        raise InvalidInput("A ticket is not its own duplicate.", into=into)
    if other.state not in ALIVE:
        raise Conflict("A ticket is merged into one that is still under way.", state=other.state)
    workflow.move(session, ticket, "merge", actor.tag, into=other.id, into_number=other.number, reason=reason)
    workflow.touch(other)


def family(session: Session, ticket_id: int) -> list[int]:
    """The ticket's id and those of all that were merged into it, directly or through another."""
    found, fresh = [ticket_id], [ticket_id]
    while fresh:
        fresh = [
            row
            for row in session.scalars(select(Ticket.id).where(Ticket.merged_into_id.in_(fresh)))
            if row not in found
        ]
        found.extend(fresh)
    return found


def duplicates(
    session: Session, ticket: Ticket, actor: Actor, within: timedelta = timedelta(days=14)
) -> Sequence[Ticket]:
    """Living tickets that may be about the same: same customer, telephone, serial number or address, not long ago."""
    alike: list[ColumnElement[bool]] = [
        exists().where(
            TicketField.ticket_id == Ticket.id,
            TicketField.name == name,
            TicketField.removed.is_(False),
            func.coalesce(TicketField.corrected_value, TicketField.value) == ticket.value(name),
        )
        for name in ("phone", "serial", "address")
        if len(ticket.value(name)) >= 5
    ]
    if ticket.customer_id is not None:
        alike.append(Ticket.customer_id == ticket.customer_id)
    if not alike:
        return []
    query = select(Ticket).where(
        Ticket.id != ticket.id,
        Ticket.state.in_(ALIVE),
        Ticket.created >= ticket.created - within,
        Ticket.created <= ticket.created + within,
        or_(*alike),
        visible(actor),
    )
    return session.scalars(query.order_by(Ticket.id.desc()).limit(10)).all()
