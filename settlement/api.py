"""The API of settlement: a ticket's estimate, bill and payment; what it shows of stock and books is in ``books_api``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201, r401, r403, r404, r409, r422
from pydantic import BaseModel, Field
from sqlalchemy.orm import Session

from core import db
from core.errors import NotFound
from core.http import Problem, View, reply
from settlement import billing, books_api, ledger, paper, survey_page
from settlement.tables import Bill
from sla import Sentence
from ticketing import Ticket, access, audit, workflow
from ticketing.access import Actor, require, signed_in
from ticketing.api.schemas import Asked, Id, Short, Step

__all__ = ["public_routes", "routes"]


class LineAnswer(BaseModel):
    kind: str = Field(description="labour, travel, part, surcharge, extra, discount")
    code: str
    text: str = Field(description="in the reader's language")
    texts: Sentence
    quantity: int
    unit_price: int = Field(description="fen")
    amount: int = Field(description="fen; a discount is negative")
    payer: str = Field(description="customer or manufacturer")


class EntryAnswer(BaseModel):
    account: str
    debit: int
    credit: int


class BillAnswer(BaseModel):
    id: int
    number: str
    ticket_id: int
    state: str = Field(description="estimate, agreed, replaced, billed, paid")
    lines: list[LineAnswer]
    total: int = Field(description="fen that the customer owes")
    covered: int = Field(description="fen that the manufacturer pays")
    paid: int
    paid_by: str = Field(description="customer, manufacturer, or both with a comma")
    because: Sentence
    remarks: list[Sentence]
    consent: dict[str, Any] | None
    book: str
    created: datetime
    billed: datetime | None
    entries: list[EntryAnswer] = Field(description="the ticket's ledger entries")


class Wanted(Asked):
    code: Annotated[str, Field(min_length=1, max_length=60)]
    count: Annotated[int, Field(ge=1, le=999)] = 1


class NewEstimate(Step):
    parts: list[Wanted] = Field(default_factory=list, max_length=50)
    labour: list[Short] = Field(default_factory=list, max_length=50)
    extra_fee: Annotated[int, Field(ge=0, le=100_000_00, description="fen")] = 0
    extra_fee_for: Annotated[str, Field(max_length=200)] = ""


class NewConsent(Step):
    name: Annotated[str, Field(min_length=1, max_length=80, description="who agreed")]


class Payment(Step):
    amount: Annotated[int | None, Field(gt=0, description="fen; null: all that is owed")] = None
    method: Literal["cash", "wechat", "alipay", "card", "transfer"] = "cash"
    reference: Annotated[str, Field(max_length=80, description="the provider's number; counts once")] = ""


class TicketBill(View):
    async def get(self, ticket_id: Id, /) -> r200[BillAnswer] | r401[Problem] | r403[Problem] | r404[Problem]:
        """
        The ticket's bill, or its standing estimate, with the ledger entries.

        Tags: settlement
        """
        actor = signed_in(self.request)
        require(actor, "bill.read")
        return reply(await db.run(_read, actor, ticket_id))


class Estimate(View):
    async def post(
        self, ticket_id: Id, /, given: NewEstimate
    ) -> r201[BillAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Prices planned work for the customer to agree to; replaces an earlier estimate.

        Tags: settlement
        """
        plan = billing.Plan(
            parts=[(part.code, part.count) for part in given.parts],
            labour=given.labour,
            extra_fee=given.extra_fee,
            extra_fee_for=given.extra_fee_for,
        )
        actor = signed_in(self.request)
        return reply(
            await db.run(
                _change, actor, ticket_id, given.version, lambda s, t: billing.estimate(s, t, plan, actor.tag)
            ),
            201,
        )


