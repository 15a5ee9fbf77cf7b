"""What people do with a call that is going on: hold it, give it on, take it, hear it, end it.

The process that holds the call does it (``intake.asking``); it answers at once whether it can be done, and what becomes of it is seen
in the call's ``stage``.
"""

from __future__ import annotations

from typing import Annotated, Any

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r401, r403, r404, r409, r422, r503
from pydantic import BaseModel, ConfigDict, Field, model_validator

from core import db
from core.errors import NotFound
from core.http import Problem, View, reply
from intake.asking import ask
from intake.tables import SessionRow
from ticketing import Actor, audit, require, signed_in

SessionId = Annotated[str, Field(pattern=r"^[0-9a-f]{32}$")]


class CallDone(BaseModel):
    """It was begun, or done."""

    done: str


class Hold(BaseModel):
    """Whether the caller is to wait."""

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


OWN = frozenset({"take", "listen"})  # about one's own telephone; their permission has been looked at


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
        ("hang-up", HangUpCall),
    ):
        api.router.add_view(f"/calls/{{session_id}}/{name}", view)
