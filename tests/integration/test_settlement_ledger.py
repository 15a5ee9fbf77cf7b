"""The ledger on both databases: balanced, sealed, never changed, also for who writes SQL by hand; and the parts stock."""

from __future__ import annotations

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.migration import MigrationContext
from alembic.operations import Operations
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Column, ForeignKey, Integer, String, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from core import clock, db
from core.db import Database
from core.errors import Conflict, InvalidInput
from settlement import ledger, reconcile, stock
from settlement.ledger_tables import LedgerEntry, LedgerPosting, LedgerSeal
from settlement.tables import StockLevel

NUMBERS = itertools.count()
ACCOUNTS = ["cash:wechat", "receivable:customer", "income:labour", "income:part", "expense:wage"]


def post(key: str, *entries: tuple[str, int]) -> LedgerPosting | None:
    with db.write() as session:
        return ledger.post(session, "test", key, entries, actor="user:1")


def test_a_posting_is_balanced_and_written_once(any_database: Database) -> None:
    assert post("a", ("cash:wechat", 500), ("receivable:customer", -300), ("receivable:customer", -200))
    assert post("nothing", ("cash:wechat", 5), ("cash:wechat", -5)) is None
    with pytest.raises(Conflict):
        post("a", ("cash:wechat", 1), ("income:part", -1))
    with pytest.raises(InvalidInput, match="balance"):
        post("b", ("cash:wechat", 1))
    with db.read() as session:
        assert ledger.balances(session) == {"cash:wechat": 500, "receivable:customer": -500}
        assert reconcile(session) == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_entry SET amount = amount + 1",
        "UPDATE ledger_posting SET note = 'x'",
        "UPDATE ledger_seal SET posting_id = 99",
        "DELETE FROM ledger_entry",
        "DELETE FROM ledger_seal",
        "DELETE FROM ledger_posting",
        "INSERT INTO ledger_entry (posting_id, account, amount) VALUES (1, 'cash:wechat', 1)",
    ],
)
def test_what_is_written_is_never_changed(any_database: Database, statement: str) -> None:
    post("a", ("cash:wechat", 500), ("receivable:customer", -500))
    with pytest.raises(DBAPIError, match=r"never changed|sealed"), db.write() as session:
        session.execute(text(statement))
    with db.read() as session:
        assert ledger.balance(session, "cash:wechat") == 500


def test_the_database_refuses_what_the_program_would_not_write(any_database: Database) -> None:
    def posting(key: str) -> LedgerPosting:
        return LedgerPosting(at=clock.now(), kind="test", key=key, actor="nobody")

    with pytest.raises(IntegrityError), db.write() as session:  # never sealed
        session.add(posting("open"))
        session.flush()
    for amounts in ([5], [5, -4], []):  # sealed though it does not balance
        with pytest.raises(DBAPIError, match="does not balance"), db.write() as session:
            row = posting(f"off {amounts}")
            session.add(row)
            session.flush()
            session.add_all(LedgerEntry(posting_id=row.id, account=f"a{n}", amount=n) for n in amounts)
            session.flush()
            session.add(LedgerSeal(posting_id=row.id))
            session.flush()
    with db.read() as session:
        assert session.scalars(select(LedgerPosting)).all() == []


def test_a_migration_that_makes_the_tables_makes_the_guards(any_database: Database) -> None:
    with any_database.engine.begin() as connection:
        for table in ("ledger_entry", "ledger_posting", "ledger_seal"):
            connection.execute(text(f"DROP TABLE {table}"))
        op = Operations(MigrationContext.configure(connection))
        op.create_table("ledger_seal", Column("posting_id", Integer, primary_key=True, autoincrement=False))
        op.create_table("ledger_posting", Column("id", Integer, primary_key=True), Column("note", String(10)))
        op.create_table(
            "ledger_entry",
            Column("id", Integer, primary_key=True),
            Column("posting_id", Integer, ForeignKey("ledger_posting.id")),
            Column("amount", Integer),
        )
        connection.execute(text("INSERT INTO ledger_posting (id, note) VALUES (1, '')"))
        connection.execute(text("INSERT INTO ledger_entry (posting_id, amount) VALUES (1, 5)"))
    with pytest.raises(DBAPIError, match="never changed"), db.write() as session:
        session.execute(text("UPDATE ledger_entry SET amount = 6"))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.tuples(st.sampled_from(ACCOUNTS), st.integers(-(10**9), 10**9)), max_size=6), max_size=6))
