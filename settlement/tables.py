"""What settlement keeps: bills, the parts stock, surveys, price books saved through the API. The ledger is in ``ledger_tables``."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, ForeignKey, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Base
from settlement.ledger_tables import LedgerEntry, LedgerPosting, LedgerSeal

__all__ = [
    "Bill",
    "BillLine",
    "LedgerEntry",
    "LedgerPosting",
    "LedgerSeal",
    "PriceBookRow",
    "StockLevel",
    "StockLocation",
    "StockMovement",
    "StockReservation",
    "Survey",
]


class PriceBookRow(Base):
    """A price book saved through the API; it comes before a file with the same version."""

    __tablename__ = "price_book"

    id: Mapped[int] = mapped_column(primary_key=True)
    version: Mapped[str] = mapped_column(String(40), unique=True)
    valid_from: Mapped[str] = mapped_column(String(10))
    content: Mapped[dict[str, Any]]
    actor: Mapped[str] = mapped_column(String(80))
    at: Mapped[datetime]


class Bill(Base):
    """An estimate, and what became of it. Amounts in fen."""

    __tablename__ = "bill"

    id: Mapped[int] = mapped_column(primary_key=True)
    number: Mapped[str] = mapped_column(String(40), unique=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), index=True)
    visit_id: Mapped[int | None] = mapped_column(ForeignKey("visit.id"), unique=True)
    state: Mapped[str] = mapped_column(String(12), doc="estimate, agreed, replaced, billed, paid")
    book: Mapped[str] = mapped_column(String(40), doc="version of the price book")
    total: Mapped[int] = mapped_column(BigInteger, doc="what the customer owes")
    covered: Mapped[int] = mapped_column(BigInteger, default=0, doc="what the manufacturer pays")
    paid: Mapped[int] = mapped_column(BigInteger, default=0)
    because: Mapped[dict[str, Any]] = mapped_column(doc="{zh, en}: who pays why")
    remarks: Mapped[list[Any]] = mapped_column(default=list, doc="[{zh, en}]: what somebody should look at")
    consent: Mapped[dict[str, Any] | None] = mapped_column(doc="{name, at, by, signature?}")
    created: Mapped[datetime]
    billed: Mapped[datetime | None]

    lines: Mapped[list[BillLine]] = relationship(order_by="BillLine.position", cascade="all, delete-orphan")


class BillLine(Base):
    __tablename__ = "bill_line"

    id: Mapped[int] = mapped_column(primary_key=True)
    bill_id: Mapped[int] = mapped_column(ForeignKey("bill.id"), index=True)
    position: Mapped[int]
    kind: Mapped[str] = mapped_column(String(12), doc="labour, travel, part, surcharge, extra, discount")
    code: Mapped[str] = mapped_column(String(60))
    text: Mapped[dict[str, Any]] = mapped_column(doc="{zh, en}")
    quantity: Mapped[int]
    unit_price: Mapped[int] = mapped_column(BigInteger)
    amount: Mapped[int] = mapped_column(BigInteger)
    payer: Mapped[str] = mapped_column(String(14), doc="customer or manufacturer")


class StockLocation(Base):
    """A place where parts lie. ``kind``: central, outlet, engineer; ``outside`` is the world parts come from and go to."""

    __tablename__ = "stock_location"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str] = mapped_column(String(10))
    name: Mapped[str] = mapped_column(String(80), unique=True)
    engineer_id: Mapped[int | None] = mapped_column(ForeignKey("engineer.id"), unique=True)


class StockLevel(Base):
    """How many lie there: the sum of the movements, kept so that the database itself refuses to go below nothing."""

    __tablename__ = "stock_level"
    __table_args__ = (
        UniqueConstraint("location_id", "part", "condition"),
        CheckConstraint("count >= 0", name="stock_not_negative"),
        CheckConstraint("reserved >= 0 AND reserved <= count", name="stock_reserved_is_there"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("stock_location.id"), index=True)
    part: Mapped[str] = mapped_column(String(60), index=True)
    condition: Mapped[str] = mapped_column(String(4), default="good", doc="good or bad")
    count: Mapped[int] = mapped_column(default=0)
    reserved: Mapped[int] = mapped_column(default=0)


class StockMovement(Base):
    """Parts that went from one place to another. Rows are only ever added."""

    __tablename__ = "stock_movement"
    __table_args__ = (CheckConstraint("count > 0", name="stock_movement_counts"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    part: Mapped[str] = mapped_column(String(60), index=True)
    condition: Mapped[str] = mapped_column(String(4))
    count: Mapped[int]
    source_id: Mapped[int] = mapped_column(ForeignKey("stock_location.id"))
    target_id: Mapped[int] = mapped_column(ForeignKey("stock_location.id"))
    reason: Mapped[str] = mapped_column(String(20), doc="receipt, transfer, used, returned, shortage, count")
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id"), index=True)
    actor: Mapped[str] = mapped_column(String(80))
    key: Mapped[str | None] = mapped_column(String(120), unique=True, doc="keeps one cause from moving parts twice")


class StockReservation(Base):
    """Parts set aside for a ticket."""

    __tablename__ = "stock_reservation"
    __table_args__ = (CheckConstraint("count > 0", name="stock_reservation_counts"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), index=True)
    location_id: Mapped[int] = mapped_column(ForeignKey("stock_location.id"))
    part: Mapped[str] = mapped_column(String(60))
    count: Mapped[int]
    state: Mapped[str] = mapped_column(String(10), default="held", doc="held, used, released")
    at: Mapped[datetime]


class Survey(Base):
    """One question to one customer: how was it?"""

    __tablename__ = "survey"

    id: Mapped[int] = mapped_column(primary_key=True)
    ticket_id: Mapped[int] = mapped_column(ForeignKey("ticket.id"), index=True)
    visit_id: Mapped[int] = mapped_column(ForeignKey("visit.id"), unique=True)
    sent: Mapped[datetime]
    until: Mapped[datetime]
    answered: Mapped[datetime | None]
    score: Mapped[int | None]
    comment: Mapped[str] = mapped_column(Text, default="")
    follow_up_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id"))
