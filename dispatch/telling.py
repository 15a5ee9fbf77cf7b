"""Notices of dispatch: to engineers and dispatchers in their language, to the customer in the customer's."""

from __future__ import annotations

from sqlalchemy.orm import Session

from core import settings
from sla import in_language, words
from ticketing import Customer, Ticket, User, notify


def tell(session: Session, ticket: Ticket, person: User, purpose: str, zh: str, en: str) -> None:
    """Writes a notice to a colleague."""
    notify(
        session,
        purpose=purpose,
        subject=ticket.number,
        text=in_language(words(zh, en), person.language),
        ticket=ticket,
        user_id=person.id,
    )


def tell_customer(session: Session, ticket: Ticket, purpose: str, zh: str, en: str) -> None:
    """Writes a notice to the ticket's customer, if one is known."""
    if ticket.customer_id is not None:
        text = in_language(words(zh, en), language_of(session, ticket))
        notify(session, purpose=purpose, subject=ticket.number, text=text, ticket=ticket)


def language_of(session: Session, ticket: Ticket) -> str:
    """The customer's language, or the installation's where none is chosen."""
    customer = session.get(Customer, ticket.customer_id) if ticket.customer_id else None
    return (customer.language if customer else "") or settings.get(settings.CoreSettings).language
