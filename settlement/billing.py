"""Estimate, consent, bill, payment. Each step that moves money is one posting in the ledger."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import clock
from core.errors import Conflict, InvalidInput, NotFound
from dispatch import Place, Visit, between, device_category, place_of, tell_customer
from settlement import ledger, stock
from settlement.book import PriceBook
from settlement.books import book_at, zone
from settlement.money import Fen, show
from settlement.pricing import Priced, Work, price
from settlement.tables import Bill, BillLine
from sla import Words, words
from ticketing import Asset, Customer, Ticket, record, workflow

ACTOR = "settlement"
METHODS = ("cash", "wechat", "alipay", "card", "transfer")


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What an estimate is made for. ``parts``: [(code, count)]; ``labour``: codes, empty: what fits."""

    parts: Sequence[tuple[str, int]] = ()
    labour: Sequence[str] = ()
    extra_fee: Fen = 0
    extra_fee_for: str = ""


def estimate(session: Session, ticket: Ticket, plan: Plan, actor: str) -> Bill:
    """Prices planned work for the customer to agree to; replaces an earlier estimate. Raises InvalidInput, Conflict."""
    if ticket.state not in ("open", "assigned", "accepted", "on_site", "waiting"):
        raise Conflict("An estimate is made before the work is done.", state=ticket.state)
    if any(not 1 <= count <= 999 for _, count in plan.parts) or not 0 <= plan.extra_fee <= 100_000_00:
        raise InvalidInput("A part's count is 1 to 999, an additional fee 0 to 100,000 yuan (in fen).")
    _replace_estimates(session, ticket)
    visit = _visit(session, ticket)
    work = replace(
        _work(session, ticket, visit),
        at=clock.now(),
        labour=tuple(plan.labour),
        parts=tuple(plan.parts),
        extra_fee=plan.extra_fee,
        extra_fee_for=plan.extra_fee_for,
        cause="",
    )
    made = _write(session, ticket, None, price(work, book_at(session, work.at)), "estimate")
    record(session, ticket, "settlement.estimated", actor, bill=made.id, total=made.total, covered=made.covered)
    return made


def contents(session: Session) -> Iterator[str]:
    """The contents that bills refer to: signatures."""
    for agreed in session.scalars(select(Bill.consent).where(Bill.consent.is_not(None))):
        if agreed and agreed.get("signature"):
            yield str(agreed["signature"])


def consent(session: Session, ticket: Ticket, name: str, actor: str, signature: str | None = None) -> Bill:
    """The customer agrees to the standing estimate. ``signature``: a blob's reference. Raises Conflict if there is none."""
    bill = session.scalar(
        select(Bill).where(Bill.ticket_id == ticket.id, Bill.state == "estimate").order_by(Bill.id.desc()).limit(1)
    )
    if bill is None:
        raise Conflict("There is no estimate to agree to.")
    if not name.strip():
        raise InvalidInput("Somebody has to agree: give a name.")
    bill.state = "agreed"
    bill.consent = {"name": name.strip()[:80], "at": clock.now().isoformat(), "by": actor, "signature": signature}
    record(session, ticket, "settlement.agreed", actor, bill=bill.id, total=bill.total)
    return bill


