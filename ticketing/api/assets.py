"""Machines that are looked after."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201, r401, r403, r404, r409, r422
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, db
from core.errors import Conflict, InvalidInput, NotFound
from core.http import Problem, View, reply
from core.text import clean
from ticketing import audit, search
from ticketing.access import Actor, require, signed_in
from ticketing.api import show
from ticketing.api.schemas import AssetAnswer, AssetChange, AssetList, Id, Limit, NewAsset, Short
from ticketing.tables import Asset, Customer


class Assets(View):
    """All machines."""

    async def get(
        self, q: Short = "", customer: Id | None = None, cursor: Id | None = None, limit: Limit = 50
    ) -> r200[AssetList] | r401[Problem] | r403[Problem]:
        """
        Machines by code, serial number, kind, brand, model or place. Addresses are masked unless one may see them.

        Tags: assets
        Status Codes:
            200: A page.
        """
        actor = signed_in(self.request)
        require(actor, "asset.read")
        return reply(await db.run(_page, q, limit, cursor, customer))

    async def post(
        self, given: NewAsset
    ) -> r201[AssetAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Adds a machine; `code` is what its QR label will say.

        Tags: assets
        Status Codes:
            201: The machine.
            409: The code is taken.
        """
        actor = signed_in(self.request)
        require(actor, "asset.write")
        return reply(await db.run(_create, actor, given), status=201)


class OneAsset(View):
    """One machine."""

    async def get(self, asset_id: Id, /) -> r200[AssetAnswer] | r401[Problem] | r403[Problem] | r404[Problem]:
        """
        One machine. Seeing its address unmasked is audited.

        Tags: assets
        Status Codes:
            200: The machine.
        """
        actor = signed_in(self.request)
        require(actor, "asset.read")
        return reply(await db.run(_read, actor, asset_id))

    async def patch(
        self, asset_id: Id, /, given: AssetChange
    ) -> r200[AssetAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r422[Problem]:
        """
        Changes what is given.

        Tags: assets
        Status Codes:
            200: The machine as it is then.
        """
        actor = signed_in(self.request)
        require(actor, "asset.write")
        return reply(await db.run(_change, actor, asset_id, given))


def _page(text: str, limit: int, cursor: int | None, customer: int | None) -> AssetList:
    with db.read() as session:
        rows, following = search.assets(session, text, limit, cursor or 0, customer)
        return AssetList(
            items=[show.asset(row, plain=False) for row in rows], next=str(following) if following else None
        )


def _read(actor: Actor, asset_id: int) -> AssetAnswer:
    plain = actor.may("personal.see")
    with db.read() as session:
        row = session.get(Asset, asset_id)
        if row is None:
            raise NotFound("There is no such machine.")
        shown = show.asset(row, plain=plain)
    if plain:
        with db.write() as session:
            audit.write(session, actor.tag, "asset.seen", f"asset:{asset_id}", address=actor.address)
    return shown


def _create(actor: Actor, given: NewAsset) -> AssetAnswer:
    with db.write() as session:
        if session.scalar(select(Asset.id).where(Asset.code == given.code)) is not None:
            raise Conflict("This code is on another machine.", field="code")
        row = Asset(code=given.code, device="", created=clock.now())
        _set(session, row, given.model_dump(exclude={"code"}))
        session.add(row)
        session.flush()
        audit.write(session, actor.tag, "asset.created", f"asset:{row.id}", address=actor.address)
        return show.asset(row, plain=True)


def _change(actor: Actor, asset_id: int, given: AssetChange) -> AssetAnswer:
    changes = given.model_dump(exclude_unset=True)
    with db.write() as session:
        row = session.get(Asset, asset_id)
        if row is None:
            raise NotFound("There is no such machine.")
        _set(session, row, changes)
        audit.write(
            session, actor.tag, "asset.changed", f"asset:{row.id}", address=actor.address, changed=sorted(changes)
        )
    return _read(actor, asset_id)


def _set(session: Session, row: Asset, values: dict[str, Any]) -> None:
    if values.get("customer_id") is not None and session.get(Customer, values["customer_id"]) is None:
        raise NotFound("There is no such customer.", customer_id=values["customer_id"])
    for name, value in values.items():
        if isinstance(value, datetime) and value.tzinfo is None:
            raise InvalidInput("A time needs its zone.", field=name)
        if value is None and name not in ("customer_id", "installed", "warranty_until"):
            continue
        if isinstance(value, str):
            value = clean(value).strip()
        setattr(row, name, clock.aware(value) if isinstance(value, datetime) else value)


def routes(api: web.Application) -> None:
    api.router.add_view("/assets", Assets)
    api.router.add_view("/assets/{asset_id}", OneAsset)
