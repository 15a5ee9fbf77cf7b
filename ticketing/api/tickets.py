"""Tickets: lists, one with its evidence, its timeline, and one written by hand."""

from __future__ import annotations

import uuid
from typing import Literal

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201, r401, r403, r404, r422
from sqlalchemy.orm import Session

from core import clock, db
from core.errors import InvalidInput, NotFound
from core.http import Problem, View, reply
from core.text import clean
from ticketing import audit, forms, search
from ticketing.access import Actor, require, signed_in
from ticketing.api import show, timeline
from ticketing.api.common import read_ticket
from ticketing.api.schemas import (
    Counts,
    Id,
    IdOrNobody,
    Limit,
    NewTicket,
    Short,
    TicketAnswer,
    TicketList,
    Timeline,
)
from ticketing.corrections import correct, find_missing
from ticketing.drafts import URGENCIES, Draft, NewEntry, create_draft
from ticketing.tables import Asset, Customer


class Tickets(View):
    """All tickets."""

    async def get(
        self,
        state: Short = "",
        service: Short = "",
        q: Short = "",
        assignee: IdOrNobody | None = None,
        reviewer: IdOrNobody | None = None,
        customer: Id | None = None,
        asset: Id | None = None,
        channel: Short = "",
        urgency: Short = "",
        attention: search.Attention | None = None,
        sort: Literal["newest", "oldest", "priority"] = "newest",
        total: bool = False,
        cursor: Short = "",
        limit: Limit = 50,
    ) -> r200[TicketList] | r401[Problem] | r422[Problem]:
        """
        The tickets that one may see. `state` may name several, with commas. `q` finds number, name, the last four or
        more digits of a telephone number, and words of any field. `attention` lists tickets under way with a message that
        nobody has opened (`unread`), a wish to cancel or reschedule (`wish`), or `any` of both.

        Tags: tickets
        Status Codes:
            200: A page; `next` is the cursor of the following one.
        """
        actor = signed_in(self.request)
        require(actor, "ticket.read", "ticket.read.own")
        query = search.TicketQuery(
            states=[part.strip() for part in state.split(",") if part.strip()],
            service=service,
            channel=channel,
            urgency=urgency,
            text=q,
            assignee=assignee,
            reviewer=reviewer,
            customer=customer,
            asset=asset,
            attention=attention,
            sort=sort,
        )
        return reply(await db.run(_page, actor, query, limit, cursor, total))

    async def post(self, new: NewTicket) -> r201[TicketAnswer] | r401[Problem] | r403[Problem] | r422[Problem]:
        """
        Writes a draft by hand, as when a customer stands at the desk.

        Tags: tickets
        Status Codes:
            201: The new draft.
        """
        actor = signed_in(self.request)
        require(actor, "ticket.create")
        ticket_id = await db.run(_create, actor, new)
        return reply(await db.run(read_ticket, actor, ticket_id), status=201)


class TicketCounts(View):
    """How many there are."""

    async def get(self) -> r200[Counts] | r401[Problem]:
        """
        Number of tickets that one may see, by state.

        Tags: tickets
        Status Codes:
            200: State to number; every state is there.
        """
        actor = signed_in(self.request)
        require(actor, "ticket.read", "ticket.read.own")
        return reply(Counts(await db.run(_counts, actor)))


class OneTicket(View):
    """One ticket."""

    async def get(self, ticket_id: Id, /) -> r200[TicketAnswer] | r401[Problem] | r404[Problem]:
        """
        A ticket with fields, evidence, story and what one may do with it. Seeing personal data unmasked is audited.

        Tags: tickets
        Status Codes:
            200: The ticket.
            404: There is none, or it is none of one's business.
        """
        return reply(await db.run(read_ticket, signed_in(self.request), ticket_id))


class TicketTimeline(View):
    """What happened to a ticket."""

    async def get(self, ticket_id: Id, /) -> r200[Timeline] | r401[Problem] | r404[Problem]:
        """
        Events, messages and notices of a ticket (and of those merged into it) in order of time.

        Tags: tickets
        Status Codes:
            200: From the oldest to the newest.
        """
        return reply(await db.run(timeline.of_ticket, signed_in(self.request), ticket_id))


def _page(actor: Actor, query: search.TicketQuery, limit: int, cursor: str, count: bool) -> TicketList:
    with db.read() as session:
        tickets, following = search.page(session, actor, query, limit, cursor)
        return TicketList(
            items=show.rows(session, tickets),
            next=following,
            total=search.total(session, actor, query) if count else None,
        )


def _counts(actor: Actor) -> dict[str, int]:
    with db.read() as session:
        return search.counts(session, actor)


def _create(actor: Actor, new: NewTicket) -> int:
    if new.service not in forms.services():
        raise InvalidInput("There is no such service.", field="service", expected=forms.services())
    if new.urgency not in URGENCIES:
        raise InvalidInput("There is no such urgency.", field="urgency", expected=list(URGENCIES))
    with db.write() as session:
        _known(session, new)
        draft = Draft(
            channel=clean(new.channel, 40) or "desk",
            service=new.service,
            entry=NewEntry(
                message_id=uuid.uuid4().hex,
                channel=clean(new.channel, 40) or "desk",
                text=clean(new.text),
                at=clock.now(),
                reason="written by hand",
            ),
            urgency=new.urgency,
            summary=clean(new.text, 80),
            required=forms.required(new.service),
            customer_id=new.customer_id,
            asset_id=new.asset_id,
        )
        ticket = create_draft(session, draft, actor.tag)
        ticket.reviewer_id = actor.id
        correct(session, ticket, actor, dict(new.fields))
        find_missing(session, ticket)
        audit.write(session, actor.tag, "ticket.created", f"ticket:{ticket.id}", address=actor.address)
        return ticket.id


def _known(session: Session, new: NewTicket) -> None:
    if new.customer_id is not None and session.get(Customer, new.customer_id) is None:
        raise NotFound("There is no such customer.", customer_id=new.customer_id)
    if new.asset_id is not None and session.get(Asset, new.asset_id) is None:
        raise NotFound("There is no such machine.", asset_id=new.asset_id)


def routes(api: web.Application) -> None:
    api.router.add_view("/tickets", Tickets)
    api.router.add_view("/tickets/counts", TicketCounts)
    api.router.add_view("/tickets/{ticket_id}", OneTicket)
    api.router.add_view("/tickets/{ticket_id}/timeline", TicketTimeline)
