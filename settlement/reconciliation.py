"""Whether the books, the bills and the stock say the same. An empty list is the only good answer."""

from __future__ import annotations

from sqlalchemy import case, func, literal, select, union_all
from sqlalchemy.orm import Session

from settlement.ledger_tables import LedgerEntry, LedgerPosting
from settlement.stock import OUTSIDE
from settlement.tables import Bill, StockLevel, StockLocation, StockMovement, StockReservation
from sla import Words, words


def reconcile(session: Session) -> list[Words]:
    """Every difference, in words."""
    return [*_postings(session), *_bills(session), *_levels(session), *_reservations(session)]


def _postings(session: Session) -> list[Words]:
    total = func.coalesce(func.sum(LedgerEntry.amount), 0)
    rows = session.execute(
        select(LedgerPosting.id, total, func.count(LedgerEntry.id))
        .outerjoin(LedgerEntry, LedgerEntry.posting_id == LedgerPosting.id)
        .group_by(LedgerPosting.id)
        .having((total != 0) | (func.count(LedgerEntry.id) < 2))
    )
    return [words(f"凭证 {row[0]} 不平衡，差 {row[1]} 分", f"posting {row[0]} is off by {row[1]} fen") for row in rows]


def _bills(session: Session) -> list[Words]:
    """Each bill's amounts against its postings: what was charged to whom, and what was paid."""
    found: list[Words] = []
    charged = {(row[0], row[1]): int(row[2]) for row in session.execute(_by_key("bill:%", "receivable:%"))}
    received: dict[str, int] = {}
    for key, _, amount in session.execute(_by_key("pay:%", "cash:%")):
        bill_id = key.split(":")[1]
        received[bill_id] = received.get(bill_id, 0) + int(amount)
    for bill in session.scalars(select(Bill).where(Bill.state.in_(("billed", "paid"))).order_by(Bill.id)):
        key = f"bill:{bill.id}"
        pairs = (
            ("应收客户", "owed by the customer", bill.total, charged.get((key, "receivable:customer"), 0)),
            ("应收厂家", "owed by the manufacturer", bill.covered, charged.get((key, "receivable:manufacturer"), 0)),
            ("已收", "received", bill.paid, received.get(str(bill.id), 0)),
            ("明细合计", "sum of lines", bill.total + bill.covered, sum(line.amount for line in bill.lines)),
        )
        for zh, en, says, is_ in pairs:
            if says != is_:
                found.append(
                    words(
                        f"账单 {bill.number} {zh} {says} 分，账上 {is_} 分",
                        f"bill {bill.number}: {en} {says} fen, booked {is_}",
                    )
                )
    return found


def _by_key(key: str, account: str):  # type: ignore[no-untyped-def]  # SQLAlchemy's Select of three columns
    return (
        select(LedgerPosting.key, LedgerEntry.account, func.sum(LedgerEntry.amount))
        .join(LedgerEntry, LedgerEntry.posting_id == LedgerPosting.id)
        .where(LedgerPosting.key.like(key), LedgerEntry.account.like(account))
        .group_by(LedgerPosting.key, LedgerEntry.account)
    )


def _levels(session: Session) -> list[Words]:
    """Stock levels against the sum of their movements."""
    into = select(
        StockMovement.target_id.label("place"),
        StockMovement.part,
        StockMovement.condition,
        StockMovement.count.label("n"),
    )
    out = select(StockMovement.source_id, StockMovement.part, StockMovement.condition, -StockMovement.count)
    kept = select(StockLevel.location_id, StockLevel.part, StockLevel.condition, -StockLevel.count)
    both = union_all(into, out, kept).subquery()
    off = func.sum(both.c.n)
    rows = session.execute(
        select(StockLocation.name, both.c.part, off)
        .join(StockLocation, StockLocation.id == both.c.place)
        .where(StockLocation.kind != OUTSIDE)
        .group_by(StockLocation.name, both.c.part, both.c.condition)
        .having(off != 0)
    )
    return [
        words(
            f"库存 {row[0]} {row[1]} 与流水相差 {row[2]}",
            f"stock {row[0]} {row[1]} differs from its movements by {row[2]}",
        )
        for row in rows
    ]


def _reservations(session: Session) -> list[Words]:
    held = func.coalesce(
        func.sum(case((StockReservation.state == "held", StockReservation.count), else_=literal(0))), 0
    )
    rows = session.execute(
        select(StockLevel.id, StockLevel.part, StockLevel.reserved, held)
        .outerjoin(
            StockReservation,
            (StockReservation.location_id == StockLevel.location_id) & (StockReservation.part == StockLevel.part),
        )
        .where(StockLevel.condition == "good")
        .group_by(StockLevel.id, StockLevel.part, StockLevel.reserved)
        .having(StockLevel.reserved != held)
    )
    return [
        words(f"{row[1]} 预留 {row[2]}，单据为 {row[3]}", f"{row[1]}: {row[2]} reserved, {row[3]} by reservations")
        for row in rows
    ]
