"""What is understood of a call while it goes on: the fields that its draft would have now."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r401, r403, r404
from pydantic import BaseModel, Field
from sqlalchemy import select

from core import clock, db, settings
from core.errors import NotFound
from core.http import Problem, View, reply
from intake.call_api import SessionId
from intake.pipeline import understander
from intake.tables import SessionRow, TurnRow
from nlu import Context, Turn, Understanding
from ticketing import Actor, audit, masking, require, signed_in


class CallField(BaseModel):
    """A field with its best reading so far."""

    name: str
    value: str = Field(description="masked unless the reader may see it")
    confidence: float


class CallFields(BaseModel):
    turn: int = Field(description="the last turn that was read; 0: nothing was said yet")
    urgency: str
    intents: list[str] = Field(description="main one first")
    items: list[CallField]


class FieldsOfCall(View):
    """What is understood of a call so far."""

    async def get(self, session_id: SessionId, /) -> r200[CallFields] | r401[Problem] | r403[Problem] | r404[Problem]:
        """
        The fields, intents and urgency that are understood from the customer's finished turns of an open call. Read it again
        when `call:SESSION` brings a `turn` item. Following a call is in the audit trail.

        Tags: calls
        Status Codes:
            200: What is understood so far.
            404: There is no such call, or it has ended.
        """
        actor = signed_in(self.request)
        require(actor, "call.listen")
        return reply(await db.run(_understood, actor, session_id))


def _understood(actor: Actor, session_id: str) -> CallFields:
    plain = actor.may("personal.see")
    with db.read() as session:
        row = session.get(SessionRow, session_id)
        if row is None or row.state != "open":
            raise NotFound("There is no such open call.")
        turns = session.scalars(select(TurnRow).where(TurnRow.session_id == session_id).order_by(TurnRow.number)).all()
        said = tuple((turn.text, turn.expects) for turn in turns if turn.speaker == "customer")
    if plain:
        with db.write() as session:
            audit.write(session, actor.tag, "call.followed", f"call:{session_id}", address=actor.address)
    found = _read(said) if said else None
    return CallFields(
        turn=turns[-1].number if turns else 0,
        urgency=found.urgency if found else "normal",
        intents=[intent.name for intent in found.intents] if found else [],
        items=_best(found, plain=plain) if found else [],
    )


@lru_cache(maxsize=256)
def _read(said: Sequence[tuple[str, str]]) -> Understanding:
    """Kept a while: several colleagues follow the same call."""
    config = settings.get(settings.CoreSettings)
    turns = [Turn(text=text, channel="call", expects=expects) for text, expects in said]
    return understander().understand(turns, Context(now=clock.now(), zone=config.zone, region=config.region))


def _best(found: Understanding, *, plain: bool) -> list[CallField]:
    """One of each name, the surest; in the order in which they came up."""
    best: dict[str, CallField] = {}
    for field in found.fields:
        if field.name not in best or field.confidence > best[field.name].confidence:
            shown = field.value if plain else masking.field(field.name, field.value)
            best[field.name] = CallField(name=field.name, value=shown, confidence=field.confidence)
    return list(best.values())


def routes(api: web.Application) -> None:
    api.router.add_view("/calls/{session_id}/fields", FieldsOfCall)
