"""What intake keeps: every message that was accepted, and the calls and chats that are going on."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from core.db import Base


class MessageRow(Base):
    """A message as it was accepted (see ``intake.Message`` for the fields) and what was made of it."""

    __tablename__ = "message"
    __table_args__ = (
        UniqueConstraint("channel", "channel_id"),
        Index("message_conversation", "channel", "conversation"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    channel: Mapped[str] = mapped_column(String(40))
    channel_id: Mapped[str] = mapped_column(String(255))
    state: Mapped[str] = mapped_column(String(12), default="accepted", doc="accepted, waiting, understood, recorded")
    conversation: Mapped[str] = mapped_column(String(200), default="")
    text: Mapped[str] = mapped_column(Text)
    content: Mapped[dict[str, Any]] = mapped_column(doc="the rest of the Message")
    sent_at: Mapped[datetime]
    received_at: Mapped[datetime]
    customer_id: Mapped[int | None] = mapped_column(ForeignKey("customer.id"), index=True)
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id"), index=True)
    reason: Mapped[str] = mapped_column(Text, default="", doc="why it became or joined its ticket")
    understanding: Mapped[dict[str, Any] | None]
    problem: Mapped[str] = mapped_column(Text, default="")


class ThreadKey(Base):
    """A key of the channel (a mail's Message-ID, a conversation) that leads from a later message to its ticket."""

    __tablename__ = "thread_key"
    __table_args__ = (Index("thread_key_key", "channel", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    channel: Mapped[str] = mapped_column(String(40))
    key: Mapped[str] = mapped_column(String(255))
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id", ondelete="CASCADE"))


class SessionRow(Base):
    """A call or chat that is going on: opened before it is answered, ended by a Message or by the sweeper."""

    __tablename__ = "session"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    channel: Mapped[str] = mapped_column(String(40))
    channel_id: Mapped[str] = mapped_column(String(255))
    sender: Mapped[dict[str, Any]]
    state: Mapped[str] = mapped_column(String(10), default="open", doc="open or ended")
    owner: Mapped[str] = mapped_column(String(80), default="", doc="the process that holds it")
    opened: Mapped[datetime]
    heard_from: Mapped[datetime] = mapped_column(index=True, doc="last sign of life")
    ended: Mapped[datetime | None]
    outcome: Mapped[str] = mapped_column(String(40), default="")
    message_id: Mapped[str | None] = mapped_column(String(32))
    facts: Mapped[dict[str, Any]] = mapped_column(
        default=dict, doc="what the channel knows: recording path, called number"
    )


class TurnRow(Base):
    """One finished utterance of a session. The dialog's state is a fold over these."""

    __tablename__ = "turn"
    __table_args__ = (UniqueConstraint("session_id", "number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    session_id: Mapped[str] = mapped_column(ForeignKey("session.id", ondelete="CASCADE"))
    number: Mapped[int] = mapped_column(Integer)
    speaker: Mapped[str] = mapped_column(String(10), doc="customer, agent, system")
    text: Mapped[str] = mapped_column(Text)
    words: Mapped[list[Any]] = mapped_column(default=list, doc="[[text, start ms, end ms, confidence], ...]")
    expects: Mapped[str] = mapped_column(String(40), default="")
    start: Mapped[int] = mapped_column(Integer, default=0, doc="ms in the recording")
    end: Mapped[int] = mapped_column(Integer, default=0)
    at: Mapped[datetime]


class WaitingRow(Base):
    """A caller who waits for a person. Whoever is first by priority, then by time, gets the next agent."""

    __tablename__ = "waiting"
    __table_args__ = (Index("waiting_order", "priority", "since"),)

    session_id: Mapped[str] = mapped_column(ForeignKey("session.id", ondelete="CASCADE"), primary_key=True)
    priority: Mapped[int] = mapped_column(Integer, default=3, doc="1 emergency, 2 a call-back that was promised, 3")
    since: Mapped[datetime]
