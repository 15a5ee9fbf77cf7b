"""What the engineer's phone calls: one's visits, accepting, refusing, grabbing, arriving, photographs, being done."""

from __future__ import annotations

import base64
import binascii
from datetime import datetime
from typing import Annotated, Any, Literal

from aiohttp import BodyPartReader, web
from aiohttp_pydantic.oas.typing import r200, r401, r403, r404, r409, r422
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import select

from core import db, http, settings
from core.errors import InvalidInput, Malformed
from core.http import Problem, View, reply
from dispatch import assignment, roster, visits
from dispatch.tables import Engineer, Visit
from sla import Sentence
from ticketing import Ticket, access, workflow
from ticketing.access import Actor, require, signed_in
from ticketing.api import show
from ticketing.api.common import change_ticket
from ticketing.api.schemas import Asked, Id, Short, Step, StepWithReason, TicketAnswer, TicketRow


class VisitAnswer(BaseModel):
    id: int
    ticket_id: int
    state: str = Field(description="proposed, accepted, on_site, done, refused, unanswered, withdrawn")
    engineer: int = Field(description="user id")
    proposed: datetime
    answer_by: datetime | None
    arrived: datetime | None
    distance: float | None = Field(description="m between check-in and address")
    outside: bool = Field(description="checked in outside the geofence")
    completed: datetime | None
    reasons: list[dict[str, Any]]
    checklist: list[dict[str, Any]]
    parts: list[dict[str, Any]]
    note: str
    photos: int
    signed: bool


class VisitRow(TicketRow):
    """A ticket in an engineer's list, with the visit."""

    visit: VisitAnswer
    todo: list[Sentence] = Field(description="the checklist of this service")


class VisitList(BaseModel):
    items: list[VisitRow]
    next: str | None = None


class Arrival(Step):
    latitude: Annotated[float | None, Field(ge=-90, le=90)] = None
    longitude: Annotated[float | None, Field(ge=-180, le=180)] = None
    datum: Literal["wgs84", "gcj02"] = Field("wgs84", description="GPS reports WGS-84, Chinese maps GCJ-02")


class PartUsed(Asked):
    code: Annotated[str, Field(min_length=1, max_length=60, description="code or barcode")]
    count: Annotated[int, Field(ge=1, le=999)] = 1


class Checked(Asked):
    item: Short | dict[str, Short] = ""
    done: bool = False
    note: Annotated[str, Field(max_length=500)] = ""


class Agreed(Asked):
    name: Annotated[str, Field(min_length=1, max_length=80)]
    amount: Annotated[int, Field(ge=0, description="fen")]


class Done(Step):
    """`signature` and `photos`: PNG or JPEG as data URL or base64; large photographs go to POST /tickets/{id}/photos before."""

    parts: list[PartUsed] = Field(default_factory=list, max_length=50)
    labour: list[Short] = Field(default_factory=list, max_length=50)
    checklist: list[Checked] = Field(default_factory=list, max_length=100)
    cause: Literal["", "wear", "defect", "customer"] = ""
    note: Annotated[str, Field(max_length=4000)] = ""
    signature: str = ""
    photos: list[str] = Field(default_factory=list, max_length=20)
    extra_fee: Annotated[int, Field(ge=0, le=100_000_00, description="fen beyond the price book")] = 0
    extra_fee_for: Annotated[str, Field(max_length=200)] = ""
    consent: Agreed | None = None
    at: AwareDatetime | None = Field(None, description="when it was done, if told later (without a network)")


class _OnPhone(View):
    async def done(self, ticket_id: int, version: int | None, deed: Any) -> web.Response:
        actor = signed_in(self.request)
        return reply(await db.run(change_ticket, actor, ticket_id, version, "visit.do", deed))


class Accept(_OnPhone):
    async def post(
        self, ticket_id: Id, /, step: Step
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem]:
        """
        Takes the ticket one was asked to take.

        Tags: visits
        Status Codes:
            409: It was given to somebody else meanwhile.
        """
        who = signed_in(self.request).id
        return await self.done(ticket_id, step.version, lambda s, t: assignment.accept(s, t, who))


