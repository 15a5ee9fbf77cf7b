"""Which ticket a message belongs to. Each rule is a small function; the first that finds one decides and says why.

A number in the text or subject is never enough by itself: the ticket must be the same customer's, because anybody can
write a number.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

from pydantic import Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, settings
from intake.message import Message
from intake.tables import ThreadKey
from nlu import Understanding
from ticketing import Customer, Entry, Ticket, joining

OPEN = ("draft", "open", "assigned", "accepted", "on_site", "waiting")
ABOUT_ANOTHER = frozenset({"chase", "cancel", "reschedule"})


class ConversationSettings(settings.Section, prefix="CONVERSATION"):
    """When a message is taken to be about an open ticket."""

    window_minutes: int = Field(60, description="A chat's next message within this time belongs to the last ticket.")
    same_fault_days: int = Field(
        14, description="The same customer's same device within this time is the same request."
    )
    thread_days: int = Field(90, description="A reply in a thread reaches a ticket closed no longer ago than this.")


@dataclass(frozen=True, kw_only=True)
class Belongs:
    """The ticket a message joins, and the reason in words. ``ended``: the ticket has ended, so a message that wants
    something is a draft of its own that follows it."""

    ticket: Ticket
    reason: str
    ended: bool = False


@dataclass(frozen=True, kw_only=True)
class Case:
    """What the rules look at."""

    session: Session
    message: Message
    understanding: Understanding
    customer: Customer
    config: ConversationSettings
    new: bool = False  # nobody knew the sender before, so there is nothing of this customer's to find

    def values(self, name: str) -> set[str]:
        found = {f.value for f in self.understanding.fields if f.name == name}
        found |= {f.resolved.value for f in self.understanding.fields if f.name == name and f.resolved}
        given = self.message.fields.get(name)
        return found | {given} if given else found

    @property
    def intents(self) -> set[str]:
        return {intent.name for intent in self.understanding.intents}

    @cached_property
    def person(self) -> list[int]:
        """All customers who are this one."""
        return [self.customer.id] if self.new else joining.together(self.session, self.customer)

    @cached_property
    def open_tickets(self) -> Sequence[Ticket]:
        """The customer's open tickets that this sender may touch, newest first.

        A sender whom the channel does not vouch for could be anybody: a number typed into a form opens nothing, a mail
        address only what came by mail (where answers go to that address and to nobody else).
        """
        if self.new:
            return []
        query = select(Ticket).where(Ticket.customer_id.in_(self.person), Ticket.state.in_(OPEN))
        if not self.message.sender.verified:
            if self.message.sender.kind != "mail":
                return []
            query = query.where(Ticket.channel == self.message.channel)
        return self.session.scalars(query.order_by(Ticket.created.desc()).limit(20)).all()


def trusted_number(case: Case) -> Belongs | None:
    """The channel proved which ticket is meant: a signed reply address, a portal's session."""
    if not case.message.ticket_number:
        return None
    ticket = case.session.scalar(select(Ticket).where(Ticket.number == case.message.ticket_number))
    return _if_open(case, ticket, "the reply address names the ticket")


def thread(case: Case) -> Belongs | None:
    """It answers a message of the ticket's thread, from the same customer."""
    keys = [key[:255] for key in case.message.thread]
    if not keys or case.new:
        return None
    query = (
        select(Ticket)
        .join(ThreadKey, ThreadKey.ticket_id == Ticket.id)
        .where(ThreadKey.channel == case.message.channel, ThreadKey.key.in_(keys), Ticket.customer_id.in_(case.person))
        .order_by(Ticket.created.desc())
    )
    return _if_open(case, case.session.scalars(query).first(), "it answers a message of this ticket")


def quoted_number(case: Case) -> Belongs | None:
    """It quotes the number of one of the customer's own tickets."""
    numbers = {value.upper() for value in case.values("order")}
    text = f"{case.message.subject}\n{case.message.text}".upper()
    for ticket in case.open_tickets:
        if ticket.number in numbers or ticket.number in text:
            return Belongs(ticket=ticket, reason="it quotes the ticket's number")
    return None


def chase(case: Case) -> Belongs | None:
    """A chase, cancellation or change of date is about something that is open already."""
    about = case.intents & ABOUT_ANOTHER
    if not about:
        return None
    devices = case.values("device")
    tickets = case.open_tickets
    named = [ticket for ticket in tickets if devices & _devices(ticket)]
    if devices and not named and tickets:
        return None  # it speaks of a device that no open ticket is about
    found = (named or list(tickets))[:1]
    return Belongs(ticket=found[0], reason=f"{'/'.join(sorted(about))} about the open ticket") if found else None


def running_chat(case: Case) -> Belongs | None:
    """The next message of a chat that is going on, unless it speaks of another device."""
    if not case.message.conversation:
        return None
    since = clock.now() - timedelta(minutes=case.config.window_minutes)
    ticket = case.session.scalars(
        select(Ticket)
        .join(Entry, Entry.ticket_id == Ticket.id)
        .where(
            Ticket.channel == case.message.channel,
            Ticket.conversation == case.message.conversation,
            Ticket.state.in_(OPEN),
            Entry.at >= since,
        )
        .order_by(Entry.at.desc())
    ).first()
    if ticket is None:
        return None
    devices, known = case.values("device"), _devices(ticket)
    if devices and known and not devices & known:
        return None
    return Belongs(ticket=ticket, reason="the same conversation goes on")


def same_device(case: Case) -> Belongs | None:
    """The same customer reports the same device again within some days."""
    devices = case.values("device")
    if not devices or not case.intents & {"repair", "install", "maintain", "complaint"}:
        return None
    since = clock.now() - timedelta(days=case.config.same_fault_days)
    addresses = case.values("address")
    for ticket in case.open_tickets:
        if ticket.created < since or not devices & _devices(ticket):
            continue
        known = _values(ticket, "address")
        if addresses and known and not addresses & known:
            continue
        return Belongs(ticket=ticket, reason="the same customer and device as an open ticket")
    return None


RULES: tuple[Callable[[Case], Belongs | None], ...] = (
    trusted_number,
    thread,
    quoted_number,
    chase,
    running_chat,
    same_device,
)


def find_ticket(
    session: Session, message: Message, understanding: Understanding, customer: Customer, *, new: bool = False
) -> Belongs | None:
    """The ticket that the message joins, or None: a request of its own. ``new``: the customer was made of this message."""
    case = Case(
        session=session,
        message=message,
        understanding=understanding,
        customer=customer,
        config=settings.get(ConversationSettings),
        new=new,
    )
    for rule in RULES:
        found = rule(case)
        if found is not None:
            return found
    return None


def _if_open(case: Case, ticket: Ticket | None, reason: str) -> Belongs | None:
    if ticket is None:
        return None
    if ticket.state == "merged" and ticket.merged_into_id:
        return _if_open(case, case.session.get(Ticket, ticket.merged_into_id), reason)
    if ticket.state in OPEN:
        return Belongs(ticket=ticket, reason=reason)
    ended = ticket.closed or ticket.created
    if ended >= clock.now() - timedelta(days=case.config.thread_days):
        return Belongs(ticket=ticket, reason=f"{reason} (which is {ticket.state})", ended=True)
    return None


def _values(ticket: Ticket, name: str) -> set[str]:
    found = {f.current for f in ticket.fields if f.name == name and not f.removed}
    return found | {f.resolved["value"] for f in ticket.fields if f.name == name and f.resolved}


def _devices(ticket: Ticket) -> set[str]:
    return _values(ticket, "device")
