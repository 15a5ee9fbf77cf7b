"""Legal hold of a ticket's recordings and files."""

from __future__ import annotations

from typing import Annotated

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r401, r403, r404, r422
from pydantic import Field
from sqlalchemy.orm import Session

from core import db
from core.http import Problem, View, reply
from ticketing import hold
from ticketing.access import signed_in
from ticketing.api.common import change_ticket
from ticketing.api.schemas import Asked, Id, TicketAnswer
from ticketing.tables import Ticket


class NewHold(Asked):
    """Why nothing of the ticket may be deleted."""

    reason: Annotated[str, Field(min_length=1, max_length=500)]


class TicketHolding(View):
    """The hold of a ticket."""

    async def put(
        self, ticket_id: Id, /, asked: NewHold
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r422[Problem]:
        """
        Holds the ticket: its recording, originals and attachments are not deleted by the policy of retention. Audited.

        Tags: tickets
        Status Codes:
            200: The ticket.
        """
        actor = signed_in(self.request)

        def deed(session: Session, ticket: Ticket) -> None:
            hold.hold(session, ticket, actor, asked.reason)

        return reply(await db.run(change_ticket, actor, ticket_id, None, "ticket.hold", deed))

    async def delete(self, ticket_id: Id, /) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem]:
        """
        Ends the hold. Audited.

        Tags: tickets
        Status Codes:
            200: The ticket.
        """
        actor = signed_in(self.request)

        def deed(session: Session, ticket: Ticket) -> None:
            hold.release(session, ticket, actor)

        return reply(await db.run(change_ticket, actor, ticket_id, None, "ticket.hold", deed))


def routes(api: web.Application) -> None:
    api.router.add_view("/tickets/{ticket_id}/hold", TicketHolding)
