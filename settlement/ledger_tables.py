"""The ledger's tables, and the guards in the database that keep every posting balanced and unchanged.

A posting needs its seal (a foreign key that is checked at commit); a seal can be set only on entries that sum to zero; a
sealed posting takes no more entries; nothing in the ledger is updated or deleted. The guards are made with
the last of the tables, also by migrations. A later migration that rebuilds one of these tables on SQLite (batch mode) must
execute ``guards("sqlite")`` again.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Connection, ForeignKey, Integer, String, Table, event
from sqlalchemy.orm import Mapped, mapped_column, relationship

from core.db import Base

TABLES = ("ledger_posting", "ledger_entry", "ledger_seal")


class LedgerSeal(Base):
    """Says that a posting is complete and balanced."""

    __tablename__ = "ledger_seal"

    posting_id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)


class LedgerPosting(Base):
    """One business event in the books. ``key`` keeps one cause from being posted twice."""

    __tablename__ = "ledger_posting"

    id: Mapped[int] = mapped_column(
        ForeignKey("ledger_seal.posting_id", deferrable=True, initially="DEFERRED"),
        primary_key=True,
        autoincrement="ignore_fk",
    )
    at: Mapped[datetime]
    kind: Mapped[str] = mapped_column(String(30), doc="bill, payment, wage, parts, ...")
    key: Mapped[str] = mapped_column(String(120), unique=True)
    ticket_id: Mapped[int | None] = mapped_column(ForeignKey("ticket.id"), index=True)
    actor: Mapped[str] = mapped_column(String(80))
    note: Mapped[str] = mapped_column(String(200), default="")

    entries: Mapped[list[LedgerEntry]] = relationship(order_by="LedgerEntry.id", viewonly=True)


class LedgerEntry(Base):
    """``amount`` in fen: positive is debit, negative credit."""

    __tablename__ = "ledger_entry"
    __table_args__ = (CheckConstraint("amount <> 0", name="ledger_entry_moves"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    posting_id: Mapped[int] = mapped_column(ForeignKey("ledger_posting.id"), index=True)
    account: Mapped[str] = mapped_column(String(80), index=True)
    amount: Mapped[int] = mapped_column(BigInteger)


def guards(dialect: str) -> list[str]:
    """The statements that put the guards in place, for ``sqlite`` or ``postgresql``."""
    return _sqlite() if dialect == "sqlite" else _postgresql()


def _sqlite() -> list[str]:
    frozen = [
        f"CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} "
        f"BEGIN SELECT RAISE(ABORT, 'the ledger is never changed'); END"
        for table in TABLES
        for action in ("UPDATE", "DELETE")
    ]
    return [
        *frozen,
        "CREATE TRIGGER ledger_entry_before_seal BEFORE INSERT ON ledger_entry "
        "WHEN EXISTS (SELECT 1 FROM ledger_seal WHERE posting_id = NEW.posting_id) "
        "BEGIN SELECT RAISE(ABORT, 'the posting is sealed'); END",
        "CREATE TRIGGER ledger_seal_balanced BEFORE INSERT ON ledger_seal "
        "WHEN (SELECT COUNT(*) < 2 OR COALESCE(SUM(amount), 1) <> 0 FROM ledger_entry WHERE posting_id = NEW.posting_id) "
        "BEGIN SELECT RAISE(ABORT, 'the posting does not balance'); END",
    ]


def _postgresql() -> list[str]:
    frozen = [
        f"CREATE TRIGGER {table}_frozen BEFORE UPDATE OR DELETE OR TRUNCATE ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION ledger_frozen()"
        for table in TABLES
    ]
    return [
        "CREATE OR REPLACE FUNCTION ledger_frozen() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'the ledger is never changed'; END $$",
        *frozen,
        "CREATE OR REPLACE FUNCTION ledger_entry_before_seal() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF EXISTS (SELECT 1 FROM ledger_seal WHERE posting_id = NEW.posting_id) THEN "
        "RAISE EXCEPTION 'the posting is sealed'; END IF; RETURN NEW; END $$",
        "CREATE TRIGGER ledger_entry_before_seal BEFORE INSERT ON ledger_entry "
        "FOR EACH ROW EXECUTE FUNCTION ledger_entry_before_seal()",
        "CREATE OR REPLACE FUNCTION ledger_seal_balanced() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN IF (SELECT COUNT(*) < 2 OR COALESCE(SUM(amount), 1) <> 0 FROM ledger_entry "
        "WHERE posting_id = NEW.posting_id) THEN RAISE EXCEPTION 'the posting does not balance'; END IF; "
        "RETURN NEW; END $$",
        "CREATE TRIGGER ledger_seal_balanced BEFORE INSERT ON ledger_seal "
        "FOR EACH ROW EXECUTE FUNCTION ledger_seal_balanced()",
    ]


@event.listens_for(Table, "after_create")
def _guard(table: Table, connection: Connection, **__: Any) -> None:
    """For every table of this name, whoever creates it: the metadata here, or a migration from its own description."""
    if table.name == LedgerEntry.__tablename__:
        for statement in guards(connection.dialect.name):
            connection.exec_driver_sql(statement)
