"""The review of drafts: claim, confirm with corrections, and back. Every function works in the caller's transaction."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, settings
from core.errors import Conflict, InvalidInput, NotFound
from ticketing import audit, forms, workflow
from ticketing.access import Actor
from ticketing.corrections import correct, find_missing
from ticketing.drafts import PRIORITY, URGENCIES
from ticketing.events import NewEvent, record, subscribe
from ticketing.tables import Customer, Event, Ticket


class ReviewSettings(settings.Section, prefix="REVIEW"):
    """How drafts are reviewed."""

    undo_seconds: int = Field(600, description="s after a confirmation in which it can be undone.")
    claim_minutes: int = Field(15, description="Minutes after which a colleague may take over a claimed draft.")
    confirm_above: float = Field(
        0.0,
        ge=0.0,
        le=1.0,
        description="Confirm a draft without a look if nothing required is missing and each required field is at least "
        "this sure. 0: never. Emergencies and complaints always get a look.",
    )


def claim(session: Session, ticket: Ticket, actor: Actor) -> None:
    """Takes the draft for review. Raises Conflict while a colleague has it."""
    if ticket.state != "draft":
        raise Conflict("Only a draft can be claimed.", state=ticket.state)
    if ticket.reviewer_id == actor.id:
        return
    if not free_for(session, ticket, actor):
        raise Conflict("A colleague is reviewing this draft.", reviewer=ticket.reviewer_id)
    ticket.reviewer_id = actor.id
    record(session, ticket, "ticket.claimed", actor.tag)


def release(session: Session, ticket: Ticket, actor: Actor) -> None:
    """Gives the draft back to the queue. Raises Conflict if somebody else has it."""
    if ticket.state != "draft" or ticket.reviewer_id is None:
        raise Conflict("This draft is not claimed.", state=ticket.state)
    if not free_for(session, ticket, actor):
        raise Conflict("A colleague is reviewing this draft.", reviewer=ticket.reviewer_id)
    ticket.reviewer_id = None
    record(session, ticket, "ticket.released", actor.tag)


def free_for(session: Session, ticket: Ticket, actor: Actor) -> bool:
    """Whether the actor may review it: nobody else has claimed it, or did so too long ago and touched nothing since."""
    if ticket.reviewer_id in (None, actor.id) or actor.may("settings.write"):
        return True
    last = session.scalar(
        select(Event)
        .where(Event.ticket_id == ticket.id, Event.actor == f"user:{ticket.reviewer_id}")
        .order_by(Event.id.desc())
        .limit(1)
    )
    patience = timedelta(minutes=settings.get(ReviewSettings).claim_minutes)
    return last is None or clock.now() - last.at > patience


def change(
    session: Session,
    ticket: Ticket,
    actor: Actor,
    *,
    fields: Mapping[str, str | None] | None = None,
    service: str | None = None,
    urgency: str | None = None,
    customer_id: int | None = None,
) -> None:
    """Corrects what the draft or ticket says. Raises InvalidInput naming what cannot be, Conflict once it has ended."""
    if ticket.state in workflow.FINAL:
        raise Conflict("This ticket has ended; reopen or restore it first.", state=ticket.state)
    if ticket.state == "draft" and not free_for(session, ticket, actor):
        raise Conflict("A colleague is reviewing this draft.", reviewer=ticket.reviewer_id)
    if service is not None and service != ticket.service:
        _change_service(session, ticket, actor, service)
    if urgency is not None and urgency != ticket.urgency:
        _change_urgency(session, ticket, actor, urgency)
    if customer_id is not None and customer_id != ticket.customer_id:
        _change_customer(session, ticket, actor, customer_id)
    correct(session, ticket, actor, fields or {})


def confirm(session: Session, ticket: Ticket, actor: Actor, *, incomplete: bool = False) -> None:
    """Makes the draft an open ticket. Raises InvalidInput naming the required fields that are missing, unless
    ``incomplete`` says that this is known; Conflict while a colleague reviews it."""
    if ticket.state == "draft" and not free_for(session, ticket, actor):
        raise Conflict("A colleague is reviewing this draft.", reviewer=ticket.reviewer_id)
    find_missing(session, ticket)
    if ticket.state == "draft" and ticket.missing and not incomplete:
        raise InvalidInput("Required fields are missing.", missing=list(ticket.missing))
    ticket.reviewer_id = actor.id
    workflow.move(session, ticket, "confirm", actor.tag, missing=list(ticket.missing))


def undo_confirm(session: Session, ticket: Ticket, actor: Actor) -> None:
    """Makes a ticket that was just confirmed a draft again. Raises Conflict when it is too late."""
    if not undoable(ticket):
        raise Conflict("It is too late to undo the confirmation.", state=ticket.state)
    workflow.move(session, ticket, "undo_confirm", actor.tag)


def undoable(ticket: Ticket) -> bool:
    limit = timedelta(seconds=settings.get(ReviewSettings).undo_seconds)
    return ticket.state == "open" and ticket.confirmed is not None and clock.now() - ticket.confirmed <= limit


def sure_enough(ticket: Ticket) -> bool:
    """Whether a draft may be confirmed without a look, by the threshold in the settings."""
    threshold = settings.get(ReviewSettings).confirm_above
    if threshold <= 0 or ticket.state != "draft" or ticket.urgency == "emergency" or ticket.service == "complaint":
        return False
    needed = [ticket.field(name) for name in forms.required(ticket.service)]
    return bool(needed) and all(field is not None and field.confidence >= threshold for field in needed)


def confirm_without_look(session: Session, event: NewEvent) -> None:
    """Subscriber of ``ticket.drafted`` and ``ticket.added``: confirms what is sure enough."""
    ticket = workflow.load(session, event.ticket_id)
    if ticket.reviewer_id is None and sure_enough(ticket):
        workflow.move(
            session,
            ticket,
            "confirm",
            "review",
            without_look=True,
            threshold=settings.get(ReviewSettings).confirm_above,
        )


def wire() -> None:
    """Subscribes what ticketing does by itself. Called by every process that writes tickets or keeps promises."""
    if settings.get(ReviewSettings).confirm_above > 0:
        subscribe("ticketing.confirm_without_look", {"ticket.drafted", "ticket.added"}, confirm_without_look)


def _change_service(session: Session, ticket: Ticket, actor: Actor, service: str) -> None:
    if service not in forms.services():
        raise InvalidInput("There is no such service.", service=service[:40], expected=forms.services())
    before, ticket.service = ticket.service, service
    record(session, ticket, "ticket.field_corrected", actor.tag, name="service", before=before, after=service)
    find_missing(session, ticket)


def _change_urgency(session: Session, ticket: Ticket, actor: Actor, urgency: str) -> None:
    if urgency not in URGENCIES:
        raise InvalidInput("There is no such urgency.", urgency=urgency[:40], expected=list(URGENCIES))
    before, ticket.urgency = ticket.priority, urgency
    ticket.priority = PRIORITY[urgency]
    record(session, ticket, "ticket.priority_changed", actor.tag, before=before, after=ticket.priority, urgency=urgency)


def _change_customer(session: Session, ticket: Ticket, actor: Actor, customer_id: int) -> None:
    customer = session.get(Customer, customer_id)
    while customer is not None and customer.joined_into is not None:
        customer = session.get(Customer, customer.joined_into)
    if customer is None:
        raise NotFound("There is no such customer.", customer_id=customer_id)
    before, ticket.customer_id = ticket.customer_id, customer.id
    record(session, ticket, "ticket.field_corrected", actor.tag, name="customer", before=before, after=customer.id)
    audit.write(
        session, actor.tag, "ticket.customer", f"ticket:{ticket.id}", address=actor.address, customer=customer.id
    )
