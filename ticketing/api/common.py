"""What the views share: one ticket's read and write with access checked and looks audited."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy.orm import Session

from core import db
from ticketing import audit, workflow
from ticketing.access import Actor, check_visible, require, sees_personal
from ticketing.api import show
from ticketing.api.schemas import TicketAnswer
from ticketing.tables import Ticket

Deed = Callable[[Session, Ticket], object]


def read_ticket(actor: Actor, ticket_id: int) -> TicketAnswer:
    """The ticket as the actor sees it. A look at unmasked personal data is in the audit trail before it is answered."""
    with db.read() as session:
        check_visible(session, actor, ticket_id)
        row = session.get_one(Ticket, ticket_id)
        shown = show.ticket(session, row, actor)
        plain = sees_personal(actor, row)
    if plain:
        with db.write() as session:
            _audit_look(session, actor, ticket_id)
    return shown


def change_ticket(actor: Actor, ticket_id: int, version: int | None, permission: str, deed: Deed) -> TicketAnswer:
    """Does something to a ticket that the actor may see, in one transaction, and shows it as it is then.

    Raises Forbidden, NotFound, Conflict (stale ``version``) and what the deed raises; then nothing has changed.
    """
    require(actor, permission)
    with db.write() as session:
        check_visible(session, actor, ticket_id)
        row = workflow.load(session, ticket_id, version)
        deed(session, row)
        session.flush()
        session.expire(row)
        # Shown in the same transaction: a corrected address may have moved it out of the actor's own region.
        shown = show.ticket(session, row, actor)
        if sees_personal(actor, row):
            _audit_look(session, actor, ticket_id)
    return shown


def _audit_look(session: Session, actor: Actor, ticket_id: int) -> None:
    audit.write(session, actor.tag, "ticket.seen", f"ticket:{ticket_id}", address=actor.address)
