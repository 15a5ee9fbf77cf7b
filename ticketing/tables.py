"""What ticketing keeps. A draft is a ticket in state ``draft``; a field keeps its evidence and every correction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Float, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Base


class User(Base):
    """Somebody who signs in: agent, dispatcher, engineer, manager, administrator or a program with an API key."""

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(60), unique=True)
    name: Mapped[str] = mapped_column(String(80))
    role: Mapped[str] = mapped_column(String(20), doc="agent, dispatcher, engineer, manager, administrator")
    password_hash: Mapped[str | None] = mapped_column(
        String(200), doc="argon2id; empty: cannot sign in with a password"
    )
    language: Mapped[str] = mapped_column(String(5), default="zh")
    regions: Mapped[list[Any]] = mapped_column(default=list, doc="GB/T 2260 prefixes this person works for; empty: all")
    team: Mapped[str] = mapped_column(String(60), default="")
    active: Mapped[bool] = mapped_column(default=True)
    created: Mapped[datetime]


class Phone(Base):
    """A user's telephone: where callers are put through to, and whether they are now."""

    __tablename__ = "phone"

    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), primary_key=True)
    address: Mapped[str] = mapped_column(String(200), doc="an extension of the PBX, or sip:user@host")
    state: Mapped[str] = mapped_column(String(10), default="away", doc="ready or away, as its user said")
    since: Mapped[datetime] = mapped_column(
        doc="when it was last set, or a call on it ended: who waited longest is next"
    )
    call: Mapped[str | None] = mapped_column(String(32), index=True, doc="the session of the call that it is taken for")
    rests_until: Mapped[datetime | None] = mapped_column(doc="not rung before: after a call, after nobody answered")


class SignIn(Base):
    """A session of a browser or app, or an API key. Only the token's SHA-256 is kept."""

    __tablename__ = "sign_in"

    token_hash: Mapped[str] = mapped_column(String(64), primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id", ondelete="CASCADE"), index=True)
    kind: Mapped[str] = mapped_column(String(10), doc="session or key")
    label: Mapped[str] = mapped_column(String(120), default="")
    created: Mapped[datetime]
    expires: Mapped[datetime | None]
    last_seen: Mapped[datetime | None]


class SignInAttempt(Base):
    """A sign-in that was begun and has not succeeded; counted against guessing."""

    __tablename__ = "sign_in_attempt"
    __table_args__ = (Index("sign_in_attempt_login", "login", "at"), Index("sign_in_attempt_address", "address", "at"))

    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(String(60))
    address: Mapped[str] = mapped_column(String(60))
    at: Mapped[datetime]


class Customer(Base):
    """A person or company that is served."""

    __tablename__ = "customer"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(120), default="")
    language: Mapped[str] = mapped_column(String(5), default="")
    level: Mapped[str] = mapped_column(String(20), default="", doc="contract level, e.g. vip")
    note: Mapped[str] = mapped_column(Text, default="")
    joined_into: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), doc="Set when joined with another.")
    created: Mapped[datetime]

    identities: Mapped[list[Identity]] = relationship(back_populates="customer")
    assets: Mapped[list[Asset]] = relationship(back_populates="customer")


