"""The promises and subscriptions of dispatch. Importing this module registers the handlers; ``wire`` subscribes."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, outbox, settings
from dispatch import assignment
from dispatch.settings import DispatchSettings
from dispatch.tables import Visit
from ticketing import NewEvent, Ticket, subscribe, workflow

EVENTS = {
    "ticket.confirmed",
    "ticket.reopened",
    "ticket.refused",
    "ticket.cancelled",
    "ticket.unconfirmed",
    "ticket.merged",
    "ticket.priority_changed",
    "ticket.resumed",
    "ticket.rescheduled",
}


def wire() -> None:
    """Has dispatch act on what happens to tickets. Called once by each process that writes events or keeps promises."""
    subscribe("dispatch", EVENTS, on_event)


def on_event(session: Session, event: NewEvent) -> None:
    ticket = workflow.load(session, event.ticket_id)
    if event.kind in ("ticket.cancelled", "ticket.unconfirmed", "ticket.merged"):
        if ticket.state in ("cancelled", "draft", "merged"):
            zh = f"工单 {ticket.number} 已取消，无需上门。"
            assignment.withdraw(session, ticket, zh, f"Ticket {ticket.number} is off; no visit is needed.")
    elif event.kind == "ticket.rescheduled":
        assignment.tell_new_time(session, ticket)
    elif event.kind == "ticket.priority_changed" and ticket.state != "open":
        return
    else:
        send_somebody(session, ticket)


def send_somebody(session: Session, ticket: Ticket) -> None:
    """Assigns the ticket if that is what is to be done with it now; otherwise nothing, so it may be called at any time."""
    config = settings.get(DispatchSettings)
    if ticket.state == "open" and config.automatic and ticket.service in config.services:
        assignment.assign_automatically(session, ticket)


@outbox.handler(assignment.ANSWER, queue="promises", attempts=12)
def answer(promise: outbox.Promise) -> outbox.Effect:
    """The time in which an engineer may answer is over."""

    def write(session: Session) -> None:
        ticket_id = session.scalar(select(Visit.ticket_id).where(Visit.id == promise.payload["visit"]))
        if ticket_id is None:
            return
        ticket = workflow.load(session, ticket_id)  # first the ticket, then the visit: the order in which all lock
        visit = session.get_one(Visit, promise.payload["visit"], populate_existing=True)
        if visit.state == "proposed" and ticket.state == "assigned":
            assignment.no_answer(session, ticket, visit)
        elif visit.state == "proposed" and ticket.state == "waiting":
            # Nobody needs to hurry while the customer is waited for.
            later = clock.now() + timedelta(minutes=settings.get(DispatchSettings).answer_minutes)
            outbox.promise(session, assignment.ANSWER, promise.payload, due=later, unique_key=str(visit.id))

    return write


@outbox.handler(assignment.RETRY, queue="promises", attempts=12)
def retry(promise: outbox.Promise) -> outbox.Effect:
    """Perhaps somebody is free by now. All tickets that wait for an engineer are tried, emergencies first."""

    def write(session: Session) -> None:
        waiting = session.scalars(
            select(Ticket.id)
            .where(Ticket.state == "open")
            .order_by(Ticket.priority, Ticket.confirmed, Ticket.id)
            .limit(50)
        )
        tried = list(waiting)
        if promise.payload["ticket"] in tried:
            for ticket_id in tried[: tried.index(promise.payload["ticket"]) + 1]:
                send_somebody(session, workflow.load(session, ticket_id))
        elif len(tried) == 50:
            send_somebody(session, workflow.load(session, promise.payload["ticket"]))

    return write
