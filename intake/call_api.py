"""What people do with a call that is going on: hold it, give it on, take it, hear it, end it.

The process that holds the call does it (``intake.asking``); it answers at once whether it can be done, and what becomes of it is seen
in the call's ``stage``.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201, r401, r403, r404, r409, r422, r503
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator

from core import clock, db, outbox
from core.errors import Conflict, InvalidInput, NotFound
from core.http import Problem, View, reply
from intake import calling
from intake.asking import ask
from intake.tables import SessionRow
from ticketing import Actor, Ticket, audit, check_visible, record, require, signed_in

SessionId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]
Id = Annotated[int, Field(ge=1, le=2_147_483_647)]


class CallDone(BaseModel):
    """It was begun, or done."""

    done: str


class Hold(BaseModel):
    """Whether it is to be so."""

    model_config = ConfigDict(extra="forbid")

    on: bool


class Transfer(BaseModel):
    """To whom: an agent (``user``), or an extension or number (``number``)."""

    model_config = ConfigDict(extra="forbid")

    user: int | None = Field(None, ge=1, le=2_147_483_647)
    number: str = Field("", max_length=40)
    attended: bool = Field(False, description="the agent speaks with whom he gives the caller to first")

    @model_validator(mode="after")
    def _somebody(self) -> Transfer:
        if (self.user is None) == (not self.number):
            raise ValueError("either user or number")
        return self


class HoldCall(View):
    """Hold."""

    async def post(
        self, session_id: SessionId, /, given: Hold
    ) -> r200[CallDone] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r503[Problem]:
        """
        Lets the caller wait with music, or talk on. For the agent who has the call, and supervisors.

        Tags: calls
        Status Codes:
            200: Done.
            409: Nobody talks with this caller.
            503: No telephone process answers.
        """
        return await _done(self.request, session_id, "hold", on=given.on)


class TransferCall(View):
    """Giving the caller on."""

    async def post(
        self, session_id: SessionId, /, given: Transfer
    ) -> r200[CallDone] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem] | r503[Problem]:
        """
        Gives the caller to another agent or a number. Blind: the agent is out at once, and where nobody answers the caller is
        first in the queue. Attended: the caller holds while they speak; then `transfer/complete`, `transfer/cancel`, or
        the agent just hangs up, which completes it.

        Tags: calls
        Status Codes:
            200: Begun; `stage` tells what becomes of it.
            403: Not this agent's call, or settings do not allow the number.
            409: Nobody talks with this caller, or that telephone is busy.
        """
        return await _done(self.request, session_id, "transfer", **given.model_dump())


class CompleteTransfer(View):
    """An attended transfer's end."""

    async def post(
        self, session_id: SessionId, /
    ) -> r200[CallDone] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r503[Problem]:
        """
        The colleague who was asked takes the caller.

        Tags: calls
        Status Codes:
            200: Done.
            409: No colleague is on the line.
        """
        return await _done(self.request, session_id, "complete")


class CancelTransfer(View):
    """An attended transfer taken back."""

    async def post(
        self, session_id: SessionId, /
    ) -> r200[CallDone] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r503[Problem]:
        """
        The colleague is hung up, and the agent goes on with the caller.

        Tags: calls
        Status Codes:
            200: Done.
            409: No colleague is on the line.
        """
        return await _done(self.request, session_id, "cancel")


class TakeCall(View):
    """Taking a caller."""

    async def post(
        self, session_id: SessionId, /
    ) -> r200[CallDone] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r503[Problem]:
        """
        Rings one's own telephone for a caller who is with the dialog or in the queue, whoever's turn it is.

        Tags: calls
        Status Codes:
            200: It rings.
            404: No such call, or one has no telephone.
            409: Somebody has the caller, or one's telephone is busy.
        """
        actor = signed_in(self.request)
        require(actor, "call.take")
        return await _done(self.request, session_id, "take", user=actor.id)


class ListenToCall(View):
    """A supervisor's ear."""

    async def post(
        self, session_id: SessionId, /
    ) -> r200[CallDone] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r503[Problem]:
        """
        Rings one's own telephone to hear a call. One hears both sides and is heard by nobody. In the audit trail.

        Tags: calls
        Status Codes:
            200: It rings.
            404: No such call, or one has no telephone.
        """
        actor = signed_in(self.request)
        require(actor, "call.supervise")
        return await _done(self.request, session_id, "listen", user=actor.id, on=True)

    async def delete(
        self, session_id: SessionId, /
    ) -> r200[CallDone] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r503[Problem]:
        """
        Ends the listening; hanging up does too.

        Tags: calls
        Status Codes:
            200: Done.
        """
        actor = signed_in(self.request)
        require(actor, "call.supervise")
        return await _done(self.request, session_id, "listen", user=actor.id, on=False)


class Private(BaseModel):
    """Whether payment data is spoken now."""

    model_config = ConfigDict(extra="forbid")

    on: bool


class PrivateCall(View):
    """Payment data."""

    async def post(
        self, session_id: SessionId, /, given: Private
    ) -> r200[CallDone] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r503[Problem]:
        """
        Makes the recording silent and covers digits in captions and turns, or ends that. It ends by itself after
        `HOTLINE_PAYMENT_LONGEST` seconds. For the agent who has the call, and supervisors. In the audit trail.

        Tags: calls
        Status Codes:
            200: Done.
        """
        return await _done(self.request, session_id, "private", on=given.on)


