"""A caller waits for a person: agents are rung one after the other, longest free first; meanwhile there is music, his place, and
the offer to be called back (key 1)."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy.exc import SQLAlchemyError

from connectors.sip.leg import Leg, first_of
from connectors.sip.music import Music, place_prompts
from connectors.sip.prompts import text_of
from connectors.sip.switchboard import Switchboard
from core import clock, db, log
from core.errors import HotlineError
from intake import HeardTurn, stage, waiting
from intake.waiting import Agent, Place

if TYPE_CHECKING:
    from connectors.sip.call import Call

LOOK_SECONDS = 0.5
CALL_BACK_KEY = "1"
TROUBLE = (HotlineError, SQLAlchemyError)  # a call outlives these
logger = log.get(__name__)


@dataclass(frozen=True, kw_only=True)
class Reached:
    """Somebody who answered. ``agent`` is None for a number outside."""

    leg: Leg
    agent: Agent | None
    name: str


class Queue:
    """One caller's wait. ``run`` ends with whom he reached, or why with nobody: "call back", "full", "too long", "nobody" (on
    duty), "gone"."""

    def __init__(self, call: Call, board: Switchboard, priority: int) -> None:
        self._call, self._board, self._priority = call, board, priority
        self._music = Music(call, board.sip)
        self._call_back = asyncio.Event()
        self._danger = False
        self._since: datetime | None = None
        self._queued = False
        self._tried: set[int] = set()
        self._owed: set[int] = set()  # whose telephones could not be freed yet
        self._told: tuple[int, ...] = ()
        self._announce_at = 0.0

    def pressed(self, digit: str) -> None:
        if digit == CALL_BACK_KEY:
            self._call_back.set()

    def urgent(self) -> None:
        """Danger was spoken of: before everybody else from now on."""
        self._danger = True

    async def run(self) -> Reached | str:
        self._since = clock.now()
        self._music.start()
        found: Reached | str = "gone"
        handed = False
        try:
            found = await self._look_out(_now() + self._board.people.queue_seconds)
            await self._leave()
            handed = True
        finally:
            if not handed:  # another agent has taken the caller
                if isinstance(found, Reached):
                    found.leg.hang_up()
                    if found.agent is not None:
                        await self._let_go(found.agent.user_id)
                await self._leave()
        return found

    async def _leave(self) -> None:
        await self._music.stop()
        with contextlib.suppress(*TROUBLE):  # the session's end takes him out too
            await db.run(waiting.leave_queue, self._call.session_id)

    async def _look_out(self, deadline: float) -> Reached | str:
        """A database that fails for a while does not end the wait."""
        troubled = False
        while not self._call.ended.is_set():
            if self._call_back.is_set():
                return "call back"
            found: Reached | str | None = None
            try:
                found = await self._look(deadline)
                troubled = False
            except TROUBLE as error:
                if not troubled:
                    logger.exception("a caller waits on through an error", reason=type(error).__name__)
                troubled, self._queued = True, False
                found = "too long" if _now() > deadline else None
            if found is not None:
                return found
            await first_of(LOOK_SECONDS, self._call.ended, self._call_back)
        return "gone"

    async def _look(self, deadline: float) -> Reached | str | None:
        """Whether it is his turn, and nobody's patience is at its end; None: he goes on waiting."""
        session_id, people = self._call.session_id, self._board.people
        for user_id in list(self._owed):
            await db.run(waiting.let_go, session_id, user_id)
            self._owed.discard(user_id)
        if self._danger and self._priority != waiting.EMERGENCY:
            self._priority, self._queued = waiting.EMERGENCY, False
        room = self._board.has_room(self._call.line)
        if room and not self._queued:
            await self._wait()
        elif not room and self._queued:  # whom nobody could be put through to beside holds up none of those behind
            await db.run(waiting.leave_queue, session_id)
            self._queued = False
        if not room:
            return "too long" if _now() > deadline else None
        place = await db.run(waiting.place_of, session_id)
        if not place.agents:
            return "nobody"
        if place.free and not place.ahead:
            reached = await self._try()
            if reached is None:
                await self._wait()
            return reached
        if not self._told and self._priority >= waiting.USUAL and place.ahead >= people.queue_length:
            return "full"
        if _now() > deadline and self._priority != waiting.EMERGENCY:
            return "too long"
        await self._tell(place)
        return None

    async def _wait(self) -> None:
        self._since = await db.run(waiting.wait, self._call.session_id, self._priority, self._since)
        self._queued = True

    async def _let_go(self, user_id: int, rest: float = 0.0) -> None:
        try:
            await db.run(waiting.let_go, self._call.session_id, user_id, timedelta(seconds=rest))
        except TROUBLE:
            self._owed.add(user_id)

    async def _try(self) -> Reached | None:
        """Rings the next agent; None if nobody answered, or the caller went or wants to be called back."""
        agent = await db.run(waiting.next_agent, self._call.session_id, tuple(self._tried))
        if agent is None:
            return None
        self._tried.add(agent.user_id)
        leg: Leg | None = None
        answered = False
        try:
            await db.run(stage, self._call.session_id, stage="ringing", agent=agent.user_id, agent_name=agent.name)
            leg = self._board.call_phone(self._call, agent.address, self._call.about)
            answered = await leg.wait(self._board.people.ring_seconds, self._call.ended, self._call_back)
        except HotlineError as error:
            logger.error("an agent's telephone cannot be called", user=agent.user_id, reason=error.message)
        finally:
            if not answered:
                if leg is not None:
                    leg.hang_up()
                wanted = self._call.ended.is_set() or self._call_back.is_set()
                rest = 0.0 if wanted else self._board.people.no_answer_rest
                await self._let_go(agent.user_id, rest)
                self._told = ()
        return Reached(leg=leg, agent=agent, name=agent.name) if answered and leg is not None else None

    async def _tell(self, place: Place) -> None:
        """Screens hear of every step forward, the caller now and then."""
        if self._told != (place.ahead,):
            self._told = (place.ahead,)
            known = {"agent": None, "agent_name": ""}
            await db.run(stage, self._call.session_id, stage="queue", ahead=place.ahead, **known)
        if _now() < self._announce_at:
            return
        first = not self._announce_at
        self._announce_at = _now() + self._board.people.announce_seconds
        minutes = (place.ahead + 1) * self._board.people.minutes_per_call / max(1, place.agents)
        names = (*(("agents_busy",) if first else ()), *place_prompts(place.ahead, minutes), "callback_offer")
        self._music.announce(names)
        text = "".join(text_of(name) for name in names)
        at = self._call.ms
        await self._call.note(HeardTurn(speaker="system", text=text, expects="queue", start=at, end=at))


def _now() -> float:
    return asyncio.get_running_loop().time()
