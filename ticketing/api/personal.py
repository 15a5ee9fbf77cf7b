"""Uncovering what is masked: for one ticket, for those who may, and never without a trace."""

from __future__ import annotations

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r401, r403, r404
from sqlalchemy import select

from core import db
from core.http import Problem, View, reply
from ticketing import audit
from ticketing.access import Actor, check_visible, require, sees_personal, signed_in
from ticketing.api import show
from ticketing.api.schemas import Id, Unmasked, UnmaskRequest
from ticketing.masking import PERSONAL_FIELDS
from ticketing.tables import Identity, Ticket


class Unmask(View):
    """The personal values of a ticket."""

    async def post(
        self, ticket_id: Id, /, given: UnmaskRequest
    ) -> r200[Unmasked] | r401[Problem] | r403[Problem] | r404[Problem]:
        """
        Telephone numbers and addresses of one ticket in full. Who looked and why is in the audit trail.

        Tags: tickets
        Status Codes:
            200: The full values.
        """
        return reply(await db.run(_unmask, signed_in(self.request), ticket_id, given.reason))


def _unmask(actor: Actor, ticket_id: int, reason: str) -> Unmasked:
    with db.write() as session:
        check_visible(session, actor, ticket_id)
        ticket = session.get_one(Ticket, ticket_id)
        if not sees_personal(actor, ticket):
            require(actor, "personal.unmask")
        audit.write(session, actor.tag, "ticket.unmasked", f"ticket:{ticket_id}", address=actor.address, reason=reason)
        known = select(Identity).where(Identity.customer_id == ticket.customer_id).order_by(Identity.id)
        fields = [field for field in ticket.fields if field.name in PERSONAL_FIELDS and not field.removed]
        return Unmasked(
            phones=list(dict.fromkeys(f.current for f in fields if f.name == "phone")),
            addresses=list(dict.fromkeys(f.current for f in fields if f.name == "address")),
            fields={str(field.id): field.current for field in fields},
            customer=[show.identity(row, plain=True) for row in session.scalars(known)],
        )


def routes(api: web.Application) -> None:
    api.router.add_view("/tickets/{ticket_id}/unmask", Unmask)
