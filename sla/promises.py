"""The promises and subscriptions of sla. Importing this module registers the handlers; ``wire`` subscribes to ticket events."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, outbox
from sla import clocks, documents, escalation
from sla.reckoning import reached
from sla.tables import SlaClock
from ticketing import NewEvent, Ticket, subscribe, workflow

BATCH = 100


def wire() -> None:
    """Has clocks follow what happens to tickets. Called once by each process that writes events or keeps promises."""
    subscribe("sla", {"ticket.*"}, on_event)


def on_event(session: Session, event: NewEvent) -> None:
    clocks.bring_up_to_date(session, workflow.load(session, event.ticket_id))


@outbox.handler(clocks.TICK, queue="promises", attempts=12)
def tick(promise: outbox.Promise) -> outbox.Effect:
    """A percentage of a clock's target is used."""

    def write(session: Session) -> None:
        ticket_id = session.scalar(select(SlaClock.ticket_id).where(SlaClock.id == promise.payload["clock"]))
        if ticket_id is None:
            return
        ticket = workflow.load(session, ticket_id)
        rows = {row.id: row for row in clocks.bring_up_to_date(session, ticket)}
        row = rows[promise.payload["clock"]]
        _tell_levels(session, ticket, row)

    return write


def _tell_levels(session: Session, ticket: Ticket, row: SlaClock) -> None:
    force = documents.in_force(session)
    calendar = force.calendars.get(row.calendar)
    if row.stopped is not None or row.state == "paused" or calendar is None:
        return
    priority = ticket.priority
    for level in force.policy.levels():
        if level <= row.warned:
            continue
        amount = timedelta(seconds=row.target * level / 100)
        moment = reached(calendar, clocks.stretches_of(row), amount).moment
        if moment is None or moment > clock.now():
            break
        escalation.level_reached(session, ticket, row, level, force.policy)
        if ticket.priority != priority:
            break  # another rule may hold now; the event that tells of it brings the clock in line
    clocks.schedule(session, row, force)


@outbox.handler(clocks.RECHECK, queue="promises", attempts=12)
def recheck(promise: outbox.Promise) -> outbox.Effect:
    """Perhaps the year's holidays have been announced since."""

    def write(session: Session) -> None:
        ticket_id = session.scalar(select(SlaClock.ticket_id).where(SlaClock.id == promise.payload["clock"]))
        if ticket_id is not None:
            clocks.bring_up_to_date(session, workflow.load(session, ticket_id))

    return write


@outbox.handler(documents.RECKON_ALL, queue="bulk", lease=300, attempts=12)
def reckon_all(promise: outbox.Promise) -> outbox.Effect:
    """Policy or calendar changed: reckons the clocks that are not stopped, some tickets a transaction."""

    def write(session: Session) -> None:
        after = int(promise.payload["after"])
        tickets = list(
            session.scalars(
                select(SlaClock.ticket_id)
                .where(SlaClock.stopped.is_(None), SlaClock.ticket_id > after)
                .distinct()
                .order_by(SlaClock.ticket_id)
                .limit(BATCH)
            )
        )
        for ticket_id in tickets:
            clocks.bring_up_to_date(session, workflow.load(session, ticket_id))
        if len(tickets) == BATCH:
            outbox.promise(session, documents.RECKON_ALL, {**promise.payload, "after": tickets[-1]})

    return write