class WhisperInCall(View):
    """A supervisor's word."""

    async def post(
        self, session_id: SessionId, /, given: Hold
    ) -> r200[CallDone] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r503[Problem]:
        """
        Lets the agent hear the supervisor who listens, or no longer. The caller hears nothing of it, nor does the recording.

        Tags: calls
        Status Codes:
            200: Done.
            409: One does not listen, or no agent is on the line.
        """
        actor = signed_in(self.request)
        require(actor, "call.supervise")
        return await _done(self.request, session_id, "whisper", user=actor.id, on=given.on)


class HangUpCall(View):
    """The end of a call."""

    async def post(
        self, session_id: SessionId, /
    ) -> r200[CallDone] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r503[Problem]:
        """
        Ends the call for everybody. For the agent who has it, and supervisors.

        Tags: calls
        Status Codes:
            200: Done.
        """
        return await _done(self.request, session_id, "hang_up")


class NewCall(BaseModel):
    """A call to the customer."""

    model_config = ConfigDict(extra="forbid")

    purpose: Literal["call back", "appointment"] = "call back"
    number: str = Field("", max_length=40, description="another number than the ticket's")
    at: AwareDatetime | None = Field(None, description="not before; empty: as soon as an agent is free")


class PromisedCall(BaseModel):
    promise: int = Field(description="what withdraws it")
    due: datetime
    purpose: str


class Withdrawn(BaseModel):
    ok: bool = True


class CallsOut(View):
    """Calls to a ticket's customer."""

    async def post(
        self, ticket_id: Id, /, given: NewCall
    ) -> r201[PromisedCall] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Promises to call the ticket's customer: an agent who is free is taken, the customer is called, and when he answers and
        has heard who we are, they speak. If nobody answers he is called again later; the timeline tells of each try.

        Tags: calls
        Status Codes:
            201: It is promised.
            409: The ticket is over.
            422: No number that could be called is known.
        """
        actor = signed_in(self.request)
        require(actor, "call.out")
        return reply(await db.run(_promise, actor, ticket_id, given), status=201)


class OneCallOut(View):
    """A call that was promised."""

    async def delete(
        self, ticket_id: Id, promise: Id, /
    ) -> r200[Withdrawn] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem]:
        """
        Takes the promise back.

        Tags: calls
        Status Codes:
            200: It is not made.
            409: It is being made, or is over.
        """
        actor = signed_in(self.request)
        require(actor, "call.out")
        await db.run(_withdraw, actor, ticket_id, promise)
        return reply(Withdrawn())


def _promise(actor: Actor, ticket_id: int, given: NewCall) -> PromisedCall:
    with db.write() as session:
        check_visible(session, actor, ticket_id)
        ticket = session.get_one(Ticket, ticket_id)
        if ticket.state in calling.OVER:
            raise Conflict("This ticket is over.", state=ticket.state)
        number = calling.e164_of(given.number) if given.number else calling.number_of(session, ticket)
        if not number:
            raise InvalidInput("No telephone number is known.", field="number")
        made = calling.promise_call(session, ticket, number, purpose=given.purpose, due=given.at, actor=actor.tag)
        audit.write(session, actor.tag, "call.promised", f"ticket:{ticket_id}", address=actor.address, promise=made)
        return PromisedCall(promise=made, due=given.at or clock.now(), purpose=given.purpose)


def _withdraw(actor: Actor, ticket_id: int, promise: int) -> None:
    with db.write() as session:
        check_visible(session, actor, ticket_id)
        row = session.get(outbox.PromiseRow, promise)
        if row is None or row.kind != calling.CALL_OUT or row.payload.get("ticket") != ticket_id:
            raise NotFound("There is no such promise.")
        if not outbox.withdraw(session, promise):
            raise Conflict("This call is being made, or is over.")
        record(session, session.get_one(Ticket, ticket_id), "call.withdrawn", actor.tag, promise=promise)


OWN = frozenset({"take", "listen", "whisper"})  # about one's own telephone; their permission has been looked at


async def _done(request: web.Request, session_id: str, what: str, **given: Any) -> Any:
    actor = signed_in(request)
    await db.run(_allowed, actor, session_id, what)
    return reply(CallDone(**await db.run(ask, session_id, what, **given)))


def _allowed(actor: Actor, session_id: str, what: str) -> None:
    """Raises NotFound, Forbidden; keeps in the audit trail that it was asked for."""
    require(actor, "call.take", "call.supervise")
    with db.write() as session:
        row = session.get(SessionRow, session_id)
        if row is None or row.state != "open":
            raise NotFound("There is no such open call.")
        if what not in OWN and row.facts.get("people", {}).get("agent") != actor.id:
            require(actor, "call.supervise")
        audit.write(session, actor.tag, f"call.{what}", f"call:{session_id}", address=actor.address)


def routes(api: web.Application) -> None:
    for name, view in (
        ("hold", HoldCall),
        ("transfer", TransferCall),
        ("transfer/complete", CompleteTransfer),
        ("transfer/cancel", CancelTransfer),
        ("take", TakeCall),
        ("listen", ListenToCall),
        ("private", PrivateCall),
        ("whisper", WhisperInCall),
        ("hang-up", HangUpCall),
    ):
        api.router.add_view(f"/calls/{{session_id}}/{name}", view)
    api.router.add_view("/tickets/{ticket_id}/calls", CallsOut)
    api.router.add_view("/tickets/{ticket_id}/calls/{promise}", OneCallOut)
