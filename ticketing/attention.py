"""What waits for somebody's eye on tickets under way: messages that nobody has opened, and wishes to cancel or to put off.

Neither gives a ticket a new version: a message that comes in does not stop a colleague who is writing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import update
from sqlalchemy.orm import Session

from core import live
from core.errors import Conflict, InvalidInput
from ticketing import workflow
from ticketing.access import Actor
from ticketing.corrections import correct
from ticketing.events import record
from ticketing.tables import Entry, Ticket

WISHES = ("cancel", "reschedule")


def arrived(session: Session, ticket: Ticket, entry: Entry, intents: Sequence[Mapping[str, Any]], actor: str) -> None:
    """A customer's message is in the ticket's story: nobody has opened it yet, and it may wish for an end or another time."""
    if ticket.state == "draft":
        return  # its reviewer reads all of it
    _set(session, ticket, unread=entry.id)
    wish = next((str(intent["name"]) for intent in intents if intent["name"] in WISHES), None)
    if wish is not None and ticket.state not in workflow.FINAL:
        _set(session, ticket, wish=wish, wish_entry=entry.id)
        record(session, ticket, "ticket.wished", actor, wish=wish, message=entry.message_id)


def opened(session: Session, ticket: Ticket, newest: int) -> bool:
    """Somebody has opened the ticket and sees its story up to the entry ``newest``; what came later stays unread. Returns
    whether something was unread."""
    if ticket.unread is None or ticket.unread > newest:
        return False
    _set(session, ticket, unread=None)
    live.publish_after_commit(session, "tickets", {"kind": "ticket.opened", "ticket": ticket.id, "state": ticket.state})
    return True


def reschedule(session: Session, ticket: Ticket, actor: Actor, time: str) -> None:
    """Puts the visit at another time, as the customer says it ("周六上午"), and answers the wish. Raises Conflict for a ticket
    that is no longer under way or where the engineer already is."""
    if ticket.state not in workflow.TRANSITIONS["cancel"].sources:
        raise Conflict("The visit can no longer be put off.", state=ticket.state)
    if not time.strip():
        raise InvalidInput("At which time?", field="time")
    before = ticket.value("time")
    correct(session, ticket, actor, {"time": time})
    _answer(ticket)
    workflow.touch(ticket)
    record(session, ticket, "ticket.rescheduled", actor.tag, before=before, after=ticket.value("time"))


def leave(session: Session, ticket: Ticket, actor: Actor) -> None:
    """The ticket stays as it is, whatever was wished. Raises Conflict where nothing is."""
    if ticket.wish is None:
        raise Conflict("The customer wishes nothing else of this ticket.", state=ticket.state)
    wish = ticket.wish
    _answer(ticket)
    workflow.touch(ticket)
    record(session, ticket, "ticket.left", actor.tag, wish=wish)


def _answer(ticket: Ticket) -> None:
    ticket.wish = ticket.wish_entry = None


def _set(session: Session, ticket: Ticket, **values: Any) -> None:
    session.execute(
        update(Ticket).where(Ticket.id == ticket.id).values(**values).execution_options(synchronize_session="evaluate")
    )
