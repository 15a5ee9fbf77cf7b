"""The audit trail, for those who may read it."""

from __future__ import annotations

from datetime import datetime

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r401, r403, r422
from sqlalchemy import select

from core import db
from core.errors import InvalidInput
from core.http import Problem, View, reply
from core.text import clean
from ticketing.access import require, signed_in
from ticketing.api.schemas import AuditAnswer, AuditList, Id, Limit, Short
from ticketing.api.show import Names, user_of
from ticketing.tables import AuditEntry


class Audit(View):
    """Who did or saw what."""

    async def get(
        self,
        actor: Short = "",
        action: Short = "",
        subject: Short = "",
        since: datetime | None = None,
        until: datetime | None = None,
        cursor: Id | None = None,
        limit: Limit = 50,
    ) -> r200[AuditList] | r401[Problem] | r403[Problem] | r422[Problem]:
        """
        The audit trail, newest first, by `actor` (user:7), `action` (ticket.seen, ticket.unmasked, recording.heard,
        sign_in, ...) and `subject` (ticket:12).

        Tags: audit
        Status Codes:
            200: A page.
        """
        require(signed_in(self.request), "audit.read")
        for name, moment in (("since", since), ("until", until)):
            if moment is not None and moment.tzinfo is None:
                raise InvalidInput("A time needs its zone.", field=name)
        return reply(await db.run(_page, (actor, action, subject), since, until, cursor, limit))


def _page(
    wanted: tuple[str, str, str], since: datetime | None, until: datetime | None, cursor: int | None, limit: int
) -> AuditList:
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(limit + 1)
    for column, value in zip((AuditEntry.actor, AuditEntry.action, AuditEntry.subject), wanted, strict=True):
        if value:
            query = query.where(column == clean(value, 80))
    if since is not None:
        query = query.where(AuditEntry.at >= since)
    if until is not None:
        query = query.where(AuditEntry.at < until)
    if cursor is not None:
        query = query.where(AuditEntry.id < cursor)
    with db.read() as session:
        rows = session.scalars(query).all()
        names = Names(session, [user_of(row.actor) for row in rows])
        return AuditList(
            items=[
                AuditAnswer(
                    id=row.id,
                    at=row.at,
                    actor=row.actor,
                    actor_name=names.of(row.actor),
                    action=row.action,
                    subject=row.subject,
                    details=row.details,
                    address=row.address,
                )
                for row in rows[:limit]
            ],
            next=str(rows[limit - 1].id) if len(rows) > limit else None,
        )


def routes(api: web.Application) -> None:
    api.router.add_view("/audit", Audit)
