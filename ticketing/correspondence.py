"""What colleagues write: replies and questions to the customer, notes among themselves."""

from __future__ import annotations

from sqlalchemy.orm import Session

from core import clock
from core.errors import Conflict, InvalidInput
from core.text import clean
from ticketing import workflow
from ticketing.access import Actor
from ticketing.outlets import notify
from ticketing.tables import Entry, Ticket

TEXT_LIMIT = 20_000


def note(session: Session, ticket: Ticket, actor: Actor, text: str) -> Entry:
    """Adds an internal note; the customer never sees it."""
    return _entry(session, ticket, "note", actor, _text(text))


def reply(
    session: Session, ticket: Ticket, actor: Actor, text: str, channel: str = "", purpose: str = "reply"
) -> Entry:
    """Writes to the customer: first on ``channel`` if given, then on the one the ticket came by, then on any. Raises
    Conflict where nobody is known to write to."""
    if ticket.customer_id is None:
        raise Conflict("No customer is known for this ticket; choose one first.")
    entry = _entry(session, ticket, "reply", actor, _text(text), clean(channel, 40) or ticket.channel)
    notify(
        session,
        purpose=purpose,
        text=entry.text,
        ticket=ticket,
        channels=[entry.channel],
        extra={"entry": entry.id, "author": actor.name},
    )
    return entry


def ask(session: Session, ticket: Ticket, actor: Actor, text: str, channel: str = "") -> Entry:
    """Asks the customer back. A draft stays a draft; a ticket under way waits until the customer answers."""
    if ticket.state not in ("draft", "waiting") and "wait_customer" not in workflow.possible(ticket.state):
        raise Conflict("Nothing is asked about a ticket in this state.", state=ticket.state)
    entry = reply(session, ticket, actor, text, channel, purpose="ask")
    if "wait_customer" in workflow.possible(ticket.state):
        workflow.move(session, ticket, "wait_customer", actor.tag, entry=entry.id)
    return entry


def _entry(session: Session, ticket: Ticket, kind: str, actor: Actor, text: str, channel: str = "") -> Entry:
    entry = Entry(ticket_id=ticket.id, kind=kind, author=actor.tag, channel=channel, text=text, at=clock.now())
    session.add(entry)
    workflow.touch(ticket)
    session.flush()
    return entry


def _text(text: str) -> str:
    text = clean(text).strip()
    if not text or len(text) > TEXT_LIMIT:
        raise InvalidInput(f"A text has 1 to {TEXT_LIMIT} characters.", field="text")
    return text
