"""Double entry: every posting is balanced, none is ever changed; a mistake is corrected by another posting.

Accounts are paths: ``receivable:customer``, ``receivable:manufacturer``, ``cash:<method>``, ``income:labour|travel|part|surcharge|
extra|discount``, ``expense:wage``, ``payable:engineer:<id>``, ``expense:parts``, ``stock:parts``. Debit is positive.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import clock
from core.errors import Conflict, InvalidInput
from settlement.ledger_tables import LedgerEntry, LedgerPosting, LedgerSeal
from settlement.money import MAX, Fen


def post(
    session: Session,
    kind: str,
    key: str,
    entries: Iterable[tuple[str, Fen]],
    *,
    actor: str,
    ticket_id: int | None = None,
    note: str = "",
) -> LedgerPosting | None:
    """Writes one posting. Amounts of the same account are summed, accounts that come to nothing are left out; None if nothing is
    left. A second posting with the same ``key`` raises Conflict; amounts that do not sum to zero raise InvalidInput (and
    would be refused by the database)."""
    sums: dict[str, Fen] = {}
    for account, amount in entries:
        if abs(amount) > MAX:
            raise InvalidInput("An amount is far too large.", account=account)
        sums[account] = sums.get(account, 0) + amount
    moved = {account: amount for account, amount in sums.items() if amount}
    if sum(moved.values()):
        raise InvalidInput("The posting does not balance.", kind=kind, off_by=sum(moved.values()))
    if not moved:
        return None
    if posted(session, key):
        raise Conflict("This was posted before.", key=key)
    posting = LedgerPosting(at=clock.now(), kind=kind, key=key, ticket_id=ticket_id, actor=actor, note=note)
    session.add(posting)
    session.flush()
    session.add_all(
        LedgerEntry(posting_id=posting.id, account=account, amount=amount) for account, amount in moved.items()
    )
    session.flush()
    session.add(LedgerSeal(posting_id=posting.id))
    session.flush()
    return posting


def posted(session: Session, key: str) -> bool:
    return session.scalar(select(LedgerPosting.id).where(LedgerPosting.key == key)) is not None


def balance(session: Session, account: str) -> Fen:
    """The sum of an account, or of all accounts below it if it ends with ``:``."""
    fits = (
        LedgerEntry.account.startswith(account, autoescape=True)
        if account.endswith(":")
        else LedgerEntry.account == account
    )
    return int(session.scalar(select(func.coalesce(func.sum(LedgerEntry.amount), 0)).where(fits)) or 0)


def balances(session: Session) -> Mapping[str, Fen]:
    """Every account's sum."""
    rows = session.execute(
        select(LedgerEntry.account, func.sum(LedgerEntry.amount))
        .group_by(LedgerEntry.account)
        .order_by(LedgerEntry.account)
    )
    return {row[0]: int(row[1]) for row in rows}


def entries_of(session: Session, ticket_id: int) -> list[LedgerEntry]:
    """Everything the ticket moved, in order."""
    return list(
        session.scalars(
            select(LedgerEntry)
            .join(LedgerPosting, LedgerPosting.id == LedgerEntry.posting_id)
            .where(LedgerPosting.ticket_id == ticket_id)
            .order_by(LedgerEntry.id)
        )
    )
