"""Settlement: price book, warranty, estimate and bill, the ledger, parts stock, surveys, closing."""

from settlement.billing import Plan, bill_of, bill_visit, consent, contents, estimate, pay
from settlement.books import book_at, save_book
from settlement.promises import wire
from settlement.reconciliation import reconcile
from settlement.surveys import answer, token_of
from settlement.tables import Bill, Survey

__all__ = [
    "Bill",
    "Plan",
    "Survey",
    "answer",
    "bill_of",
    "bill_visit",
    "book_at",
    "consent",
    "contents",
    "estimate",
    "pay",
    "reconcile",
    "save_book",
    "token_of",
    "wire",
]
