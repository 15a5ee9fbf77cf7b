"""The calls and chats that are going on, for those who may follow them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r401, r403, r404
from pydantic import BaseModel, Field
from sqlalchemy import select

from core import db
from core.errors import NotFound
from core.http import Problem, View, reply
from intake import call_api, call_fields
from intake.call_api import SessionId
from intake.tables import SessionRow, TurnRow
from ticketing import Actor, audit, masking, require, signed_in


class TurnAnswer(BaseModel):
    """One finished utterance; times in ms from the start of the recording."""

    number: int
    speaker: str = Field(description="customer, agent, system")
    text: str
    start: int
    end: int
    at: datetime


class CallAnswer(BaseModel):
    session: str
    channel: str
    caller: str = Field(description="masked unless the reader may see it")
    name: str
    opened: datetime
    heard_from: datetime
    direction: str = Field(description="in: the customer called; out: we did")
    stage: str = Field(description="dialog, queue, ringing (an agent's telephone), talking, held; dialing (out)")
    agent: int | None = Field(description="the user who talks with the caller, or whose telephone rings; null: nobody")
    agent_name: str = Field(description='"" for nobody; a number outside that the caller was put through to')
    listeners: list[int] = Field(description="supervisors who hear it")
    ahead: int | None = Field(description="callers before this one in the queue; null: not in the queue")
    private: bool = Field(description="payment data is spoken: the recording is silent, digits are covered")
    turns: list[TurnAnswer]


class CallList(BaseModel):
    items: list[CallAnswer]
    next: str | None = None


class Calls(View):
    """Calls that are going on."""

    async def get(self) -> r200[CallList] | r401[Problem] | r403[Problem]:
        """
        Open calls and chats with what was said so far and how they stand; `/live` tells what comes next on `call:SESSION`,
        and of a change of `stage` on `calls` (kind `changed`).

        Tags: calls
        Status Codes:
            200: All of them, the newest first, 200 at most.
        """
        actor = signed_in(self.request)
        require(actor, "call.listen")
        return reply(CallList(items=await db.run(_open, actor, None)))


class OneCall(View):
    """One call that is going on."""

    async def get(self, session_id: SessionId, /) -> r200[CallAnswer] | r401[Problem] | r403[Problem] | r404[Problem]:
        """
        One open call or chat. Following it is in the audit trail.

        Tags: calls
        Status Codes:
            200: The call.
            404: There is none, or it has ended.
        """
        actor = signed_in(self.request)
        require(actor, "call.listen")
        found = await db.run(_open, actor, session_id)
        if not found:
            raise NotFound("There is no such open call.")
        return reply(found[0])


def _open(actor: Actor, session_id: str | None) -> list[CallAnswer]:
    plain = actor.may("personal.see")
    with db.read() as session:
        query = select(SessionRow).where(SessionRow.state == "open").order_by(SessionRow.opened.desc()).limit(200)
        rows = session.scalars(query.where(SessionRow.id == session_id) if session_id else query).all()
        spoken = session.scalars(
            select(TurnRow).where(TurnRow.session_id.in_([row.id for row in rows])).order_by(TurnRow.number)
        ).all()
        calls = [_shown(row, [turn for turn in spoken if turn.session_id == row.id], plain=plain) for row in rows]
    if calls and plain:
        with db.write() as session:
            for call in calls:
                audit.write(session, actor.tag, "call.followed", f"call:{call.session}", address=actor.address)
    return calls


def _shown(row: SessionRow, turns: Sequence[TurnRow], *, plain: bool) -> CallAnswer:
    sender: dict[str, Any] = row.sender
    people: dict[str, Any] = row.facts.get("people", {})
    caller = str(sender.get("value", ""))
    return CallAnswer(
        session=row.id,
        channel=row.channel,
        caller=caller if plain else masking.identity(str(sender.get("kind", "")), caller),
        name=str(sender.get("name", "")),
        opened=row.opened,
        heard_from=row.heard_from,
        direction=str(row.facts.get("direction", "in")),
        stage=str(people.get("stage", "dialog")),
        agent=people.get("agent"),
        agent_name=_name(people, plain=plain),
        listeners=list(people.get("listeners", [])),
        ahead=people.get("ahead"),
        private=bool(people.get("private", False)),
        turns=[
            TurnAnswer(
                number=turn.number,
                speaker=turn.speaker,
                text=turn.text if plain else masking.text(turn.text),
                start=turn.start,
                end=turn.end,
                at=turn.at,
            )
            for turn in turns
        ],
    )


def _name(people: dict[str, Any], *, plain: bool) -> str:
    """Of the agent; a number outside is a personal one."""
    name = str(people.get("agent_name", ""))
    return name if plain or people.get("agent") is not None else masking.text(name)


def routes(api: web.Application) -> None:
    """Adds the views; ``ticketing.api.routes`` has put the finding of the user before them."""
    call_api.routes(api)
    call_fields.routes(api)
    api.router.add_view("/calls", Calls)
    api.router.add_view("/calls/{session_id}", OneCall)
