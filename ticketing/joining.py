"""One person, several identities: customers that an agent joins, and takes apart again.

A join is a row that names another customer (``joined_into``); nothing is moved, so it can be taken back. Who might be one person is
proposed in the audit trail with the evidence.
"""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock
from core.errors import Conflict, InvalidInput
from ticketing import audit
from ticketing.tables import AuditEntry, Customer

PROPOSED = "customer.join_proposed"


def standing_for(session: Session, customer_id: int) -> Customer:
    """The customer that counts for this one: itself, or the one it was joined into."""
    customer = session.get_one(Customer, customer_id)
    seen = {customer.id}
    while customer.joined_into is not None and customer.joined_into not in seen:
        seen.add(customer.joined_into)
        customer = session.get_one(Customer, customer.joined_into)
    return customer


def together(session: Session, customer: Customer) -> list[int]:
    """Ids of all customers who are this one person."""
    found, newest = [customer.id], [customer.id]
    while newest:
        newest = list(
            session.scalars(select(Customer.id).where(Customer.joined_into.in_(newest), Customer.id.not_in(found)))
        )
        found += newest
    return found


def propose(session: Session, customer: Customer, other: Customer, because: str) -> None:
    """Notes that two customers may be one person; once for each pair, at either of them."""
    for one, another in ((customer.id, other.id), (other.id, customer.id)):
        if another not in [known for known, _ in _proposed(session, [one])]:
            details = {"other": another, "because": because}
            entry = AuditEntry(at=clock.now(), actor="intake", action=PROPOSED, subject=_subject(one), details=details)
            session.add(entry)


def proposals(session: Session, customer_id: int) -> list[tuple[int, str]]:
    """Customers who may be the same person as this one, with the reason; joined ones are left out."""
    customer = standing_for(session, customer_id)
    found: dict[int, str] = {}
    for other, because in _proposed(session, together(session, customer)):
        standing = standing_for(session, other).id
        if standing != customer.id:
            found.setdefault(standing, because)
    return list(found.items())


def joined(session: Session, customer: Customer) -> Sequence[Customer]:
    """The customers that were joined into this one, in the order they were made."""
    ids = together(session, customer)[1:]
    return session.scalars(select(Customer).where(Customer.id.in_(ids)).order_by(Customer.id)).all() if ids else []


def _proposed(session: Session, ids: Sequence[int]) -> list[tuple[int, str]]:
    entries = session.scalars(
        select(AuditEntry)
        .where(AuditEntry.subject.in_([_subject(each) for each in ids]), AuditEntry.action == PROPOSED)
        .order_by(AuditEntry.id)
    )
    return [(int(entry.details["other"]), str(entry.details["because"])) for entry in entries]


def _subject(customer_id: int) -> str:
    return f"customer:{customer_id}"


def join(session: Session, customer: Customer, into: Customer, actor: str) -> None:
    """From now on ``into`` counts for both. Raises InvalidInput for a circle, Conflict if it is joined already."""
    if customer.joined_into is not None:
        raise Conflict("This customer is joined with another already.", joined_into=customer.joined_into)
    if standing_for(session, into.id).id == customer.id:
        raise InvalidInput("A customer cannot be joined into itself.")
    customer.joined_into = into.id
    audit.write(session, actor, "customer.joined", _subject(customer.id), into=into.id)


def take_apart(session: Session, customer: Customer, actor: str) -> None:
    """Takes a join back. Raises Conflict if there is none."""
    if customer.joined_into is None:
        raise Conflict("This customer is not joined with another.")
    before, customer.joined_into = customer.joined_into, None
    audit.write(session, actor, "customer.taken_apart", _subject(customer.id), was_in=before)
