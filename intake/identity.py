"""Whose message is it: an identity of a channel leads to a customer; identities of one person join.

A join is only ever a row that names another customer, so it can be taken back. What could be a mistake (the customer has
another openid already) is proposed in the audit trail, not done.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock
from intake.message import Message, Sender
from ticketing import AuditEntry, Customer, Identity


@dataclass(frozen=True, kw_only=True)
class Found:
    """The customer and in words why it is this one."""

    customer: Customer
    reason: str


def find_customer(session: Session, message: Message, phones: list[str], name: str = "") -> Found:
    """The sender's customer, made if nobody knows the sender. ``phones``: E.164 numbers written or said in the message."""
    sender = message.sender
    known = _customer_of(session, sender.kind, sender.value)
    if known is None:
        for kind, value in sender.others.items():
            known = known or _customer_of(session, kind, value)
    if known is not None:
        _learn(session, known, message.channel, sender, phones)
        if not known.name:
            known.name = (sender.name or name)[:120]
        return Found(customer=known, reason=f"the {sender.kind} is known")
    for phone in phones:
        owner = _customer_of(session, "phone", phone)
        if owner is None:
            continue
        if _disputed(session, owner, sender, name):
            session.add(
                AuditEntry(
                    at=clock.now(),
                    actor="intake",
                    action="customer.join_proposed",
                    subject=f"customer:{owner.id}",
                    details={"kind": sender.kind, "because": "the same telephone number"},
                )
            )
            continue
        _learn(session, owner, message.channel, sender, phones)
        return Found(customer=owner, reason="the telephone number in the message is this customer's")
    customer = Customer(name=(sender.name or name)[:120], created=clock.now())
    session.add(customer)
    session.flush()
    _learn(session, customer, message.channel, sender, phones)
    return Found(customer=customer, reason="nobody was known under these identities")


def _customer_of(session: Session, kind: str, value: str) -> Customer | None:
    if not value:
        return None
    identity = session.scalar(select(Identity).where(Identity.kind == kind, Identity.value == value[:255]))
    if identity is None:
        return None
    customer = session.get_one(Customer, identity.customer_id)
    for _ in range(10):  # joins are one step deep as a rule; a circle ends here
        if customer.joined_into is None:
            break
        customer = session.get_one(Customer, customer.joined_into)
    return customer


def _disputed(session: Session, customer: Customer, sender: Sender, name: str) -> bool:
    """Whether joining could mix two people: another identity of this kind is there, or the names differ."""
    same_kind = session.scalar(
        select(Identity.id).where(
            Identity.customer_id == customer.id, Identity.kind == sender.kind, Identity.value != sender.value
        )
    )
    given = name or sender.name
    return same_kind is not None or bool(given and customer.name and given[0] != customer.name[0])


def _learn(session: Session, customer: Customer, channel: str, sender: Sender, phones: list[str]) -> None:
    identities: Mapping[tuple[str, str], bool] = {
        **{("phone", phone): False for phone in phones},
        **dict.fromkeys(sender.others.items(), sender.verified),
        (sender.kind, sender.value): sender.verified,
    }
    for (kind, value), verified in identities.items():
        if not value:
            continue
        row = session.scalar(select(Identity).where(Identity.kind == kind, Identity.value == value[:255]))
        if row is None:
            session.add(
                Identity(customer_id=customer.id, kind=kind, value=value[:255], verified=verified, created=clock.now())
            )
        elif verified and not row.verified:
            row.verified = True
    session.flush()
