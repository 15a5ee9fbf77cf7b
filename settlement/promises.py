"""The promises and subscriptions of settlement. Importing this module registers the handlers; ``wire`` subscribes."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, outbox, settings
from dispatch import Visit
from settlement import billing, stock, surveys
from settlement.settings import SettlementSettings
from ticketing import NewEvent, Ticket, subscribe, workflow

SURVEY = "survey.send"
CLOSE = "settlement.close"


def wire() -> None:
    """Has settlement follow what happens to tickets. Called once by each process that writes events or keeps promises."""
    subscribe("settlement", {"ticket.completed", "ticket.cancelled", "survey.answered"}, on_event)


def on_event(session: Session, event: NewEvent) -> None:
    ticket = workflow.load(session, event.ticket_id)
    if event.kind == "ticket.completed" and ticket.state == "completed":
        _completed(session, ticket, session.get_one(Visit, event.details["visit"]))
    elif event.kind == "ticket.cancelled":
        stock.release(session, ticket.id)
    elif event.kind == "survey.answered":
        surveys.follow(session, ticket, event)
        _close(session, ticket, "survey")


def _completed(session: Session, ticket: Ticket, visit: Visit) -> None:
    config = settings.get(SettlementSettings)
    billing.bill_visit(session, ticket, visit)
    done = visit.completed or clock.now()
    outbox.promise(
        session,
        SURVEY,
        {"visit": visit.id},
        due=done + timedelta(minutes=config.survey_minutes),
        unique_key=str(visit.id),
    )
    outbox.promise(
        session, CLOSE, {"visit": visit.id}, due=done + timedelta(days=config.close_days), unique_key=str(visit.id)
    )


@outbox.handler(SURVEY, queue="promises", attempts=12)
def send_survey(promise: outbox.Promise) -> outbox.Effect:
    """Asks the customer, unless the ticket went another way meanwhile."""

    def write(session: Session) -> None:
        visit = session.get(Visit, promise.payload["visit"])
        if visit is None:
            return
        ticket = workflow.load(session, visit.ticket_id)
        if ticket.state in ("completed", "billed", "closed") and not surveys.answered_since(session, visit):
            surveys.send(session, ticket, visit)

    return write


@outbox.handler(CLOSE, queue="promises", attempts=12)
def close(promise: outbox.Promise) -> outbox.Effect:
    """Nobody answered the survey: the ticket closes by itself."""

    def write(session: Session) -> None:
        visit = session.get(Visit, promise.payload["visit"])
        if visit is None:
            return
        ticket = workflow.load(session, visit.ticket_id)
        latest = session.scalar(
            select(Visit.id)
            .where(Visit.ticket_id == ticket.id, Visit.state == "done")
            .order_by(Visit.id.desc())
            .limit(1)
        )
        if latest == visit.id:  # after a reopening the later visit's promise counts
            _close(session, ticket, "time")

    return write


def _close(session: Session, ticket: Ticket, why: str) -> None:
    if ticket.state == "billed":
        workflow.move(session, ticket, "close", billing.ACTOR, why=why)
