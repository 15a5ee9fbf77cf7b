"""Price books, parts and stock, balances and reconciliation over HTTP."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201, r401, r403, r404, r409, r422
from pydantic import BaseModel, Field
from sqlalchemy import func, select

from core import clock, db
from core.errors import NotFound
from core.http import Problem, View, reply
from settlement import ledger, stock
from settlement.book import PriceBook
from settlement.books import all_books, book_at, save_book
from settlement.reconciliation import reconcile
from settlement.tables import StockLevel, StockLocation
from sla import Sentence
from ticketing import audit
from ticketing.access import Actor, require, signed_in
from ticketing.api.schemas import Asked, Id, Short


class LabourAnswer(BaseModel):
    code: str
    name: Sentence
    price: int
    wage: int
    services: list[str]
    devices: list[str]
    faults: list[str]
    priority: list[int]


class PriceBookAnswer(BaseModel):
    """Prices in fen."""

    version: str
    valid_from: str
    versions: list[str] = Field(description="all that there are")
    labour: list[LabourAnswer]
    travel: list[dict[str, float]]
    surcharges: list[dict[str, Any]]
    discounts: dict[str, float]
    warranty: list[str]
    tax_percent: float


class NewPriceBook(Asked):
    content: dict[str, Any] = Field(description="as the shipped YAML is written; amounts in yuan")


class PartAnswer(BaseModel):
    code: str
    name: str = Field(description="in the reader's language")
    names: Sentence
    price: int = Field(description="fen")
    barcode: str
    stock: int = Field(description="good parts that nobody has reserved; for engineers in the own bag")


class PartList(BaseModel):
    items: list[PartAnswer]
    next: str | None = None


class LevelAnswer(BaseModel):
    location: int
    kind: str
    name: str
    engineer: int | None
    part: str
    condition: str
    count: int
    reserved: int


class LevelList(BaseModel):
    items: list[LevelAnswer]
    next: str | None = None


class NewMovement(Asked):
    """`source` and `target` are locations; null is the world outside."""

    part: Annotated[str, Field(min_length=1, max_length=60)]
    count: Annotated[int, Field(ge=1, le=100_000)]
    source: Id | None = None
    target: Id | None = None
    condition: Literal["good", "bad"] = "good"
    key: Annotated[str, Field(min_length=1, max_length=80, description="keeps a repeated request from moving twice")]


class Moved(BaseModel):
    moved: bool = Field(description="false: the key was moved before")


class Books(BaseModel):
    """Sums in fen by account (debit positive), and every difference found."""

    balances: dict[str, int]
    differences: list[Sentence]


class PriceBooks(View):
    async def get(self, version: Short = "") -> r200[PriceBookAnswer] | r401[Problem] | r403[Problem] | r404[Problem]:
        """
        The price book in force, or the named version.

        Tags: settlement
        """
        actor = signed_in(self.request)
        require(actor, "bill.read", "price.write")
        return reply(await db.run(_book, version))

    async def post(
        self, given: NewPriceBook
    ) -> r201[PriceBookAnswer] | r401[Problem] | r403[Problem] | r409[Problem] | r422[Problem]:
        """
        Saves a new version. Versions are never changed: bills refer to them.

        Tags: settlement
        """
        actor = signed_in(self.request)
        require(actor, "price.write")
        return reply(await db.run(_save, actor, given.content), 201)


class Parts(View):
    async def get(self, q: Short = "") -> r200[PartList] | r401[Problem] | r403[Problem]:
        """
        Parts of the price book with what is in stock; `q`: code, barcode or name.

        Tags: stock
        """
        actor = signed_in(self.request)
        require(actor, "stock.read", "bill.read")
        return reply(await db.run(_parts, actor, q.strip().lower()))


class Stock(View):
    async def get(self, part: Short = "") -> r200[LevelList] | r401[Problem] | r403[Problem]:
        """
        What lies where. Engineers see the central and outlet stock and their own bag.

        Tags: stock
        """
        actor = signed_in(self.request)
        require(actor, "stock.read")
        return reply(await db.run(_levels, actor, part))


class Movements(View):
    async def post(
        self, given: NewMovement
    ) -> r201[Moved] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Books parts in, out, or from one place to another.

        Tags: stock
        Status Codes:
            409: There are not enough.
        """
        actor = signed_in(self.request)
        require(actor, "stock.write")
        return reply(await db.run(_move, actor, given), 201)


class Ledger(View):
    async def get(self) -> r200[Books] | r401[Problem] | r403[Problem]:
        """
        Every account's balance, and whether books, bills and stock agree.

        Tags: settlement
        """
        require(signed_in(self.request), "bill.write")
        return reply(await db.run(_ledger))