def bill_visit(session: Session, ticket: Ticket, visit: Visit) -> Bill:
    """The bill of a finished visit with its postings (bill, parts, wage); once a visit. Moves the ticket to ``billed``."""
    known = session.scalar(select(Bill).where(Bill.visit_id == visit.id))
    if known is not None:
        return known
    work = _work(session, ticket, visit)
    book = book_at(session, work.at)
    work, remarks = _priceable(work, book)
    priced = price(work, book)
    agreed = session.scalar(
        select(Bill).where(Bill.ticket_id == ticket.id, Bill.state == "agreed").order_by(Bill.id.desc()).limit(1)
    )
    owed = priced.total("customer")
    if agreed is not None and owed > agreed.total:
        over = show(owed - agreed.total)
        remarks.append(words(f"比客户同意的报价多 {over}", f"{over} more than the customer agreed to"))
    missing = stock.use(session, visit.engineer, work.parts, ticket.id, f"visit:{visit.id}")
    for code, count in missing:
        remarks.append(words(f"工程师库存缺少 {code} × {count}", f"{code} × {count} were not in the engineer's stock"))
    made = _write(session, ticket, visit, priced, "billed", remarks)
    made.billed = clock.now()
    made.consent = agreed.consent if agreed is not None else None
    if made.total <= 0:
        made.state = "paid"
    _post(session, ticket, visit, made, priced, work, book)
    _replace_estimates(session, ticket)
    record(
        session,
        ticket,
        "settlement.billed",
        ACTOR,
        bill=made.id,
        total=made.total,
        covered=made.covered,
        remarks=made.remarks,
    )
    workflow.move(session, ticket, "bill", ACTOR, bill=made.id, total=made.total)
    outcome = words(f"应付 {show(made.total)}", f"You owe {show(made.total)}") if made.total else made.because
    tell_customer(
        session,
        ticket,
        "billed",
        f"您的工单 {ticket.number} 已完成。{outcome['zh']}。",
        f"Ticket {ticket.number} is done. {outcome['en']}.",
    )
    return made


def pay(session: Session, bill: Bill, amount: Fen, method: str, reference: str, actor: str) -> Bill:
    """Takes a payment. The same ``reference`` counts once. Raises Conflict if more is paid than owed, InvalidInput."""
    if method not in METHODS:
        raise InvalidInput(f"A method is one of {', '.join(METHODS)}.", method=method)
    if not reference.strip() or len(reference) > 80:
        raise InvalidInput("A payment needs its reference (1 to 80 characters).")
    key = f"pay:{bill.id}:{reference.strip()}"
    if ledger.posted(session, key):
        return bill
    if bill.state not in ("billed", "paid"):
        raise Conflict("This has not been billed.", state=bill.state)
    if not 0 < amount <= bill.total - bill.paid:
        raise Conflict("That is not what is owed.", owed=bill.total - bill.paid)
    ledger.post(
        session,
        "payment",
        key,
        [(f"cash:{method}", amount), ("receivable:customer", -amount)],
        actor=actor,
        ticket_id=bill.ticket_id,
        note=bill.number,
    )
    bill.paid += amount
    if bill.paid == bill.total:
        bill.state = "paid"
    ticket = session.get_one(Ticket, bill.ticket_id)
    record(session, ticket, "settlement.paid", actor, bill=bill.id, amount=amount, method=method)
    return bill


def bill_of(session: Session, ticket_id: int) -> Bill:
    """The ticket's latest bill or standing estimate; raises NotFound."""
    found = session.scalar(
        select(Bill).where(Bill.ticket_id == ticket_id, Bill.state != "replaced").order_by(Bill.id.desc()).limit(1)
    )
    if found is None:
        raise NotFound("There is no bill for this ticket.")
    return found


def _visit(session: Session, ticket: Ticket) -> Visit | None:
    return session.scalar(
        select(Visit)
        .where(Visit.ticket_id == ticket.id, Visit.state.in_(("proposed", "accepted", "on_site", "done")))
        .order_by(Visit.id.desc())
        .limit(1)
    )


