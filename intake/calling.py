"""Calls that we make: promised for a time, made while an agent is free, tried again when nobody answers, told in the ticket."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Literal

import phonenumbers
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, outbox
from ticketing import Event, Identity, Ticket, record

CALL_OUT = "call.out"
Purpose = Literal["call back", "appointment"]
MOST_MERGED = 10
OVER = frozenset({"closed", "cancelled", "discarded", "merged"})


def promise_call(
    session: Session, ticket: Ticket, number: str, *, purpose: Purpose, due: datetime | None = None, actor: str
) -> int:
    """Promises to call this number (E.164) about a ticket, now or at a time; the promise's id. Withdraw it with the outbox."""
    payload = {"number": number, "ticket": ticket.id, "purpose": purpose, "attempt": 1, "made": clock.now().isoformat()}
    made = outbox.promise(session, CALL_OUT, payload, due=due, queue="outbound")
    at = clock.aware(due).isoformat() if due else clock.now().isoformat()
    record(session, ticket, "call.promised", actor, purpose=purpose, due=at, promise=made)
    return made


def standing(session: Session, ticket_id: int) -> Ticket | None:
    """The ticket, or the one that it was merged into."""
    ticket = session.get(Ticket, ticket_id)
    for _ in range(MOST_MERGED):
        if ticket is None or ticket.state != "merged" or ticket.merged_into_id is None:
            break
        ticket = session.get(Ticket, ticket.merged_into_id)
    return ticket


def is_promised(session: Session, number: str) -> bool:
    """Whether this number is called back already; a call about something else is no call-back."""
    query = select(outbox.PromiseRow.id).where(
        outbox.PromiseRow.kind == CALL_OUT,
        outbox.PromiseRow.state.in_(("waiting", "queued")),
        outbox.PromiseRow.payload["number"].as_string() == number,
        outbox.PromiseRow.payload["purpose"].as_string() == "call back",
    )
    return session.scalars(query.limit(1)).first() is not None


def has_talked(session: Session, ticket: Ticket, since: str) -> bool:
    """Whether somebody spoke with the customer since this moment: a call-back is then not owed any more."""
    query = select(Event.id).where(
        Event.ticket_id == ticket.id, Event.kind == "call.talked", Event.at >= datetime.fromisoformat(since)
    )
    return session.scalars(query.limit(1)).first() is not None


def number_of(session: Session, ticket: Ticket) -> str:
    """Where the customer of a ticket is called, E.164: the number that the ticket names, else one of his own; "" if none."""
    written = [ticket.value("phone")]
    if ticket.customer_id is not None:
        query = select(Identity.value).where(Identity.customer_id == ticket.customer_id, Identity.kind == "phone")
        written += session.scalars(query.order_by(Identity.id)).all()
    return next((number for text in written if (number := e164_of(text))), "")


def e164_of(text: str) -> str:
    """A telephone number as E.164, "" for what is none."""
    with contextlib.suppress(phonenumbers.NumberParseException):
        found = phonenumbers.parse(text, "CN")
        if phonenumbers.is_valid_number(found):
            return phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)
    return ""


def not_reached(session: Session, facts: dict[str, Any], why: str, pauses: Sequence[float]) -> None:
    """Nobody answered a call of ours, or who answered found no agent: it is made again after so many minutes, until there
    were as many tries as pauses and one; then the ticket says that a person has to see to it."""
    ticket = standing(session, facts.get("ticket") or 0)
    attempt = int(facts.get("attempt", 1))
    if ticket is None:
        return
    again = attempt <= len(pauses) and ticket.state not in OVER
    record(session, ticket, "call.not_reached", "sip", attempt=attempt, because=why, again=again)
    if not again:
        record(session, ticket, "call.given_up", "sip", attempts=attempt)
        return
    due = clock.now() + timedelta(minutes=pauses[attempt - 1])
    kept: dict[str, Any] = {name: facts[name] for name in ("number", "purpose", "made") if name in facts}
    payload = {**kept, "ticket": ticket.id, "attempt": attempt + 1}
    outbox.promise(session, CALL_OUT, payload, due=due, queue="outbound")


def still_owed(session: Session, facts: dict[str, Any], pauses: Sequence[float]) -> None:
    """A customer whom we called waited for an agent in vain: he is called again like one who did not answer. What was
    said before his last wait does not count as the conversation that he is owed."""
    not_reached(session, {**facts, "made": clock.now().isoformat()}, "no agent", pauses)
