"""Notices: any room writes one, an outlet of some channel delivers it, the outbox sees to it that it happens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, db, outbox
from core.errors import HotlineError
from ticketing.joining import standing_for, together
from ticketing.tables import Customer, Identity, Notice, Ticket


@dataclass(frozen=True, kw_only=True)
class OutgoingNotice:
    """What an outlet is given. ``identities``: kind to values of the recipient; ``key``: for idempotent sending."""

    id: int
    key: str
    purpose: str
    subject: str
    text: str
    language: str
    ticket_number: str
    identities: Mapping[str, Sequence[str]]
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What became of it. ``receipt`` is the provider's id."""

    receipt: str = ""


class CannotDeliver(HotlineError):
    """This outlet cannot reach the recipient; the next one may."""

    code = "cannot_deliver"


class Outlet(Protocol):
    """A way out. Knows its own limits (a reply window, a text's length) and says before sending whether it can."""

    name: str

    def reaches(self, notice: OutgoingNotice) -> bool:
        """Whether the recipient can be reached this way now, without asking the network."""

    def send(self, notice: OutgoingNotice) -> Delivery:
        """Delivers; raises CannotDeliver for good, a retryable error for a while."""


_outlets: dict[str, Outlet] = {}
KIND = "notice.send"


def open_outlets(outlets: Sequence[Outlet]) -> None:
    """Sets the ways out of this process. Wired in ``app/``."""
    _outlets.clear()
    _outlets.update({outlet.name: outlet for outlet in outlets})


def notify(
    session: Session,
    *,
    purpose: str,
    text: str,
    subject: str = "",
    ticket: Ticket | None = None,
    customer: Customer | None = None,
    user_id: int | None = None,
    channels: Sequence[str] = (),
    extra: Mapping[str, Any] | None = None,
) -> Notice:
    """Writes a notice and promises its delivery. ``channels``: outlets to try first; the ticket's own channel comes next."""
    customer_id = customer.id if customer else ticket.customer_id if ticket and user_id is None else None
    order = list(dict.fromkeys([*channels, *([ticket.channel] if ticket else [])]))
    notice = Notice(
        ticket_id=ticket.id if ticket else None,
        customer_id=customer_id,
        user_id=user_id,
        purpose=purpose,
        channels=order,
        subject=subject,
        text=text,
        extra=dict(extra or {}),
        created=clock.now(),
    )
    session.add(notice)
    session.flush()
    outbox.promise(session, KIND, {"notice": notice.id})
    return notice


def _failed(promise: outbox.Promise, error: str) -> outbox.Effect:
    def write(session: Session) -> None:
        notice = session.get_one(Notice, promise.payload["notice"])
        notice.state, notice.error = "failed", error

    return write


@outbox.handler(KIND, queue="outbound", lease=120, attempts=8, backoff=5, last_resort=_failed)
def send(promise: outbox.Promise) -> outbox.Effect | None:
    """Tries the outlets in order; a notice that nobody can take stays visible as failed."""
    with db.read() as session:
        notice = session.get_one(Notice, promise.payload["notice"])
        if notice.state != "waiting":
            return None
        outgoing = _outgoing(session, notice, promise.key)
        order = [*notice.channels, *(name for name in _outlets if name not in notice.channels)]
    refusals: list[str] = []
    for name in order:
        outlet = _outlets.get(name)
        if outlet is None or not outlet.reaches(outgoing):
            continue
        try:
            delivery = outlet.send(outgoing)
        except CannotDeliver as error:
            refusals.append(f"{name}: {error.message}")
            continue
        return _sent(outgoing.id, name, delivery)
    return _unreachable(outgoing.id, "; ".join(refusals) or "no outlet reaches the recipient")


def _outgoing(session: Session, notice: Notice, key: str) -> OutgoingNotice:
    identities: dict[str, list[str]] = {}
    language = ""
    if notice.customer_id is not None:
        customer = standing_for(session, notice.customer_id)
        same = together(session, customer)
        for identity in session.scalars(select(Identity).where(Identity.customer_id.in_(same)).order_by(Identity.id)):
            identities.setdefault(identity.kind, []).append(identity.value)
        language = customer.language
    if notice.user_id is not None:
        identities["user"] = [str(notice.user_id)]
    ticket = session.get(Ticket, notice.ticket_id) if notice.ticket_id else None
    return OutgoingNotice(
        id=notice.id,
        key=key,
        purpose=notice.purpose,
        subject=notice.subject,
        text=notice.text,
        language=language or "zh",
        ticket_number=ticket.number if ticket else "",
        identities=identities,
        extra=dict(notice.extra),
    )


def _sent(notice_id: int, outlet: str, delivery: Delivery) -> outbox.Effect:
    def write(session: Session) -> None:
        notice = session.get_one(Notice, notice_id)
        notice.state, notice.sent_by, notice.receipt, notice.sent = "sent", outlet, delivery.receipt, clock.now()

    return write


def _unreachable(notice_id: int, why: str) -> outbox.Effect:
    def write(session: Session) -> None:
        notice = session.get_one(Notice, notice_id)
        notice.state, notice.error = "failed", why

    return write