def _work(session: Session, ticket: Ticket, visit: Visit | None) -> Work:
    customer = session.get(Customer, ticket.customer_id) if ticket.customer_id else None
    asset = session.get(Asset, ticket.asset_id) if ticket.asset_id else None
    fault = ticket.field("fault")
    details = (fault.resolved or {}).get("details") if fault is not None else None
    metres = None
    if visit is not None:
        home = Place(latitude=visit.engineer.latitude, longitude=visit.engineer.longitude)
        metres = between(home, place_of(session, ticket))
    return Work(
        at=(visit.completed if visit is not None else None) or clock.now(),
        zone=zone(),
        service=ticket.service,
        device=device_category(session, ticket),
        fault=str((details or {}).get("class") or ""),
        priority=ticket.priority,
        km=metres / 1000 if metres is not None else None,
        labour=tuple(map(str, visit.labour)) if visit is not None else (),
        parts=tuple((str(p["code"]), int(p["count"])) for p in visit.parts) if visit is not None else (),
        warranty_until=asset.warranty_until if asset is not None else None,
        cause=visit.cause if visit is not None else "",
        level=customer.level if customer is not None else "",
        extra_fee=visit.extra_fee if visit is not None else 0,
        extra_fee_for=visit.extra_fee_for if visit is not None else "",
    )


def _priceable(work: Work, book: PriceBook) -> tuple[Work, list[Words]]:
    """The work with what the book knows; an unknown code becomes a remark, for a visit that was made is billed."""
    remarks: list[Words] = []
    parts: list[tuple[str, int]] = []
    for code, count in work.parts:
        try:
            parts.append((book.part(code).code, count))
        except InvalidInput:
            remarks.append(words(f"价目表中没有配件 {code} × {count}", f"the price book has no part {code} × {count}"))
    known = {item.code for item in book.labour}
    for code in work.labour:
        if code not in known:
            remarks.append(words(f"价目表中没有工时 {code}", f"the price book has no labour {code}"))
    labour = tuple(code for code in work.labour if code in known)
    return replace(work, parts=tuple(parts), labour=labour), remarks


def _write(
    session: Session, ticket: Ticket, visit: Visit | None, priced: Priced, state: str, remarks: Sequence[Words] = ()
) -> Bill:
    count = session.scalar(select(func.count()).select_from(Bill).where(Bill.ticket_id == ticket.id)) or 0
    bill = Bill(
        number=f"{ticket.number}-B{count + 1}",
        ticket_id=ticket.id,
        visit_id=visit.id if visit is not None else None,
        state=state,
        book=priced.book,
        total=priced.total("customer"),
        covered=priced.total("manufacturer"),
        paid=0,
        because=dict(priced.because),
        remarks=[dict(remark) for remark in remarks],
        created=clock.now(),
        lines=[
            BillLine(
                position=position,
                kind=line.kind,
                code=line.code,
                text=dict(line.text),
                quantity=line.quantity,
                unit_price=line.unit_price,
                amount=line.amount,
                payer=line.payer,
            )
            for position, line in enumerate(priced.lines)
        ],
    )
    session.add(bill)
    session.flush()
    return bill


def _post(
    session: Session, ticket: Ticket, visit: Visit, bill: Bill, priced: Priced, work: Work, book: PriceBook
) -> None:
    entries: list[tuple[str, Fen]] = []
    for line in priced.lines:
        entries += [(f"receivable:{line.payer}", line.amount), (f"income:{line.kind}", -line.amount)]
    common: dict[str, Any] = {"actor": ACTOR, "ticket_id": ticket.id, "note": bill.number}
    ledger.post(session, "bill", f"bill:{bill.id}", entries, **common)
    cost = sum(book.part(code).cost * count for code, count in work.parts)
    ledger.post(session, "parts", f"parts:{bill.id}", [("expense:parts", cost), ("stock:parts", -cost)], **common)
    wage = [("expense:wage", priced.wage), (f"payable:engineer:{visit.engineer_id}", -priced.wage)]
    ledger.post(session, "wage", f"wage:{bill.id}", wage, **common)


def _replace_estimates(session: Session, ticket: Ticket) -> None:
    standing = session.scalars(select(Bill).where(Bill.ticket_id == ticket.id, Bill.state.in_(("estimate", "agreed"))))
    for bill in standing:
        bill.state = "replaced"
    session.flush()
