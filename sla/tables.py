"""What sla keeps: written policies and calendars, clocks, and why each clock is where it is."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, Integer, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Base


class SlaDocument(Base):
    """Policies or calendars as somebody wrote them; the newest version of a kind counts, none: the shipped defaults."""

    __tablename__ = "sla_document"
    __table_args__ = (UniqueConstraint("kind", "version"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(20), doc="policies or calendars")
    version: Mapped[int]
    content: Mapped[dict[str, Any]]
    actor: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime]


class SlaClock(Base):
    """One promised time of one ticket. When it ran is derived from the ticket's events; what was told is kept."""

    __tablename__ = "sla_clock"
    __table_args__ = (UniqueConstraint("ticket_id", "name", "round"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id", ondelete="CASCADE"), index=True)
    name: Mapped[str] = mapped_column(String(20), doc="first_response, next_update, arrival, solution")
    round: Mapped[int] = mapped_column(default=1, doc="2 and more: after reopening; each next_update")
    state: Mapped[str] = mapped_column(String(10), index=True, doc="running, paused, met, breached, dropped")
    rule: Mapped[str] = mapped_column(String(60))
    calendar: Mapped[str] = mapped_column(String(60))
    target: Mapped[int] = mapped_column(Integer, doc="s of business time")
    stretches: Mapped[list[Any]] = mapped_column(default=list, doc="[[from, to or null], ...] ISO 8601")
    started: Mapped[datetime]
    stopped: Mapped[datetime | None]
    due: Mapped[datetime | None] = mapped_column(doc="None while it stands")
    uncertain: Mapped[int | None] = mapped_column(
        doc="calendar not announced: the year whose holidays were not known when due was reckoned"
    )
    warned: Mapped[int] = mapped_column(default=0, doc="highest percentage that was told")
    breached: Mapped[datetime | None]

    notes: Mapped[list[SlaNote]] = relationship(order_by="SlaNote.at, SlaNote.id")


class SlaNote(Base):
    """One line of a clock's explanation; ``key`` keeps it from being written twice."""

    __tablename__ = "sla_note"
    __table_args__ = (UniqueConstraint("clock_id", "key"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    clock_id: Mapped[int] = mapped_column(ForeignKey("sla_clock.id", ondelete="CASCADE"), index=True)
    key: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime]
    text: Mapped[dict[str, Any]] = mapped_column(doc="{zh, en}")
