"""The API of dispatch for the desk: engineers, candidates, assigning. What the engineer's phone calls is in ``phone_api``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201, r401, r403, r404, r409, r422
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import db
from core.http import Problem, View, reply
from dispatch import assignment, phone_api, roster
from dispatch.tables import Engineer
from sla import Sentence
from ticketing import Ticket, access, audit
from ticketing.access import Actor, require, signed_in
from ticketing.api.common import change_ticket
from ticketing.api.schemas import Asked, Id, Person, Step, TicketAnswer


class Reason(BaseModel):
    text: Sentence
    points: float


class CandidateAnswer(BaseModel):
    engineer: Person = Field(description="the user's id and name")
    engineer_id: int
    score: float
    reasons: list[Reason]
    excluded: Sentence | None = Field(description="why this engineer cannot be sent; null if he or she can")


class CandidateList(BaseModel):
    items: list[CandidateAnswer]
    next: str | None = None


class CertificateAnswer(BaseModel):
    name: Annotated[str, Field(min_length=1, max_length=60)]
    until: Annotated[str, Field(max_length=10, description="date; empty: for good")] = ""


class LeaveAnswer(BaseModel):
    id: int
    start: datetime
    end: datetime
    reason: str


class EngineerAnswer(BaseModel):
    id: int
    user: Person
    skills: list[str]
    certificates: list[CertificateAnswer]
    regions: list[str]
    latitude: float | None = Field(description="home, WGS-84 degrees")
    longitude: float | None
    capacity: int = Field(description="visits a day")
    load: int = Field(description="visits that are open or were done today")
    shifts: dict[str, Any]
    outlet: str
    active: bool
    leaves: list[LeaveAnswer]


class EngineerList(BaseModel):
    items: list[EngineerAnswer]
    next: str | None = None


Word = Annotated[str, Field(min_length=1, max_length=60)]


class NewEngineer(Asked):
    user: Id
    skills: list[Word] = Field(default_factory=list, max_length=200)
    certificates: list[CertificateAnswer] = Field(default_factory=list, max_length=50)
    regions: list[Word] = Field(default_factory=list, max_length=200)
    latitude: Annotated[float | None, Field(ge=-90, le=90)] = None
    longitude: Annotated[float | None, Field(ge=-180, le=180)] = None
    capacity: Annotated[int, Field(ge=1, le=100)] = 6
    shifts: dict[str, Any] = Field(default_factory=dict)
    outlet: Annotated[str, Field(max_length=60)] = ""
    active: bool = True


class NewLeave(Asked):
    start: AwareDatetime
    end: AwareDatetime
    reason: Annotated[str, Field(max_length=120)] = ""


class AssignTo(Step):
    engineer: Annotated[int | None, Field(ge=1, description="user id; null: the best by the rules")] = None


class Candidates(View):
    async def get(self, ticket_id: Id, /) -> r200[CandidateList] | r401[Problem] | r403[Problem] | r404[Problem]:
        """
        All engineers for this ticket, best first, each with the reasons; those who cannot be sent come last.

        Tags: dispatch
        """
        actor = signed_in(self.request)
        require(actor, "dispatch.read")
        return reply(await db.run(_candidates, actor, ticket_id))


class Assign(View):
    async def post(
        self, ticket_id: Id, /, given: AssignTo
    ) -> r200[TicketAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Asks an engineer: the named one, or the best by the rules. The engineer has some minutes to answer.

        Tags: dispatch
        Status Codes:
            200: The ticket; it is still open if nobody can be sent.
            409: The ticket is in no state for this.
        """
        actor = signed_in(self.request)

        def deed(session: Session, ticket: Ticket) -> None:
            if given.engineer is None:
                assignment.assign_automatically(session, ticket)
            else:
                chosen = roster.engineer_of(session, given.engineer)
                assignment.assign(session, ticket, chosen.id, actor.tag)

        return reply(await db.run(change_ticket, actor, ticket_id, given.version, "ticket.assign", deed))