def _book(version: str) -> PriceBookAnswer:
    with db.read() as session:
        books = all_books(session)
        if version and version not in books:
            raise NotFound("There is no such price book.")
        return _shown(books[version] if version else book_at(session, clock.now()), sorted(books))


def _save(actor: Actor, content: dict[str, Any]) -> PriceBookAnswer:
    with db.write() as session:
        book = save_book(session, content, actor.tag)
        audit.write(session, actor.tag, "price_book.saved", f"price_book:{book.version}", address=actor.address)
        return _shown(book, sorted(all_books(session)))


def _shown(book: PriceBook, versions: list[str]) -> PriceBookAnswer:
    return PriceBookAnswer(
        version=book.version,
        valid_from=book.valid_from.isoformat(),
        versions=versions,
        labour=[
            LabourAnswer(
                code=x.code,
                name=Sentence(**x.name),
                price=x.price,
                wage=x.wage,
                services=sorted(x.services),
                devices=sorted(x.devices),
                faults=sorted(x.faults),
                priority=sorted(x.priorities),
            )
            for x in book.labour
        ],
        travel=[{"up_to_km": band.up_to_km, "price": band.price} for band in book.travel],
        surcharges=[{"code": s.code, "name": dict(s.name), "percent": float(s.percent)} for s in book.surcharges],
        discounts={level: float(rate) for level, rate in book.discounts.items()},
        warranty=sorted(book.warranty),
        tax_percent=float(book.tax_percent),
    )


def _parts(actor: Actor, q: str) -> PartList:
    with db.read() as session:
        query = (
            select(StockLevel.part, func.sum(StockLevel.count - StockLevel.reserved))
            .join(StockLocation, StockLocation.id == StockLevel.location_id)
            .where(StockLevel.condition == "good")
            .group_by(StockLevel.part)
        )
        if actor.role == "engineer":
            query = query.where(StockLocation.engineer_id.in_(stock.engineer_ids(actor.id)))
        free = {row[0]: int(row[1]) for row in session.execute(query)}
        book = book_at(session, clock.now())
        key = "en" if actor.language.startswith("en") else "zh"
        return PartList(
            items=[
                PartAnswer(
                    code=part.code,
                    name=part.name["en"] if key == "en" else part.name["zh"],
                    names=Sentence(**part.name),
                    price=part.price,
                    barcode=part.barcode,
                    stock=free.get(part.code, 0),
                )
                for part in book.parts.values()
                if q in f"{part.code} {part.barcode} {part.name['zh']} {part.name['en']}".lower()
            ]
        )


def _levels(actor: Actor, part: str) -> LevelList:
    with db.read() as session:
        query = (
            select(StockLevel, StockLocation)
            .join(StockLocation, StockLocation.id == StockLevel.location_id)
            .order_by(StockLocation.id, StockLevel.part)
            .limit(1000)
        )
        if part:
            query = query.where(StockLevel.part == part)
        if actor.role == "engineer":
            own = StockLocation.engineer_id.in_(stock.engineer_ids(actor.id))
            query = query.where(StockLocation.engineer_id.is_(None) | own)
        return LevelList(
            items=[
                LevelAnswer(
                    location=place.id,
                    kind=place.kind,
                    name=place.name,
                    engineer=place.engineer_id,
                    part=level.part,
                    condition=level.condition,
                    count=level.count,
                    reserved=level.reserved,
                )
                for level, place in session.execute(query)
            ]
        )


def _move(actor: Actor, given: NewMovement) -> Moved:
    with db.write() as session:
        part = book_at(session, clock.now()).part(given.part)
        outside = stock.location(session, stock.OUTSIDE, stock.OUTSIDE)
        source = stock.find_location(session, given.source) if given.source else outside
        target = stock.find_location(session, given.target) if given.target else outside
        moved = stock.move(
            session,
            source,
            target,
            part.code,
            given.count,
            reason="transfer" if given.source and given.target else "receipt" if given.target else "count",
            actor=actor.tag,
            condition=given.condition,
            key=f"api:{given.key}",
        )
        audit.write(session, actor.tag, "stock.moved", f"part:{part.code}", address=actor.address)
        return Moved(moved=moved)


def _ledger() -> Books:
    with db.read() as session:
        return Books(
            balances=dict(ledger.balances(session)), differences=[Sentence(**each) for each in reconcile(session)]
        )


def routes(api: web.Application) -> None:
    api.router.add_view("/price-book", PriceBooks)
    api.router.add_view("/parts", Parts)
    api.router.add_view("/stock", Stock)
    api.router.add_view("/stock/movements", Movements)
    api.router.add_view("/ledger", Ledger)
