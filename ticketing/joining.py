"""One person, several identities: customers that an agent joins, and takes apart again.

A join is a row that names another customer (``joined_into``); nothing is moved, so it can be taken back. Who might be one person is
proposed in the audit trail with the evidence.
"""

from __future__ import annotations

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
    """Notes that two customers may be one person; once for each pair."""
    subject = f"customer:{min(customer.id, other.id)}"
    details = {"other": max(customer.id, other.id), "because": because}
    known = session.scalars(select(AuditEntry).where(AuditEntry.action == PROPOSED, AuditEntry.subject == subject))
    if all(entry.details.get("other") != details["other"] for entry in known):
        session.add(AuditEntry(at=clock.now(), actor="intake", action=PROPOSED, subject=subject, details=details))


def proposals(session: Session, customer_id: int) -> list[tuple[int, str]]:
    """Customers who may be the same person as this one, with the reason; joined ones are left out."""
    found: list[tuple[int, str]] = []
    for entry in session.scalars(select(AuditEntry).where(AuditEntry.action == PROPOSED).order_by(AuditEntry.id)):
        pair = (int(entry.subject.partition(":")[2]), int(entry.details["other"]))
        if customer_id in pair:
            other = pair[0] if pair[1] == customer_id else pair[1]
            if standing_for(session, other).id != standing_for(session, customer_id).id:
                found.append((other, str(entry.details["because"])))
    return found


def join(session: Session, customer: Customer, into: Customer, actor: str) -> None:
    """From now on ``into`` counts for both. Raises InvalidInput for a circle, Conflict if it is joined already."""
    if customer.joined_into is not None:
        raise Conflict("This customer is joined with another already.", joined_into=customer.joined_into)
    if standing_for(session, into.id).id == customer.id:
        raise InvalidInput("A customer cannot be joined into itself.")
    customer.joined_into = into.id
    audit.write(session, actor, "customer.joined", f"customer:{customer.id}", into=into.id)


def take_apart(session: Session, customer: Customer, actor: str) -> None:
    """Takes a join back. Raises Conflict if there is none."""
    if customer.joined_into is None:
        raise Conflict("This customer is not joined with another.")
    before, customer.joined_into = customer.joined_into, None
    audit.write(session, actor, "customer.taken_apart", f"customer:{customer.id}", was_in=before)
