"""From what was done to priced lines. Pure: the same work, book and warranty give the same bill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Literal
from zoneinfo import ZoneInfo

from settlement.book import Labour, PriceBook, Surcharge
from settlement.money import Fen, percent
from sla import Words, announced, words

Payer = Literal["customer", "manufacturer"]
Kind = Literal["labour", "travel", "part", "surcharge", "extra", "discount"]


@dataclass(frozen=True, kw_only=True)
class Work:
    """A visit as far as prices go. ``warranty_until``: of the asset, None if there is none or nobody knows; ``cause``:
    customer, wear, defect or ""; ``km``: straight line from the engineer's base; ``labour``: codes, empty: what fits."""

    at: datetime
    zone: ZoneInfo
    service: str
    device: str = ""
    fault: str = ""
    priority: int = 3
    km: float | None = None
    labour: Sequence[str] = ()
    parts: Sequence[tuple[str, int]] = ()
    warranty_until: datetime | None = None
    cause: str = ""
    level: str = ""
    extra_fee: Fen = 0
    extra_fee_for: str = ""


@dataclass(frozen=True, kw_only=True)
class Line:
    """``amount`` is quantity times unit price in fen; a discount is negative."""

    kind: Kind
    code: str
    text: Words
    quantity: int
    unit_price: Fen
    payer: Payer

    @property
    def amount(self) -> Fen:
        return self.quantity * self.unit_price


@dataclass(frozen=True, kw_only=True)
class Priced:
    """The lines, who pays why, and what the engineer earns."""

    lines: tuple[Line, ...]
    because: Words
    wage: Fen
    book: str

    def total(self, payer: Payer) -> Fen:
        return sum(line.amount for line in self.lines if line.payer == payer)


def price(work: Work, book: PriceBook) -> Priced:
    """Raises InvalidInput for a labour code or part the book does not have."""
    covered, because = warranty(work, book)
    lines: list[Line] = []

    def payer(kind: str) -> Payer:
        return "manufacturer" if covered and kind in book.warranty else "customer"

    done = _labour(work, book)
    labour_payer = payer("labour")
    for item in done:
        lines.append(_line("labour", item.code, item.name, 1, item.price, labour_payer))
    travel = book.travel_price(work.km)
    if travel:
        far = (
            words("上门费", "travel")
            if work.km is None
            else words(f"上门费（{work.km:.1f} 公里）", f"travel ({work.km:.1f} km)")
        )
        lines.append(_line("travel", "TRAVEL", far, 1, travel, payer("travel")))
    base = sum(item.price for item in done)
    for surcharge in book.surcharges:
        if base and _applies(surcharge, work):
            amount = percent(base, surcharge.percent)
            lines.append(_line("surcharge", surcharge.code, surcharge.name, 1, amount, payer("surcharge")))
    for code, count in work.parts:
        part = book.part(code)
        who: Payer = "customer" if part.consumable else payer("parts")
        lines.append(_line("part", part.code, part.name, count, part.price, who))
    if work.extra_fee:
        reason = work.extra_fee_for or "—"
        lines.append(
            _line(
                "extra", "EXTRA", words(f"附加费：{reason}", f"additional fee: {reason}"), 1, work.extra_fee, "customer"
            )
        )
    rate = book.discounts.get(work.level, Decimal(0))
    owed = sum(line.amount for line in lines if line.payer == "customer")
    if rate and owed:
        text = words(f"会员折扣 {rate}%", f"contract discount {rate} %")
        lines.append(_line("discount", f"D-{work.level}", text, 1, -percent(owed, rate), "customer"))
    return Priced(lines=tuple(lines), because=because, wage=sum(item.wage for item in done), book=book.version)


def warranty(work: Work, book: PriceBook) -> tuple[bool, Words]:
    """Whether the manufacturer pays for what warranty covers, and why."""
    if work.warranty_until is None:
        return False, words("没有保修记录，客户付费", "no warranty is on record, the customer pays")
    until = work.warranty_until.astimezone(work.zone).date().isoformat()
    if work.at > work.warranty_until:
        return False, words(f"保修已于 {until} 到期", f"the warranty ended on {until}")
    if work.cause in book.not_for_causes:
        return False, words(
            "在保修期内，但属人为损坏，不予保修", "under warranty, but damage by the customer is not covered"
        )
    return True, words(f"在保修期内（至 {until}）", f"under warranty until {until}")


def _labour(work: Work, book: PriceBook) -> list[Labour]:
    if work.labour:
        return [book.labour_called(code) for code in work.labour]
    found = book.labour_for(service=work.service, device=work.device, fault=work.fault, priority=work.priority)
    return [found] if found else []


def _applies(surcharge: Surcharge, work: Work) -> bool:
    local = work.at.astimezone(work.zone)
    if surcharge.hours is not None:
        start, end = surcharge.hours
        minute = local.hour * 60 + local.minute
        return start <= minute < end or start <= minute + 1440 < end
    if surcharge.holidays:
        # A day nobody has announced as a holiday costs no more: a surcharge is not guessed.
        return announced(surcharge.holidays).kind(local.date(), tentative=True) == "off"
    return False


def _line(kind: Kind, code: str, text: Words, quantity: int, unit_price: Fen, payer: Payer) -> Line:
    return Line(kind=kind, code=code, text=text, quantity=quantity, unit_price=unit_price, payer=payer)