class Consent(View):
    async def post(
        self, ticket_id: Id, /, given: NewConsent
    ) -> r200[BillAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Notes that the customer agreed to the standing estimate.

        Tags: settlement
        """
        actor = signed_in(self.request)
        return reply(
            await db.run(
                _change, actor, ticket_id, given.version, lambda s, t: billing.consent(s, t, given.name, actor.tag)
            )
        )


class Pay(View):
    async def post(
        self, ticket_id: Id, /, given: Payment
    ) -> r200[BillAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Takes a payment of the customer. The same `reference` counts once.

        Tags: settlement
        Status Codes:
            409: More than is owed, or nothing was billed.
        """
        actor = signed_in(self.request)

        def deed(session: Session, ticket: Ticket) -> None:
            bill = billing.bill_of(session, ticket.id)
            amount = given.amount if given.amount is not None else bill.total - bill.paid
            # Without a provider's number the amount already paid makes a click on a button count once.
            reference = given.reference.strip() or f"desk-{bill.paid}"
            billing.pay(session, bill, amount, given.method, reference, actor.tag)

        return reply(await db.run(_change, actor, ticket_id, given.version, deed))


async def pdf(request: web.Request) -> web.Response:
    """GET /bills/{id}.pdf: the bill on paper, in the reader's language or `?language=`."""
    actor = signed_in(request)
    require(actor, "bill.read")
    language = request.query.get("language", actor.language)[:5]
    number, content = await db.run(_pdf, actor, int(request.match_info["bill_id"]), language)
    headers = {"Content-Disposition": f'inline; filename="{number}.pdf"', "Cache-Control": "no-store"}
    return web.Response(body=content, content_type="application/pdf", headers=headers)


def _read(actor: Actor, ticket_id: int) -> BillAnswer:
    with db.read() as session:
        access.check_visible(session, actor, ticket_id)
        return _shown(session, billing.bill_of(session, ticket_id), actor.language)


def _change(actor: Actor, ticket_id: int, version: int | None, deed: Any) -> BillAnswer:
    """Managers, and the engineer on site with the customer."""
    require(actor, "bill.write", "visit.do")
    with db.write() as session:
        access.check_visible(session, actor, ticket_id)
        ticket = workflow.load(session, ticket_id, version)
        deed(session, ticket)
        session.flush()
        bill = billing.bill_of(session, ticket_id)
        audit.write(session, actor.tag, "bill.changed", f"ticket:{ticket_id}", address=actor.address, bill=bill.id)
        return _shown(session, bill, actor.language)


def _pdf(actor: Actor, bill_id: int, language: str) -> tuple[str, bytes]:
    with db.read() as session:
        bill = session.get(Bill, bill_id) if bill_id < 2**31 else None
        if bill is None:
            raise NotFound("There is no such bill.")
        access.check_visible(session, actor, bill.ticket_id)
        return bill.number, paper.bill_pdf(session, bill, language)


def _shown(session: Session, bill: Bill, language: str) -> BillAnswer:
    key = "en" if language.startswith("en") else "zh"
    payers = dict.fromkeys(line.payer for line in bill.lines if line.amount)
    return BillAnswer(
        id=bill.id,
        number=bill.number,
        ticket_id=bill.ticket_id,
        state=bill.state,
        lines=[
            LineAnswer(
                kind=line.kind,
                code=line.code,
                text=line.text[key],
                texts=Sentence(**line.text),
                quantity=line.quantity,
                unit_price=line.unit_price,
                amount=line.amount,
                payer=line.payer,
            )
            for line in bill.lines
        ],
        total=bill.total,
        covered=bill.covered,
        paid=bill.paid,
        paid_by=",".join(payers) or "customer",
        because=Sentence(**bill.because),
        remarks=[Sentence(**remark) for remark in bill.remarks],
        consent=bill.consent,
        book=bill.book,
        created=bill.created,
        billed=bill.billed,
        entries=[
            EntryAnswer(account=e.account, debit=max(e.amount, 0), credit=max(-e.amount, 0))
            for e in ledger.entries_of(session, bill.ticket_id)
        ],
    )


def routes(api: web.Application) -> None:
    api.router.add_view("/tickets/{ticket_id}/bill", TicketBill)
    api.router.add_view("/tickets/{ticket_id}/estimate", Estimate)
    api.router.add_view("/tickets/{ticket_id}/consent", Consent)
    api.router.add_view("/tickets/{ticket_id}/pay", Pay)
    api.router.add_get(r"/bills/{bill_id:\d{1,10}}.pdf", pdf)
    books_api.routes(api)


def public_routes(app: web.Application) -> None:
    """Adds the survey's page, which nobody signs in for; to the application itself, not under /api/v1."""
    survey_page.routes(app)