class Refuse(_OnPhone):
    async def post(
        self, ticket_id: Id, /, step: StepWithReason
    ) -> r200[VisitAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Declines the ticket, also after having accepted it; the next engineer is asked.

        Tags: visits
        """
        return reply(await db.run(_refuse, signed_in(self.request), ticket_id, step))


class Grab(_OnPhone):
    async def post(
        self, ticket_id: Id, /, step: Step
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r409[Problem]:
        """
        Takes an open ticket that nobody has; who is first gets it.

        Tags: visits
        Status Codes:
            403: The rules exclude this engineer; `details.reasons` says why.
            409: Somebody was first.
        """
        actor = signed_in(self.request)
        require(actor, "visit.do")
        return reply(await db.run(_grab, actor, ticket_id, step.version))


class CheckIn(_OnPhone):
    async def post(
        self, ticket_id: Id, /, given: Arrival
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Arrives. A place far from the address is flagged, not refused.

        Tags: visits
        """
        who = signed_in(self.request).id
        return await self.done(
            ticket_id,
            given.version,
            lambda s, t: visits.check_in(s, t, who, given.latitude, given.longitude, given.datum),
        )


class Complete(_OnPhone):
    async def post(
        self, ticket_id: Id, /, given: Done
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        The work is done; the bill follows.

        Tags: visits
        Status Codes:
            422: A value cannot be, or an additional fee lacks the customer's consent.
        """
        who = signed_in(self.request).id
        completion = _completion(given)
        return await self.done(ticket_id, given.version, lambda s, t: visits.complete(s, t, who, completion))


class Photos(View):
    async def post(self, ticket_id: Id, /) -> r200[VisitAnswer] | r401[Problem] | r403[Problem] | r409[Problem]:
        """
        Adds a photograph to one's visit: multipart/form-data with one file part.

        Tags: visits
        Status Codes:
            409: The ticket is not in your hands.
        """
        actor = signed_in(self.request)
        require(actor, "visit.do")
        if not self.request.content_type.startswith("multipart/"):
            raise Malformed("A photograph is sent as multipart/form-data.")
        try:
            part = await (await self.request.multipart()).next()
        except ValueError:
            raise Malformed("The multipart body is not well formed.") from None
        if not isinstance(part, BodyPartReader):
            raise Malformed("A photograph is one file part.")
        content = await http.read_part(part, settings.get(http.HttpSettings).upload_limit)
        photo = visits.Photo(name=part.filename or "photo", content=content)
        return reply(await db.run(_photo, actor, ticket_id, photo))


class Visits(View):
    async def get(self, engineer: Short = "me", state: Short = "") -> r200[VisitList] | r401[Problem] | r403[Problem]:
        """
        The visits of an engineer (`me`, or a user id for dispatchers) that are not over; `state` may name others, with commas.

        Tags: visits
        """
        return reply(await db.run(_visits, signed_in(self.request), engineer, state))


def _visits(actor: Actor, engineer: str, state: str) -> VisitList:
    if engineer in ("me", str(actor.id)):
        require(actor, "visit.do", "dispatch.read")
        user_id = actor.id
    else:
        require(actor, "dispatch.read")
        if not (engineer.isascii() and engineer.isdigit() and len(engineer) < 10):
            raise InvalidInput("An engineer is `me` or a user's id.", engineer=engineer)
        user_id = int(engineer)
    states = [part.strip() for part in state.split(",") if part.strip()] or list(roster.OPEN)
    with db.read() as session:
        found = session.execute(
            select(Visit, Ticket)
            .join(Engineer, Engineer.id == Visit.engineer_id)
            .join(Ticket, Ticket.id == Visit.ticket_id)
            .where(Engineer.user_id == user_id, Visit.state.in_(states), access.visible(actor))
            .order_by(Ticket.priority, Visit.proposed)
            .limit(200)
        ).all()
        rows = show.rows(session, [ticket for _, ticket in found])
        return VisitList(
            items=[
                VisitRow(
                    **row.model_dump(),
                    visit=_shown(visit),
                    todo=[Sentence(**item) for item in visits.checklist_for(ticket.service)],
                )
                for row, (visit, ticket) in zip(rows, found, strict=True)
            ]
        )


def _refuse(actor: Actor, ticket_id: int, step: StepWithReason) -> VisitAnswer:
    """Answered with the visit: who has refused a ticket may not see it any more."""
    require(actor, "visit.do")
    with db.write() as session:
        access.check_visible(session, actor, ticket_id)
        ticket = workflow.load(session, ticket_id, step.version)
        return _shown(assignment.refuse(session, ticket, actor.id, step.reason))


def _grab(actor: Actor, ticket_id: int, version: int | None) -> TicketAnswer:
    with db.write() as session:
        assignment.grab(session, workflow.load(session, ticket_id, version), actor.id)
    with db.read() as session:
        return show.ticket(session, session.get_one(Ticket, ticket_id), actor)


def _photo(actor: Actor, ticket_id: int, photo: visits.Photo) -> VisitAnswer:
    with db.write() as session:
        access.check_visible(session, actor, ticket_id)
        return _shown(visits.add_photo(session, workflow.load(session, ticket_id, None), actor.id, photo))


def _completion(given: Done) -> visits.Completion:
    return visits.Completion(
        parts=[visits.UsedPart(code=p.code, count=p.count) for p in given.parts],
        labour=list(given.labour),
        checklist=[c.model_dump() for c in given.checklist],
        cause=given.cause,
        note=given.note,
        photos=[visits.Photo(name=f"photo-{n}", content=_bytes(p)) for n, p in enumerate(given.photos, 1)],
        signature=_bytes(given.signature) if given.signature else None,
        extra_fee=given.extra_fee,
        extra_fee_for=given.extra_fee_for,
        consent=visits.Consent(name=given.consent.name, amount=given.consent.amount) if given.consent else None,
        at=given.at,
    )


def _bytes(written: str) -> bytes:
    """Content of a data URL or of plain base64; raises InvalidInput."""
    if written.startswith("data:"):
        head, _, written = written.partition(",")
        if not head.endswith(";base64"):
            raise InvalidInput("A data URL is base64 here.")
    try:
        return base64.b64decode(written, validate=True)
    except (binascii.Error, ValueError):
        raise InvalidInput("An image is base64 here.") from None


def _shown(visit: Visit) -> VisitAnswer:
    return VisitAnswer(
        id=visit.id,
        ticket_id=visit.ticket_id,
        state=visit.state,
        engineer=visit.engineer.user_id,
        proposed=visit.proposed,
        answer_by=visit.answer_by,
        arrived=visit.arrived,
        distance=visit.distance,
        outside=visit.outside,
        completed=visit.completed,
        reasons=visit.reasons,
        checklist=visit.checklist,
        parts=visit.parts,
        note=visit.note,
        photos=len(visit.photos),
        signed=visit.signature is not None,
    )


def routes(api: web.Application) -> None:
    api.router.add_view("/visits", Visits)
    steps: dict[str, type[View]] = {
        "accept": Accept,
        "refuse": Refuse,
        "grab": Grab,
        "check-in": CheckIn,
        "complete": Complete,
        "photos": Photos,
    }
    for name, view in steps.items():
        api.router.add_view(f"/tickets/{{ticket_id}}/{name}", view)
