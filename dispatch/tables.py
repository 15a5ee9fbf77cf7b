"""What dispatch keeps: engineers with what they can and when, visits, and why each was chosen."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Float, ForeignKey, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Base
from ticketing import User


class Engineer(Base):
    """Somebody who goes there. The user holds name, sign-in and language."""

    __tablename__ = "engineer"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("user.id"), unique=True)
    skills: Mapped[list[Any]] = mapped_column(
        default=list, doc="device categories, device groups and fault classes; * is all"
    )
    certificates: Mapped[list[Any]] = mapped_column(default=list, doc="[{name, until (date or empty)}]")
    regions: Mapped[list[Any]] = mapped_column(default=list, doc="GB/T 2260 prefixes; empty: everywhere")
    latitude: Mapped[float | None] = mapped_column(Float, doc="home, WGS-84 degrees")
    longitude: Mapped[float | None] = mapped_column(Float)
    capacity: Mapped[int] = mapped_column(Integer, default=6, doc="visits a day")
    shifts: Mapped[dict[str, Any]] = mapped_column(default=dict, doc="calendar of working hours as sla reads it")
    outlet: Mapped[str] = mapped_column(String(60), default="")
    active: Mapped[bool] = mapped_column(default=True)

    user: Mapped[User] = relationship()
    leaves: Mapped[list[Leave]] = relationship(cascade="all, delete-orphan")


class Leave(Base):
    """A time in which an engineer is away."""

    __tablename__ = "engineer_leave"

    id: Mapped[int] = mapped_column(primary_key=True)
    engineer_id: Mapped[int] = mapped_column(ForeignKey("engineer.id", ondelete="CASCADE"), index=True)
    start: Mapped[datetime]
    end: Mapped[datetime]
    reason: Mapped[str] = mapped_column(String(120), default="")


class Visit(Base):
    """One engineer and one ticket, from being asked to being done."""

    __tablename__ = "visit"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), index=True)
    engineer_id: Mapped[int] = mapped_column(ForeignKey("engineer.id"), index=True)
    state: Mapped[str] = mapped_column(
        String(12), index=True, doc="proposed, accepted, on_site, done, refused, unanswered, withdrawn"
    )
    by: Mapped[str] = mapped_column(String(80), doc="who chose: dispatch, user:7, or the engineer who grabbed it")
    reasons: Mapped[list[Any]] = mapped_column(default=list, doc="[{text: {zh, en}, points}]")
    decision_id: Mapped[int | None] = mapped_column(ForeignKey("dispatch_decision.id"))
    proposed: Mapped[datetime]
    answer_by: Mapped[datetime | None]
    answered: Mapped[datetime | None]
    refusal: Mapped[str] = mapped_column(Text, default="")
    arrived: Mapped[datetime | None]
    arrived_latitude: Mapped[float | None] = mapped_column(Float)
    arrived_longitude: Mapped[float | None] = mapped_column(Float)
    distance: Mapped[float | None] = mapped_column(Float, doc="m between check-in and address; None: not known")
    outside: Mapped[bool] = mapped_column(default=False, doc="checked in outside the geofence")
    completed: Mapped[datetime | None]
    checklist: Mapped[list[Any]] = mapped_column(default=list, doc="[{item, done, note}]")
    parts: Mapped[list[Any]] = mapped_column(default=list, doc="[{code, count}]")
    labour: Mapped[list[Any]] = mapped_column(default=list, doc="codes of the price book")
    cause: Mapped[str] = mapped_column(String(20), default="", doc="wear, defect, customer: whose fault the fault was")
    note: Mapped[str] = mapped_column(Text, default="")
    photos: Mapped[list[Any]] = mapped_column(default=list, doc="[{name, type, size, blob}]")
    signature: Mapped[str | None] = mapped_column(String(64), doc="blob of the customer's signature (PNG)")
    extra_fee: Mapped[int] = mapped_column(Integer, default=0, doc="fen beyond the price book")
    extra_fee_for: Mapped[str] = mapped_column(String(200), default="")
    consent: Mapped[dict[str, Any] | None] = mapped_column(doc="{name, at, amount}: the customer agreed to the fee")

    engineer: Mapped[Engineer] = relationship()


class Decision(Base):
    """A choice and all that was weighed for it."""

    __tablename__ = "dispatch_decision"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), index=True)
    at: Mapped[datetime]
    engineer_id: Mapped[int | None] = mapped_column(ForeignKey("engineer.id"), doc="None: nobody could")
    candidates: Mapped[list[Any]] = mapped_column(doc="[{engineer, score, reasons, excluded}] best first")
