"""The controller of `hotline voice`: brings front, pjsua2 processes and calls together."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
from typing import Any

from redis import RedisError
from sqlalchemy.exc import SQLAlchemyError

from connectors.sip.call import Call
from connectors.sip.calling import begin
from connectors.sip.crew import Crew, Crewman
from connectors.sip.front import Front
from connectors.sip.leg import Leg
from connectors.sip.recording import forget_kept
from connectors.sip.referral import Referral, Referrals
from connectors.sip.registration import Registration
from connectors.sip.settings import LINES, PeopleSettings, SipSettings
from connectors.sip.switchboard import Switchboard
from core import db, log, settings
from core.errors import Conflict, HotlineError
from intake import sign_of_life, waiting
from intake.asking import answer_questions

LIFE_SECONDS = 3.0
DRAIN_SECONDS = 4.0
ASK_AGAIN_SECONDS = 1.0
logger = log.get(__name__)


class Controller:
    """``start`` returns when calls can come; ``stop`` ends running calls into their Messages."""

    def __init__(self, config: SipSettings) -> None:
        self.config = config
        self.front = Front(config)
        self.crew: Crew | None = None
        self.people = settings.get(PeopleSettings)
        self.calls: dict[tuple[str, int], Call | Leg] = {}
        self.board = Switchboard(config, self.people, self.front, self._register)
        self.registrations = [Registration(account, self.front) for account in config.accounts]
        self.front.on_refer = Referrals(self.front.answer, self._referred).came
        self._tasks: set[asyncio.Task[None]] = set()
        self._always: list[asyncio.Task[None]] = []
        self._owner = f"voice {socket.gethostname()[:40]} {os.getpid()}"

    async def start(self) -> None:
        self.config.recordings.mkdir(parents=True, exist_ok=True, mode=0o700)
        try:
            await db.run(forget_kept, self.config.recordings)
        except (SQLAlchemyError, HotlineError, OSError):  # calls are taken in any case
            logger.exception("what was left of earlier calls could not be removed")
        await self.front.start()
        self.crew = Crew(self.config, self.front.contact(), self._heard, f"127.0.0.1:{self.front.inner_port}")
        await self._count_phones()
        self._always = [asyncio.create_task(self._signs_of_life()), asyncio.create_task(self._listen())]
        await self.crew.start()
        for registration in self.registrations:
            registration.start()
        logger.info("calls are taken", host=self.config.host, port=self.front.port, lines=self.config.lines)

    async def stop(self) -> None:
        """New calls are refused; running ones are hung up and become Messages."""
        self.front.draining = True
        await asyncio.gather(*(registration.stop() for registration in self.registrations))
        for call in self.calls.values():
            call.hang_up()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=DRAIN_SECONDS)
        if self.crew is not None:
            await self.crew.stop()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=DRAIN_SECONDS)
        for task in self._always:
            task.cancel()
        await asyncio.gather(*self._always, return_exceptions=True)
        await self.front.stop()

    def _heard(self, member: Crewman, event: dict[str, Any]) -> None:
        name = event["event"]
        if name == "ready":
            self.front.add_line(member.name, event["port"])
        elif name == "dead":
            self.front.lose_line(member.name)
            for key in [key for key in self.calls if key[0] == member.name]:
                self.calls.pop(key).heard(event)
        elif name == "incoming":
            self._incoming(member, event)
        elif name == "freed":
            self.calls.pop((member.name, event["call"]), None)
            self.front.free_slot(event["id"])
        elif name == "unconfirmed":
            self.front.confirm(event["id"])
        elif name == "statistics":
            for number, packets, lost, held in event["calls"]:
                if call := self.calls.get((member.name, number)):
                    call.counted(packets, lost, held)
        elif call := self.calls.get((member.name, event.get("call", 0))):
            call.heard(event)

    def _incoming(self, member: Crewman, event: dict[str, Any]) -> None:
        call = Call(member, event["call"], event["id"], event["invite"], self.config, self._owner, self.board)
        self._run(member, call)

    def _register(self, member: Crewman, leg: Leg) -> None:
        self.calls[(member.name, leg.number)] = leg

    async def _count_phones(self) -> None:
        """Once agents have telephones, lines are kept free for them."""
        callers = self.people.callers
        with contextlib.suppress(SQLAlchemyError):
            callers = callers or (LINES // 2 if await db.run(waiting.somebody_has_a_phone) else LINES)
        self.front.routes.callers = callers or LINES

    async def _listen(self) -> None:
        """Does what is asked of its calls through the API."""
        while True:
            with contextlib.suppress(RedisError, OSError):
                await answer_questions(self._asked)
            await asyncio.sleep(ASK_AGAIN_SECONDS)

    async def _asked(self, session_id: str, what: str, given: dict[str, Any]) -> dict[str, Any] | None:
        if what == "dial":
            return await self._dial(given)
        for call in self.calls.values():
            if isinstance(call, Call) and call.session_id == session_id:
                return await call.people.asked(what, given)
        return None

    async def _dial(self, given: dict[str, Any]) -> dict[str, Any]:
        """Calls a customer, from the process with most room: for him and an agent."""
        lines = self.front.routes.lines
        members = [member for member in self.crew.members.values() if member.name in lines] if self.crew else []
        member = max(members, key=lambda one: lines[one.name].free, default=None)
        if member is None or self.front.draining or lines[member.name].free < 2:
            raise Conflict("No line is free.")
        call = await begin(member, given, self.config, self.board, self._owner)
        if call is not None:
            self._run(member, call)
        return {"session": call.session_id if call is not None else ""}

    def _run(self, member: Crewman, call: Call) -> None:
        self.calls[(member.name, call.number)] = call
        task = asyncio.create_task(call.run())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _referred(self, call_id: str, wanted: Referral) -> bool:
        """An agent's telephone gives the caller on; those who called us do not."""
        leg = next((one for one in self.calls.values() if isinstance(one, Leg) and one.sip_id == call_id), None)
        calls = [one for one in self.calls.values() if isinstance(one, Call)]
        return leg is not None and any([await call.people.referred(leg, wanted) for call in calls])

    async def _signs_of_life(self) -> None:
        while True:
            await asyncio.sleep(LIFE_SECONDS)
            await self._count_phones()
            sessions = [call.session_id for call in self.calls.values() if call.session_id]
            if sessions:
                try:
                    await db.run(sign_of_life, sessions)
                except Exception:
                    logger.exception("no sign of life could be given")
