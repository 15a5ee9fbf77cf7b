"""Customers and their story."""

from __future__ import annotations

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r401, r403, r404, r409, r422
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import db
from core.errors import NotFound
from core.http import Problem, View, reply
from core.text import clean
from ticketing import audit, joining, search, users
from ticketing.access import Actor, require, signed_in, visible
from ticketing.api import show
from ticketing.api.schemas import (
    CustomerAnswer,
    CustomerChange,
    CustomerList,
    Id,
    JoinedCustomer,
    JoinInto,
    Limit,
    Short,
)
from ticketing.tables import Customer, Ticket


class Customers(View):
    """All customers."""

    async def get(
        self, q: Short = "", cursor: Id | None = None, limit: Limit = 50
    ) -> r200[CustomerList] | r401[Problem] | r403[Problem]:
        """
        Customers by name, end of the telephone number (four digits or more) or whole identity. Numbers are masked.

        Tags: customers
        Status Codes:
            200: A page.
        """
        actor = signed_in(self.request)
        require(actor, "customer.read")
        return reply(await db.run(_page, q, limit, cursor))


class OneCustomer(View):
    """One customer."""

    async def get(self, customer_id: Id, /) -> r200[CustomerAnswer] | r401[Problem] | r403[Problem] | r404[Problem]:
        """
        A customer with identities, machines and latest tickets. Seeing them unmasked is audited.

        Tags: customers
        Status Codes:
            200: The customer (of one that was joined with another: the other).
        """
        actor = signed_in(self.request)
        require(actor, "customer.read")
        return reply(await db.run(_read, actor, customer_id))

    async def patch(
        self, customer_id: Id, /, given: CustomerChange
    ) -> r200[CustomerAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r422[Problem]:
        """
        Changes what is given.

        Tags: customers
        Status Codes:
            200: The customer as it is then.
        """
        actor = signed_in(self.request)
        require(actor, "customer.write")
        await db.run(_change, actor, customer_id, given)
        return reply(await db.run(_read, actor, customer_id))


class Join(View):
    """Two customers who are one person."""

    async def post(
        self, customer_id: Id, /, given: JoinInto
    ) -> r200[CustomerAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        From now on the other customer counts for both; nothing is moved, so it can be taken back.

        Tags: customers
        Status Codes:
            200: The customer that counts now.
        """
        actor = signed_in(self.request)
        require(actor, "customer.write")
        await db.run(_join, actor, customer_id, given.into)
        return reply(await db.run(_read, actor, given.into))

    async def delete(
        self, customer_id: Id, /
    ) -> r200[CustomerAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem]:
        """
        Takes the join of this customer back.

        Tags: customers
        Status Codes:
            200: The customer, standing for itself again.
        """
        actor = signed_in(self.request)
        require(actor, "customer.write")
        await db.run(_take_apart, actor, customer_id)
        return reply(await db.run(_read, actor, customer_id))


def _join(actor: Actor, customer_id: int, into: int) -> None:
    with db.write() as session:
        joining.join(session, _row(session, customer_id), _row(session, into), actor.tag)


def _take_apart(actor: Actor, customer_id: int) -> None:
    with db.write() as session:
        joining.take_apart(session, _row(session, customer_id), actor.tag)


def _row(session: Session, customer_id: int) -> Customer:
    row = session.get(Customer, customer_id)
    if row is None:
        raise NotFound("There is no such customer.")
    return row


def _page(text: str, limit: int, cursor: int | None) -> CustomerList:
    with db.read() as session:
        rows, following = search.customers(session, text, limit, cursor or 0)
        return CustomerList(
            items=[show.customer_short(row) for row in rows], next=str(following) if following else None
        )


def _found(session: Session, customer_id: int) -> Customer:
    return joining.standing_for(session, _row(session, customer_id).id)


def _read(actor: Actor, customer_id: int) -> CustomerAnswer:
    plain = actor.may("personal.see")
    with db.read() as session:
        row = _found(session, customer_id)
        tickets = session.scalars(
            select(Ticket)
            .where(Ticket.customer_id.in_(joining.together(session, row)), visible(actor))
            .order_by(Ticket.id.desc())
            .limit(20)
        ).all()
        shown = CustomerAnswer(
            **show.customer_short(row, plain=plain).model_dump(),
            note=row.note,
            created=row.created,
            identities=show.identities(row, plain=plain),
            assets=[show.asset(asset, plain=plain) for asset in row.assets],
            tickets=show.rows(session, tickets),
            perhaps_same=show.perhaps_same(session, row.id, plain=plain),
            joined=[
                JoinedCustomer(id=other.id, name=other.name, identities=show.identities(other, plain=plain))
                for other in joining.joined(session, row)
            ],
        )
    if plain:
        with db.write() as session:
            audit.write(session, actor.tag, "customer.seen", f"customer:{shown.id}", address=actor.address)
    return shown


def _change(actor: Actor, customer_id: int, given: CustomerChange) -> None:
    changes = given.model_dump(exclude_unset=True, exclude_none=True)
    if changes.get("language"):
        users.known_language(changes["language"])
    with db.write() as session:
        row = _found(session, customer_id)
        limits = {"name": 120, "level": 20, "language": 5, "note": 5000}
        for name, value in changes.items():
            setattr(row, name, clean(value, limits[name]).strip())
        audit.write(
            session,
            actor.tag,
            "customer.changed",
            f"customer:{row.id}",
            address=actor.address,
            changed=sorted(changes),
        )


def routes(api: web.Application) -> None:
    api.router.add_view("/customers", Customers)
    api.router.add_view("/customers/{customer_id}", OneCustomer)
    api.router.add_view("/customers/{customer_id}/join", Join)