def test_whatever_is_posted_the_books_sum_to_nothing(database: Database, postings: list[list[tuple[str, int]]]) -> None:
    for entries in postings:
        off = sum(amount for _, amount in entries)
        key = f"property {next(NUMBERS)}"
        if off:
            with pytest.raises(InvalidInput):
                post(key, *entries)
        post(key, *entries, ("expense:rounding", -off))
    with db.read() as session:
        assert sum(ledger.balances(session).values()) == 0
        assert reconcile(session) == []


# -- stock --------------------------------------------------------------------------------------------------------------


def test_stock_moves_reserves_and_never_falls_below_nothing(any_database: Database) -> None:
    with db.write() as session:
        central, outlet = stock.location(session, "central", "总库"), stock.location(session, "outlet", "合肥站")
        stock.receive(session, central, "P-1", 10, "user:1", key="delivery 7")
        stock.receive(session, central, "P-1", 10, "user:1", key="delivery 7")  # told twice, moved once
        stock.move(session, central, outlet, "P-1", 4, reason="transfer", actor="user:1")
        with pytest.raises(Conflict):
            stock.move(session, outlet, central, "P-1", 5, reason="transfer", actor="user:1")
        with pytest.raises(InvalidInput):
            stock.move(session, outlet, outlet, "P-1", 1, reason="transfer", actor="user:1")
        with pytest.raises(InvalidInput):
            stock.move(session, central, outlet, "P-1", -1, reason="transfer", actor="user:1")
    with db.read() as session:
        assert [stock.free(session, place, "P-1") for place in (central, outlet)] == [6, 4]
        assert reconcile(session) == []
    with pytest.raises(IntegrityError), db.write() as session:
        session.execute(text("UPDATE stock_level SET count = -1"))


def test_reconciliation_finds_what_somebody_changed_by_hand(any_database: Database) -> None:
    with db.write() as session:
        stock.receive(session, stock.location(session, "central", "总库"), "P-1", 10, "user:1")
    with db.write() as session:
        session.scalars(select(StockLevel)).one().count = 9
    with db.read() as session:
        assert [found["en"] for found in reconcile(session)] == ["stock 总库 P-1 differs from its movements by 1"]
    with db.write() as session:
        level = session.scalars(select(StockLevel)).one()
        level.count, level.reserved = 10, 2
    with db.read() as session:
        assert [found["en"] for found in reconcile(session)] == ["P-1: 2 reserved, 0 by reservations"]


def test_ten_want_five_and_five_get_one(any_database: Database) -> None:
    with db.write() as session:
        shelf, van = stock.location(session, "central", "总库"), stock.location(session, "outlet", "车")
        stock.receive(session, shelf, "P-1", 5, "user:1")
        stock.receive(session, van, "P-1", 1, "user:1")
    gate = threading.Barrier(10)

    def take(number: int) -> bool:
        gate.wait(timeout=30)
        try:
            with db.write() as session:
                return stock.move(
                    session, shelf, van, "P-1", 1, reason="transfer", actor="user:1", key=f"take {number}"
                )
        except Conflict:
            return False

    with ThreadPoolExecutor(10) as pool:
        assert sum(pool.map(take, range(10))) == 5
    with db.read() as session:
        assert [stock.free(session, place, "P-1") for place in (shelf, van)] == [0, 6]
        assert reconcile(session) == []