class Engineers(View):
    async def get(self) -> r200[EngineerList] | r401[Problem] | r403[Problem]:
        """
        All engineers with what they can, where and when they work, and how much they have to do.

        Tags: dispatch
        """
        actor = signed_in(self.request)
        require(actor, "dispatch.read")
        return reply(await db.run(_engineers))

    async def post(self, given: NewEngineer) -> r201[EngineerAnswer] | r401[Problem] | r403[Problem] | r422[Problem]:
        """
        Makes or changes the engineer that a user is. `shifts`: a business calendar (`weekdays`, `dated`, `zone`); empty: always.

        Tags: dispatch
        """
        actor = signed_in(self.request)
        require(actor, "dispatch.write")
        return reply(await db.run(_save, actor, given), 201)


class Leaves(View):
    async def post(
        self, engineer_id: Id, /, given: NewLeave
    ) -> r201[EngineerAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r422[Problem]:
        """
        Notes a time in which an engineer is away.

        Tags: dispatch
        """
        actor = signed_in(self.request)
        require(actor, "dispatch.write")
        return reply(await db.run(_leave, actor, engineer_id, given), 201)


def _candidates(actor: Actor, ticket_id: int) -> CandidateList:
    with db.read() as session:
        access.check_visible(session, actor, ticket_id)
        ticket = session.get_one(Ticket, ticket_id)
        users = {row[0]: row[1] for row in session.execute(select(Engineer.id, Engineer.user_id))}
        return CandidateList(
            items=[
                CandidateAnswer(
                    engineer=Person(id=users[r.contender.id], name=r.contender.name),
                    engineer_id=r.contender.id,
                    score=r.score,
                    reasons=[Reason(text=Sentence(**v.text), points=round(v.points, 1)) for v in r.reasons],
                    excluded=_joined(r.excluded),
                )
                for r in assignment.candidates(session, ticket)
            ]
        )


def _joined(sentences: Any) -> Sentence | None:
    if not sentences:
        return None
    return Sentence(zh="；".join(s["zh"] for s in sentences), en="; ".join(s["en"] for s in sentences))


def _engineers() -> EngineerList:
    with db.read() as session:
        loads = {c.id: c.load for c in roster.contenders(session)}
        rows = session.scalars(select(Engineer).order_by(Engineer.id).limit(1000))
        return EngineerList(items=[_shown(row, loads.get(row.id, 0)) for row in rows])


def _save(actor: Actor, given: NewEngineer) -> EngineerAnswer:
    with db.write() as session:
        options = given.model_dump(exclude={"user"})
        row = roster.save_engineer(session, given.user, **options)
        audit.write(session, actor.tag, "engineer.saved", f"engineer:{row.id}", address=actor.address)
        return _shown(row, 0)


def _leave(actor: Actor, engineer_id: int, given: NewLeave) -> EngineerAnswer:
    with db.write() as session:
        leave = roster.add_leave(session, engineer_id, given.start, given.end, given.reason)
        audit.write(
            session, actor.tag, "engineer.leave", f"engineer:{engineer_id}", address=actor.address, leave=leave.id
        )
        row = session.get_one(Engineer, engineer_id)
        session.refresh(row, ["leaves"])
        return _shown(row, 0)


def _shown(row: Engineer, load: int) -> EngineerAnswer:
    return EngineerAnswer(
        id=row.id,
        user=Person(id=row.user_id, name=row.user.name),
        skills=list(row.skills),
        certificates=[CertificateAnswer(**c) for c in row.certificates],
        regions=list(row.regions),
        latitude=row.latitude,
        longitude=row.longitude,
        capacity=row.capacity,
        load=load,
        shifts=row.shifts,
        outlet=row.outlet,
        active=row.active,
        leaves=[LeaveAnswer(id=x.id, start=x.start, end=x.end, reason=x.reason) for x in row.leaves],
    )


def routes(api: web.Application) -> None:
    api.router.add_view("/engineers", Engineers)
    api.router.add_view("/engineers/{engineer_id}/leaves", Leaves)
    api.router.add_view("/tickets/{ticket_id}/candidates", Candidates)
    api.router.add_view("/tickets/{ticket_id}/assign", Assign)
    phone_api.routes(api)
