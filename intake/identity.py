"""Whose message is it: an identity that a channel vouches for leads to a customer.

Anybody can write a number or claim an address, so what is merely written never decides: a telephone number in a text that
belongs to somebody else is a proposal to join for an agent (``ticketing.joining``), not a join. A sender that the channel does not
vouch for (a form's number, a mail without DMARC) is taken for the customer it claims, so that answers go to the real one; which
tickets such a message may touch is decided in ``conversation``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock
from intake.message import Message, Sender
from ticketing import Customer, Identity, joining


@dataclass(frozen=True, kw_only=True)
class Found:
    """The customer and in words why it is this one. ``new``: nobody knew the sender before this message."""

    customer: Customer
    reason: str
    new: bool = False


def find_customer(session: Session, message: Message, phones: Sequence[str], name: str = "") -> Found:
    """The sender's customer, made if nobody knows the sender, locked until the transaction ends: two messages of one
    customer are decided one after the other. ``phones``: E.164 numbers written or said in the message."""
    sender = message.sender
    own = _identity(session, sender.kind, sender.value)
    known = joining.standing_for(session, own.customer_id) if own is not None else None
    new = False
    reason = f"the {sender.kind} is known"
    if known is None and sender.verified:
        for kind, value in sender.others.items():
            known = known or _customer_of(session, kind, value)
    if known is None:
        known = Customer(name="", created=clock.now())
        session.add(known)
        session.flush()
        new = True
        reason = f"the {sender.kind} is new"
    else:
        session.refresh(known, with_for_update=True)
    if not known.name and sender.verified:
        known.name = (sender.name or name)[:120]
    _learn(session, known, sender, own)
    for phone in phones:
        owner = _customer_of(session, "phone", phone)
        if owner is not None and owner.id != known.id:
            joining.propose(session, known, owner, "the same telephone number")
    return Found(customer=known, reason=reason, new=new)


def _customer_of(session: Session, kind: str, value: str) -> Customer | None:
    identity = _identity(session, kind, value)
    return joining.standing_for(session, identity.customer_id) if identity is not None else None


def _identity(session: Session, kind: str, value: str) -> Identity | None:
    if not value:
        return None
    return session.scalar(select(Identity).where(Identity.kind == kind, Identity.value == value[:255]))


def _learn(session: Session, customer: Customer, sender: Sender, own: Identity | None) -> None:
    """Keeps who the sender is; further identities only if the channel vouches for them. ``own``: the sender's identity on
    this channel, if it is known."""
    identities = [(sender.kind, sender.value), *(sender.others.items() if sender.verified else ())]
    for kind, value in dict.fromkeys(identities):
        if not value:
            continue
        row = own if (kind, value) == identities[0] else _identity(session, kind, value)
        if row is None:
            session.add(
                Identity(
                    customer_id=customer.id, kind=kind, value=value[:255], verified=sender.verified, created=clock.now()
                )
            )
        elif sender.verified and not row.verified:
            row.verified = True
    session.flush()
