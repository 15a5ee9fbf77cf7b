"""The people on a call beside the caller: waited for, brought in, listening. What the API asks of a running call ends here."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from connectors.sip.bridge import Bridge
from connectors.sip.leg import Leg, first_of
from connectors.sip.music import Music
from connectors.sip.prompts import load, text_of
from connectors.sip.queue import TROUBLE, Queue, Reached
from connectors.sip.referral import Referral
from connectors.sip.switchboard import Switchboard
from connectors.sip.targets import uri_of
from connectors.sip.track import Track
from core import clock, db, log
from core.errors import Conflict, HotlineError, InvalidInput
from intake import HeardTurn, stage, waiting
from intake.waiting import Agent

if TYPE_CHECKING:
    from connectors.sip.call import Call

LONGEST_FAREWELL = 20.0  # s
STOP_SECONDS = 2.0
logger = log.get(__name__)


class People:
    """Of one call. ``begin`` puts the caller through; ``stop`` when the call is over."""

    def __init__(self, call: Call, board: Switchboard) -> None:
        self._call, self._board = call, board
        self._queue: Queue | None = None
        self._bridge: Bridge | None = None
        self._task: asyncio.Task[None] | None = None
        self._listeners: dict[int, Leg] = {}
        self._whispering: set[int] = set()
        self._asked: set[asyncio.Task[None]] = set()
        self._taken = False  # an agent has answered who takes the caller out of the dialog or the queue
        self._began = 0.0
        self._facts: dict[str, Any] = {}
        self._talked: list[dict[str, Any]] = []
        self.track: Track | None = None
        self.complete = True

    # What the call knows

    @property
    def busy(self) -> bool:
        """Whether the caller was given to people, so that the dialog is over."""
        return self._task is not None

    def pressed(self, digit: str) -> bool:
        """Whether a key was meant for us. Of one pressed while somebody talks with the caller the other side hears too."""
        if self._bridge is not None:
            self._bridge.pressed(digit)
        if self._queue is None:
            return False
        self._queue.pressed(digit)
        return True

    def urgent(self) -> None:
        """Danger was spoken of."""
        if self._queue is not None:
            self._queue.urgent()

    def facts(self) -> dict[str, Any]:
        """For the ticket: how long the caller waited, who talked with him, what he wants."""
        found = {**self._facts, **({"talked": self._talked} if self._talked else {})}
        return {"people": {**found, "rest": self._board.people.wrap_up}} if found else {}

    # Its life

    def begin(self, priority: int) -> None:
        """From here on a person is looked for."""
        if self._task is None:
            self._began = _now()
            self._task = asyncio.create_task(self._run(self._wait(priority)))

    def call_out(self, agent: Agent, prompt: str) -> None:
        """A customer whom we have called: he hears who we are while the agent's telephone rings."""
        self._began = _now()
        self._task = asyncio.create_task(self._run(self._fetch(agent, prompt)))

    async def _fetch(self, agent: Agent, prompt: str) -> Reached | str:
        session_id = self._call.session_id
        music = Music(self._call, self._board.sip)
        music.start(prompt)
        leg: Leg | None = None
        handed = False
        try:
            await self._call.note(HeardTurn(speaker="system", text=text_of(prompt), expects="open", start=0, end=0))
            await db.run(stage, session_id, stage="ringing", agent=agent.user_id, agent_name=agent.name)
            leg = self._board.call_phone(self._call, agent.address, self._call.about)
            up = await leg.wait(self._board.people.ring_seconds, self._call.ended)
            await music.stop()
            handed = up
        except TROUBLE as error:
            logger.error("an agent's telephone cannot be called", user=agent.user_id, reason=type(error).__name__)
        finally:
            if not handed:
                if leg is not None:
                    leg.hang_up()
                await music.stop()
                rest = 0.0 if self._call.ended.is_set() else self._board.people.no_answer_rest
                await self._free(agent, rest)
        return Reached(leg=leg, agent=agent, name=agent.name) if handed and leg is not None else "queue"

    async def _free(self, agent: Agent | None, rest: float = 0.0) -> None:
        if agent is not None:
            with contextlib.suppress(*TROUBLE):  # the session's end frees it too
                await db.run(waiting.let_go, self._call.session_id, agent.user_id, timedelta(seconds=rest))

    async def stop(self) -> None:
        """The call is over. Waiting and talking notice it by themselves, and keep their last words."""
        for task in self._asked:
            task.cancel()
        await asyncio.gather(*self._asked, return_exceptions=True)
        if self._task is not None:
            seconds = self._board.sip.last_words_seconds + STOP_SECONDS
            done, _ = await asyncio.wait({self._task}, timeout=seconds)
            if not done:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
        for leg in self._listeners.values():
            leg.hang_up()
        with contextlib.suppress(*TROUBLE):
            await db.run(waiting.leave_queue, self._call.session_id)

    async def _run(self, first: Any) -> None:
        try:
            following = await first
            while following is not None:
                if isinstance(following, Reached):
                    following = await self._talk(following)
                elif following == "queue":
                    following = await self._wait(waiting.PROMISED)
                else:
                    await self._farewell(following)
                    return
            self._call.hang_up()
        except Exception:
            logger.exception("a caller could not be put through", session=self._call.session_id)
            await self._farewell("an error")

    async def _wait(self, priority: int) -> Reached | str | None:
        self._queue = Queue(self._call, self._board, priority)
        try:
            found = await self._queue.run()
        finally:
            self._queue = None
            self._facts["waited"] = round(self._facts.get("waited", 0.0) + _now() - self._began, 1)
        if found == "gone":
            self._facts["wish"] = "call back"  # he gave up waiting
            return None
        return found

    async def _talk(self, reached: Reached) -> Any:
        if self.track is None:
            self.track = self._call.agents_track()
        began, at = clock.now(), self._call.ms
        self._facts.pop("wish", None)
        bridge = self._bridge = Bridge(self._call, self.track, reached, self._board)
        self._taken = False
        self._whispering.clear()  # it was meant for the one before
        for listener in self._listeners.values():
            reached.leg.heard_by(listener)
        try:
            return await bridge.run()
        finally:
            self._bridge, self._began = None, _now()
            self.complete = self.complete and bridge.complete
            agent = reached.agent.user_id if reached.agent else None
            talk = {"agent": agent, "name": reached.name, "at": began.isoformat(), "start": at, "end": self._call.ms}
            self._talked.append({**talk, "turns": bridge.turns})

    async def _farewell(self, why: str) -> None:
        """Nobody could be reached, or the caller wants to be called: he is told so, and the ticket says it."""
        self._facts |= {"wish": "call back", "because": why}
        name = "callback_kept" if why == "call back" else "agents_all_busy"
        at = self._call.ms
        with contextlib.suppress(*TROUBLE):
            await self._call.note(
                HeardTurn(speaker="system", text=text_of(name), expects="end.call_back", start=at, end=at)
            )
        voice = load(name, self._board.sip)
        if voice:
            await first_of(min(LONGEST_FAREWELL, len(voice) / 32_000 + 2), self._call.say(voice), self._call.ended)
        self._call.hang_up()

    # What is asked through the API

    async def asked(self, what: str, given: dict[str, Any]) -> dict[str, Any]:
        """Raises Conflict for what is not possible as the call stands, and what bringing somebody in raises."""
        if self._call.ended.is_set():
            raise Conflict("This call has ended.")
        if what == "hang_up":
            self._call.hang_up()
        elif what == "hold":
            await self._talking().hold(on=bool(given["on"]))
        elif what == "transfer":
            await self.transfer(given)
        elif what == "private":
            self._call.privacy.ask(on=bool(given["on"]))
        elif what == "complete":
            self._talking().finish()
        elif what == "cancel":
            await self._talking().come_back()
        elif what == "take":
            await self._take(int(given["user"]))
        elif what == "listen":
            await self._listen(int(given["user"]), on=bool(given["on"]))
        elif what == "whisper":
            self._whisper(int(given["user"]), on=bool(given["on"]))
        else:
            raise InvalidInput("Nobody knows how to do this.")
        return {"done": what}

    def _talking(self) -> Bridge:
        if self._bridge is None:
            raise Conflict("Nobody talks with this caller.")
        return self._bridge

    async def transfer(self, given: dict[str, Any]) -> None:
        """``user``: an agent, or ``number``: an extension or number; ``attended``: asked first."""
        bridge = self._talking()
        user, number, attended = given.get("user"), str(given.get("number") or ""), bool(given.get("attended"))
        if user is not None and bridge.reached.agent is not None and bridge.reached.agent.user_id == user:
            raise Conflict("This agent has the call.")
        bridge.begin_transfer()
        try:
            if attended:
                await self._board.room(self._call.line)
            session_id = self._call.session_id
            agent = await (
                db.run(waiting.take_agent, session_id, int(user))
                if user is not None
                else self._agent_or_number(session_id, number)
            )
            await self._still(bridge, agent)
        except BaseException:
            bridge.end_transfer()
            raise
        target, name = (agent.address, agent.name) if agent else (number, number)
        self._start((bridge.consult if attended else bridge.give)(target, agent, name))

    async def _agent_or_number(self, session_id: str, target: str) -> Agent | None:
        """Takes the agent who has this extension; None for another extension or number that may be called."""
        agent = await db.run(waiting.take_extension, session_id, target)
        if agent is None:
            uri_of(target, self._board.sip, self._board.people)
        return agent

    async def _still(self, bridge: Bridge, agent: Agent | None) -> None:
        if bridge.over:
            await self._free(agent)
            raise Conflict("Nobody talks with this caller any more.")

    async def _take(self, user_id: int) -> None:
        """An agent takes the caller out of the dialog or the queue, to her own telephone."""
        if self._bridge is not None or self._taken:
            raise Conflict("Somebody talks with this caller.")
        if not self._call.answered:
            raise Conflict("This call is not answered yet.")
        await self._board.room(self._call.line)
        agent = await db.run(waiting.take_agent, self._call.session_id, user_id)
        self._start(self._bring(agent))

    async def _bring(self, agent: Agent) -> None:
        leg: Leg | None = None
        up = False
        try:
            leg = self._board.call_phone(self._call, agent.address, self._call.about)
            up = await leg.wait(self._board.people.ring_seconds, self._call.ended)
        except HotlineError as error:
            logger.warning("an agent's telephone cannot be called", user=agent.user_id, reason=error.message)
        if leg is None or not up or self._bridge is not None or self._taken:
            if leg is not None:
                leg.hang_up()
            await self._free(agent)
            return
        self._taken = True
        try:
            await self._call.end_dialog()  # first, for it could still hand over
            if self._task is not None:
                self._task.cancel()
                await asyncio.gather(self._task, return_exceptions=True)
        except BaseException:
            leg.hang_up()
            self._taken = False
            raise
        self._began = _now()
        self._task = asyncio.create_task(self._run(_now_reached(Reached(leg=leg, agent=agent, name=agent.name))))

    async def _listen(self, user_id: int, *, on: bool) -> None:
        """A supervisor hears both and is heard by nobody."""
        if not on:
            if (leg := self._listeners.pop(user_id, None)) is None:
                raise Conflict("This user does not listen.")
            leg.hang_up()
            return
        if user_id in self._listeners:
            raise Conflict("This user listens already.")
        await self._board.room(self._call.line)
        agent = await db.run(waiting.take_agent, self._call.session_id, user_id)
        try:
            leg = self._listeners[user_id] = self._board.call_phone(self._call, agent.address, self._call.about)
        except HotlineError:
            await self._free(agent)
            raise
        self._start(self._let_listen(user_id, leg))

    def _whisper(self, user_id: int, *, on: bool) -> None:
        """A supervisor who listens is heard by the agent, not by the caller and not in the recording."""
        leg = self._listeners.get(user_id)
        if leg is None or not leg.up:
            raise Conflict("This user does not listen.")
        if self._talking().reached.agent is None:
            raise Conflict("No agent is on the line.")
        leg.heard_by(self._talking().reached.leg, on=on)
        (self._whispering.add if on else self._whispering.discard)(user_id)

    async def _let_listen(self, user_id: int, leg: Leg) -> None:
        try:
            if await leg.wait(self._board.people.ring_seconds, self._call.ended):
                self._call.heard_by(leg)
                if self._bridge is not None:
                    self._bridge.reached.leg.heard_by(leg)
                await self._show_listeners()
                await first_of(None, leg.ended, self._call.ended)
        finally:
            self._listeners.pop(user_id, None)
            self._whispering.discard(user_id)
            leg.hang_up()
            with contextlib.suppress(*TROUBLE):  # the session's end frees it too
                await db.run(waiting.let_go, self._call.session_id, user_id)
            await self._show_listeners()

    async def _show_listeners(self) -> None:
        """Whoever sees the call sees who hears it."""
        hearing = [user_id for user_id, leg in self._listeners.items() if leg.up]
        with contextlib.suppress(*TROUBLE):
            await db.run(stage, self._call.session_id, listeners=hearing)

    async def referred(self, leg: Leg, wanted: Referral) -> bool:
        """An agent's telephone gives its caller on (REFER); False if it has none, or may not call there."""
        bridge = self._bridge
        if bridge is None or bridge.reached.leg is not leg:
            return False
        try:
            bridge.begin_transfer()
        except Conflict:
            return False
        try:
            if wanted.replaces:
                await self._board.room(self._call.line)
            agent = await self._agent_or_number(self._call.session_id, wanted.target)
            await self._still(bridge, agent)
        except BaseException as error:
            bridge.end_transfer()
            if not isinstance(error, TROUBLE):
                raise
            logger.warning("a telephone may not put through there", reason=type(error).__name__)
            return False
        target, name = (agent.address, agent.name) if agent else (wanted.target, wanted.target)
        if wanted.replaces:
            self._start(bridge.give_to_asked(target, agent, name, wanted.replaces))
        else:
            leg.notify("200 OK")
            self._start(bridge.give(target, agent, name))
        return True

    def _start(self, work: Any) -> None:
        task: asyncio.Task[None] = asyncio.create_task(self._kept(work))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def _kept(self, work: Any) -> None:
        try:
            await work
        except HotlineError as error:
            logger.warning("what was asked of a call was not possible", reason=error.message)
        except Exception:
            logger.exception("what was asked of a call went wrong", session=self._call.session_id)


async def _now_reached(reached: Reached) -> Reached:
    return reached


def _now() -> float:
    return asyncio.get_running_loop().time()