class Identity(Base):
    """How a customer is known on a channel: a phone number (E.164), an openid, a mail address, an account."""

    __tablename__ = "identity"
    __table_args__ = (UniqueConstraint("kind", "value"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    customer_id: Mapped[int] = mapped_column(ForeignKey("customer.id"), index=True)
    kind: Mapped[str] = mapped_column(String(40), doc="phone, openid, unionid, mail, account, or channel:account")
    value: Mapped[str] = mapped_column(String(255))
    verified: Mapped[bool] = mapped_column(
        default=False, doc="The channel vouches for it (not merely written in a text)."
    )
    created: Mapped[datetime]

    customer: Mapped[Customer] = relationship(back_populates="identities")


class Asset(Base):
    """A machine that is looked after. ``code`` is what its QR label says."""

    __tablename__ = "asset"

    id: Mapped[int] = mapped_column(primary_key=True)
    code: Mapped[str] = mapped_column(String(40), unique=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    device: Mapped[str] = mapped_column(String(80))
    brand: Mapped[str] = mapped_column(String(80), default="")
    model: Mapped[str] = mapped_column(String(80), default="")
    serial: Mapped[str] = mapped_column(String(80), default="", index=True)
    address: Mapped[str] = mapped_column(String(300), default="")
    installed: Mapped[datetime | None]
    warranty_until: Mapped[datetime | None]
    created: Mapped[datetime]

    customer: Mapped[Customer | None] = relationship(back_populates="assets")


class Numbering(Base):
    """The last number given out in a series."""

    __tablename__ = "numbering"

    series: Mapped[str] = mapped_column(String(40), primary_key=True)
    last: Mapped[int] = mapped_column(Integer, default=0)


class Ticket(Base):
    """One request on its way. ``priority``: 1 emergency, 2 high, 3 normal, 4 low. ``version`` guards against lost updates."""

    __tablename__ = "ticket"
    __table_args__ = (Index("ticket_state", "state", "created"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(30), unique=True)
    version: Mapped[int] = mapped_column(Integer, default=1)
    state: Mapped[str] = mapped_column(String(20), index=True)
    service: Mapped[str] = mapped_column(String(40), doc="service type; chooses form and flow: repair, install, ...")
    intents: Mapped[list[Any]] = mapped_column(default=list, doc="[{name, probability}], main one first")
    urgency: Mapped[str] = mapped_column(String(12), default="normal")
    sentiment: Mapped[str] = mapped_column(String(12), default="neutral")
    priority: Mapped[int] = mapped_column(Integer, default=3)
    summary: Mapped[str] = mapped_column(Text, default="")
    missing: Mapped[list[Any]] = mapped_column(default=list, doc="names of required fields nobody has given yet")
    channel: Mapped[str] = mapped_column(String(40))
    conversation: Mapped[str] = mapped_column(String(200), default="", index=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    asset_id: Mapped[int | None] = mapped_column(ForeignKey("asset.id"), index=True)
    reviewer_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"), doc="the agent who claimed the draft")
    assignee_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"), index=True, doc="the engineer")
    merged_into_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id"))
    parent_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id"))
    reason: Mapped[str] = mapped_column(Text, default="", doc="why discarded, cancelled or merged")
    unread: Mapped[int | None] = mapped_column(
        index=True, doc="the newest message (an entry's id) that joined it under way and that nobody has opened"
    )
    wish: Mapped[str | None] = mapped_column(
        String(12), index=True, doc="cancel or reschedule: what the customer asked under way and nobody has answered"
    )
    wish_entry: Mapped[int | None] = mapped_column(doc="the message (an entry's id) that says so")
    created: Mapped[datetime]
    confirmed: Mapped[datetime | None]
    closed: Mapped[datetime | None]

    __mapper_args__ = {"version_id_col": version}  # noqa: RUF012  # SQLAlchemy wants a plain class attribute

    fields: Mapped[list[TicketField]] = relationship(order_by="TicketField.position, TicketField.id")
    customer: Mapped[Customer | None] = relationship()
    asset: Mapped[Asset | None] = relationship()
    assignee: Mapped[User | None] = relationship(foreign_keys=[assignee_id])

    def field(self, name: str) -> TicketField | None:
        """The field of that name that counts: an agent's before a machine's, then the more confident one."""
        present = [f for f in self.fields if f.name == name and not f.removed]
        return max(present, key=lambda f: (f.corrected_at is not None, f.confidence), default=None)

    def value(self, name: str) -> str:
        """The field's value as it counts now, "" if there is none."""
        found = self.field(name)
        return found.current if found else ""


class TicketHold(Base):
    """A legal hold: nothing that was kept for the ticket is deleted while it stands."""

    __tablename__ = "ticket_hold"

    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id", ondelete="CASCADE"), primary_key=True)
    reason: Mapped[str] = mapped_column(Text)
    actor: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime]


class TicketField(Base):
    """One field with its evidence to the end: where in which message (span, audio), what found it, how sure it was, and
    beside it what an agent made of it."""

    __tablename__ = "ticket_field"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(40))
    position: Mapped[int] = mapped_column(Integer, default=0)
    value: Mapped[str] = mapped_column(Text)
    surface: Mapped[str] = mapped_column(Text, default="")
    confidence: Mapped[float] = mapped_column(Float, default=1.0)
    component: Mapped[str] = mapped_column(
        String(40), default="", doc="what found it, or form, asset, caller id, agent"
    )
    message_id: Mapped[str | None] = mapped_column(String(32), doc="the message that shows it")
    start: Mapped[int | None] = mapped_column(Integer, doc="first character in the message's text")
    end: Mapped[int | None] = mapped_column(Integer)
    audio_start: Mapped[int | None] = mapped_column(Integer, doc="ms in the message's recording")
    audio_end: Mapped[int | None] = mapped_column(Integer)
    resolved: Mapped[dict[str, Any] | None] = mapped_column(doc="{value, score, details}")
    candidates: Mapped[list[Any]] = mapped_column(default=list)
    corrected_value: Mapped[str | None] = mapped_column(Text)
    corrected_by: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    corrected_at: Mapped[datetime | None]
    removed: Mapped[bool] = mapped_column(default=False)

    @property
    def current(self) -> str:
        return self.corrected_value if self.corrected_value is not None else self.value


class Event(Base):
    """What happened to a ticket: once, in order, written in the transaction that did it."""

    __tablename__ = "event"
    __table_args__ = (Index("event_ticket", "ticket_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    kind: Mapped[str] = mapped_column(String(60), doc="dotted: ticket.confirmed, sla.warned, dispatch.assigned ...")
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(
        String(80), doc="user:7, customer, or the room that acted: intake, sla, dispatch"
    )
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)


class Entry(Base):
    """What was said about a ticket: a customer's message, a reply, an internal note, a photograph from the site."""

    __tablename__ = "entry"
    __table_args__ = (Index("entry_ticket", "ticket_id", "id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"))
    kind: Mapped[str] = mapped_column(String(12), doc="message, reply, note")
    author: Mapped[str] = mapped_column(String(80), doc="customer, user:7, system")
    channel: Mapped[str] = mapped_column(String(40), default="")
    text: Mapped[str] = mapped_column(Text)
    message_id: Mapped[str | None] = mapped_column(String(32), unique=True)
    attachments: Mapped[list[Any]] = mapped_column(default=list, doc="[{name, type, size, blob}]")
    words: Mapped[list[Any]] = mapped_column(
        default=list, doc="[[text, start ms, end ms, confidence, offset, leg]] of a call"
    )
    recording: Mapped[str | None] = mapped_column(String(64), doc="blob of the call's recording")
    place: Mapped[dict[str, Any] | None] = mapped_column(doc="{latitude, longitude, datum, label} sent by the customer")
    deleted: Mapped[dict[str, Any] | None] = mapped_column(
        doc="recording, original, attachments to when they were deleted"
    )
    reason: Mapped[str] = mapped_column(Text, default="", doc="why this message belongs to this ticket")
    at: Mapped[datetime]


class Notice(Base):
    """An outgoing message and what became of it."""

    __tablename__ = "notice"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id"), index=True)
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"))
    user_id: Mapped[int | None] = mapped_column(ForeignKey("user.id"))
    purpose: Mapped[str] = mapped_column(String(40), doc="received, confirmed, assigned, survey, reply, warning ...")
    channels: Mapped[list[Any]] = mapped_column(default=list, doc="outlets to try, in order")
    subject: Mapped[str] = mapped_column(String(300), default="")
    text: Mapped[str] = mapped_column(Text)
    extra: Mapped[dict[str, Any]] = mapped_column(default=dict, doc="what an outlet needs: thread ids, template values")
    state: Mapped[str] = mapped_column(String(12), default="waiting", doc="waiting, sent, delivered, failed")
    sent_by: Mapped[str] = mapped_column(String(40), default="", doc="the outlet that took it")
    receipt: Mapped[str] = mapped_column(String(200), default="", doc="the provider's id")
    error: Mapped[str] = mapped_column(Text, default="")
    created: Mapped[datetime]
    sent: Mapped[datetime | None]


class AuditEntry(Base):
    """Who did or saw what. Rows are only ever added."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(index=True)
    actor: Mapped[str] = mapped_column(String(80), index=True)
    action: Mapped[str] = mapped_column(String(60))
    subject: Mapped[str] = mapped_column(String(80), index=True, doc="ticket:12, customer:3, user:7 ...")
    details: Mapped[dict[str, Any]] = mapped_column(default=dict)
    address: Mapped[str] = mapped_column(String(60), default="", doc="network address the request came from")
