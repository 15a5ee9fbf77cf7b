"""The API of promised times: a ticket's clocks with their explanations, policies and calendars."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r401, r403, r404, r409, r422
from pydantic import BaseModel, Field
from sqlalchemy import select

from core import clock, db
from core.http import Problem, View, reply
from sla import clocks, documents
from sla.sentence import Sentence
from sla.tables import SlaClock
from ticketing import access, audit, workflow
from ticketing.access import Actor, require, signed_in
from ticketing.api.schemas import Asked, Id


class Explained(BaseModel):
    at: datetime
    text: Sentence


class ClockAnswer(BaseModel):
    name: str = Field(description="first_response, next_update, arrival, solution")
    round: int = Field(description="2 and more: after reopening; each next update")
    state: str = Field(description="running, paused, met, breached, dropped")
    rule: str
    calendar: str
    target_seconds: int = Field(description="business time")
    started: datetime
    due: datetime | None = Field(description="null while it stands")
    uncertain_year: int | None = Field(description="calendar not announced: the year whose holidays are not known yet")
    warned: int = Field(description="highest percentage that was told")
    breached: datetime | None
    stopped: datetime | None
    business_seconds_used: int
    explanation: list[Explained]


class ClockList(BaseModel):
    items: list[ClockAnswer]
    next: str | None = None


class DocumentAnswer(BaseModel):
    version: int = Field(description="0: nothing was saved, the configured or shipped file holds")
    content: dict[str, Any]


class NewDocument(Asked):
    version: Annotated[int | None, Field(ge=0, description="the version that was seen; 409 if it has changed")] = None
    content: dict[str, Any]


class YearAnswer(BaseModel):
    year: int
    sources: list[str]
    days_off: dict[str, str]
    days_worked: dict[str, str]


class YearList(BaseModel):
    items: list[YearAnswer]
    next: str | None = None


class Clocks(View):
    async def get(self, ticket_id: Id, /) -> r200[ClockList] | r401[Problem] | r403[Problem] | r404[Problem]:
        """
        The ticket's clocks, each with why it is where it is.

        Tags: sla
        Status Codes:
            200: All clocks, also those that have stopped.
        """
        actor = signed_in(self.request)
        require(actor, "sla.read")
        return reply(await db.run(_clocks, actor, ticket_id))


class Policies(View):
    async def get(self) -> r200[DocumentAnswer] | r401[Problem] | r403[Problem]:
        """
        The policies in force, as they are written.

        Tags: sla
        """
        return reply(await db.run(_document, signed_in(self.request), "policies"))

    async def put(
        self, given: NewDocument
    ) -> r200[DocumentAnswer] | r401[Problem] | r403[Problem] | r409[Problem] | r422[Problem]:
        """
        Saves policies; running clocks are reckoned anew.

        Tags: sla
        Status Codes:
            409: Somebody changed them since `version`.
            422: They cannot be read; the message names the place.
        """
        return reply(await db.run(_save, signed_in(self.request), "policies", given))


class Calendars(View):
    async def get(self) -> r200[DocumentAnswer] | r401[Problem] | r403[Problem]:
        """
        The business calendars in force, as they are written.

        Tags: sla
        """
        return reply(await db.run(_document, signed_in(self.request), "calendars"))

    async def put(
        self, given: NewDocument
    ) -> r200[DocumentAnswer] | r401[Problem] | r403[Problem] | r409[Problem] | r422[Problem]:
        """
        Saves calendars; running clocks are reckoned anew.

        Tags: sla
        Status Codes:
            409: Somebody changed them since `version`.
            422: They cannot be read; the message names the place.
        """
        return reply(await db.run(_save, signed_in(self.request), "calendars", given))


class Holidays(View):
    async def get(self, region: Literal["cn"] = "cn") -> r200[YearList] | r401[Problem] | r403[Problem]:
        """
        The public holidays that have been announced, with the notices they come from.

        Tags: sla
        """
        require(signed_in(self.request), "sla.read")
        years = documents.announced(region).years.values()
        return reply(
            YearList(
                items=[
                    YearAnswer(
                        year=pack.year,
                        sources=list(pack.sources),
                        days_off={day.isoformat(): name for day, name in pack.off.items()},
                        days_worked={day.isoformat(): name for day, name in pack.work.items()},
                    )
                    for pack in years
                ]
            )
        )


def _clocks(actor: Actor, ticket_id: int) -> ClockList:
    moment = clock.now()
    with db.read() as session:
        access.check_visible(session, actor, ticket_id)
        behind = clocks.behind(session, ticket_id)
    if behind:
        with db.write() as session:
            clocks.bring_up_to_date(session, workflow.load(session, ticket_id))
    with db.read() as session:
        force = documents.in_force(session)
        rows = session.scalars(select(SlaClock).where(SlaClock.ticket_id == ticket_id).order_by(SlaClock.id))
        return ClockList(
            items=[
                ClockAnswer(
                    name=row.name,
                    round=row.round,
                    state=row.state,
                    rule=row.rule,
                    calendar=row.calendar,
                    target_seconds=row.target,
                    started=row.started,
                    due=row.due,
                    uncertain_year=row.uncertain,
                    warned=row.warned,
                    breached=row.breached,
                    stopped=row.stopped,
                    business_seconds_used=int(clocks.used_by(row, force, moment).total_seconds()),
                    explanation=[Explained(at=note.at, text=Sentence(**note.text)) for note in row.notes],
                )
                for row in rows
            ]
        )


def _document(actor: Actor, kind: documents.Kind) -> DocumentAnswer:
    require(actor, "sla.read")
    with db.read() as session:
        content, version = documents.written(session, kind)
    return DocumentAnswer(version=version, content=documents.plain(content))


def _save(actor: Actor, kind: documents.Kind, given: NewDocument) -> DocumentAnswer:
    require(actor, "sla.write")
    with db.write() as session:
        version = documents.save(session, kind, given.content, actor.tag, given.version)
        audit.write(session, actor.tag, "sla.saved", f"{kind}:{version}", address=actor.address)
    return DocumentAnswer(version=version, content=given.content)


def routes(api: web.Application) -> None:
    api.router.add_view("/tickets/{ticket_id}/clocks", Clocks)
    api.router.add_view("/sla/policies", Policies)
    api.router.add_view("/sla/calendars", Calendars)
    api.router.add_view("/sla/holidays", Holidays)
