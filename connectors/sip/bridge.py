"""A caller and whoever took the call hear each other: both are recorded and recognised, each by itself; hold, and giving the
caller on to somebody else."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Literal

from asr import Final, Partial
from connectors.sip.hearing import Hearing, spoken
from connectors.sip.leg import first_of
from connectors.sip.music import Music
from connectors.sip.queue import TROUBLE, Reached
from connectors.sip.switchboard import Switchboard
from connectors.sip.track import Track
from core import clock, db, live, log
from core.errors import Conflict
from intake import HeardTurn, stage, waiting

if TYPE_CHECKING:
    from connectors.sip.call import Call

SPEAKER = "agent"
logger = log.get(__name__)
Next = Reached | Literal["queue"] | None


class Bridge:
    """``run`` lasts as long as they talk, and ends with who takes the caller next, "queue" where that failed, or None: one of
    them has hung up."""

    def __init__(self, call: Call, track: Track, reached: Reached, board: Switchboard) -> None:
        self.reached = reached
        self.held = False
        self.complete = True
        self.turns = 0
        self._call, self._track, self._board = call, track, board
        self._session = call.session_id
        self._hearing = Hearing(self._partial, self._final, SPEAKER)
        self._music = Music(call, board.sip)
        self._offset = 0
        self._over = asyncio.Event()
        self._giving = False  # a transfer is under way, from its first word to its end
        self._leaving = False
        self._next: Next = None
        self._consulted: Reached | None = None
        self._recalled: asyncio.Event | None = None  # while a colleague's telephone rings: not any more
        self._newest: Partial | None = None
        self._publishing: asyncio.Task[None] | None = None
        self._watching: asyncio.Task[None] | None = None

    async def run(self) -> Next:
        leg = self.reached.leg
        self._hearing.start()
        leg.on_voice, leg.on_held, leg.on_digit = self._voice, self._phone_held, self._pressed
        began = clock.now()
        self._call.joined(leg)
        try:
            await self._stage("talking")
            while not self._over.is_set() and not self._call.ended.is_set():
                await first_of(None, self._over, self._call.ended, *([] if self._leaving else [leg.ended]))
                if leg.ended.is_set() and not self._leaving:
                    if self._consulted is not None and self._consulted.leg.up:
                        self._give(self._consulted)  # who hangs up while he asks a colleague gives the caller to her
                    elif self._giving:
                        self._leaving = True  # her telephone rings still
                    elif leg.left:
                        break
                    else:
                        logger.warning("an agent's telephone was lost; its caller waits again", session=self._session)
                        self._give("queue")
        finally:
            await self._end((clock.now() - began).total_seconds())
        return self._next

    async def _end(self, seconds: float) -> None:
        self._over.set()
        leg = self.reached.leg
        leg.on_voice = leg.on_held = leg.on_digit = None
        self._call.joined(leg, on=False)
        leg.hang_up()  # before anything that could take its time
        await self._music.stop()
        if self._consulted is not None and self._next is not self._consulted:
            await self._drop(self._consulted)
        await self._hearing.finish(self._board.sip.last_words_seconds)
        self.complete = self._hearing.complete
        await self._drop(self.reached)
        logger.info("a conversation has ended", session=self._session, seconds=round(seconds, 1), turns=self.turns)

    async def _drop(self, reached: Reached) -> None:
        leg, people = reached.leg, self._board.people
        lost = leg.ended.is_set() and not leg.left
        leg.hang_up()
        await self._free(reached.agent, people.no_answer_rest if lost else people.wrap_up)

    async def _free(self, agent: waiting.Agent | None, rest: float = 0.0) -> None:
        if agent is not None:
            with contextlib.suppress(*TROUBLE):  # the session's end frees it too
                await db.run(waiting.let_go, self._session, agent.user_id, timedelta(seconds=rest))

    # Hold

    async def hold(self, *, on: bool) -> None:
        """The caller hears music and nobody hears him; or they talk again."""
        if self._giving or self._over.is_set():
            raise Conflict("The caller is being given on.")
        await self._hold(on=on)

    async def _hold(self, *, on: bool) -> None:
        if on == self.held:
            return
        self.held = on
        self._call.joined(self.reached.leg, on=not on)
        if on:
            self._music.start()
        else:
            await self._music.stop()
        await self._stage("held" if on else "talking")

    def _phone_held(self, held: bool) -> None:
        """The agent pressed hold on the telephone itself."""
        if not self._giving:
            self._watching = asyncio.create_task(self._hold(on=held))

    # Keys

    def pressed(self, digit: str) -> None:
        """A caller's key is for whom he talks with: a machine there may ask for it. Not while payment data is kept private."""
        if not self.held and not self._leaving and not self._call.privacy.on:
            self.reached.leg.press(digit)

    def _pressed(self, digit: str) -> None:
        """A key of the agent's: for the colleague he asks, else for the caller, whose line may end at a machine."""
        if self._consulted is not None:
            self._consulted.leg.press(digit)
        elif not self.held:
            self._call.press(digit)

    # Giving the caller on

    def begin_transfer(self) -> None:
        """Raises Conflict if the caller is being given on already, or is gone; from here on nobody else can."""
        if self._giving or self._over.is_set() or self.reached.leg.ended.is_set():
            raise Conflict("The caller is being given on already, or nobody talks with him any more.")
        self._giving = True

    def end_transfer(self) -> None:
        """It came to nothing. An agent who has hung up meanwhile leaves the caller to the next one."""
        self._giving = False
        if self._leaving:
            self._give("queue")

    @property
    def over(self) -> bool:
        """Whether nobody talks here any more."""
        return self._over.is_set()

    async def give(self, target: str, agent: waiting.Agent | None, name: str) -> None:
        """Blind: the agent goes, the caller hears music until the next one answers; if that fails he is back in the queue.
        After ``begin_transfer``."""
        self._leaving = True
        reached = None
        try:
            self._call.joined(self.reached.leg, on=False)
            self._music.start("transferred")
            await self._stage("ringing")
            await self._drop(self.reached)
            try:
                await self._board.room(self._call.line)
            except Conflict:
                await self._free(agent)
                raise
            reached = await self._ring(target, agent, name)
        except TROUBLE as error:
            logger.warning("a caller could not be put through", session=self._session, reason=type(error).__name__)
        finally:
            self._give(reached or "queue")

    async def give_to_asked(self, target: str, agent: waiting.Agent | None, name: str, replaces: str) -> None:
        """Attended by the telephone itself, which has the colleague on another call: the caller's takes its place. Where that call
        is over, the agent keeps him. After ``begin_transfer``."""
        reached = None
        try:
            reached = await self._ring(target, agent, name, replaces=replaces)
        finally:
            self.reached.leg.notify("200 OK" if reached else "503 Service Unavailable")
            if reached is None:
                self.end_transfer()
                if not self._over.is_set():
                    await self._hold(on=self.reached.leg.held)  # what was pressed meanwhile was left alone
            else:
                self._give(reached)

    async def consult(self, target: str, agent: waiting.Agent | None, name: str) -> None:
        """Attended: the caller holds while the agent speaks with somebody; ``finish`` or ``come_back`` ends that. After
        ``begin_transfer``."""
        reached = None
        recalled = self._recalled = asyncio.Event()
        try:
            await self._hold(on=True)
            reached = await self._ring(target, agent, name, recalled)
        finally:
            self._recalled = None
            if reached is None:
                self.end_transfer()
                if not self._over.is_set():
                    await self._hold(on=False)
        if reached is None:
            if recalled.is_set():
                return
            raise Conflict("Nobody answered there.")
        if self._leaving:
            self._give(reached)
            return
        self._consulted = reached
        self.reached.leg.joined(reached.leg)
        self._watching = asyncio.create_task(self._until_colleague_goes(reached))

    async def _until_colleague_goes(self, reached: Reached) -> None:
        await first_of(None, reached.leg.ended, self._over)
        if self._consulted is reached and not self._over.is_set():
            await self.come_back()

    def finish(self) -> None:
        """The colleague takes the caller."""
        if self._consulted is None or not self._consulted.leg.up or self._over.is_set():
            raise Conflict("No colleague is on the line.")
        self.reached.leg.joined(self._consulted.leg, on=False)
        self._give(self._consulted)

    async def come_back(self) -> None:
        """The agent goes on with the caller; a colleague's telephone that rings still stops."""
        if self._recalled is not None and not self._leaving and not self._over.is_set():
            self._recalled.set()
            return
        if self._consulted is None or self._over.is_set():
            raise Conflict("No colleague is on the line.")
        reached, self._consulted = self._consulted, None
        self.reached.leg.joined(reached.leg, on=False)
        await self._drop(reached)
        self.end_transfer()
        if not self._over.is_set():
            await self._hold(on=False)

    async def _ring(
        self, target: str, agent: waiting.Agent | None, name: str, *others: asyncio.Event, replaces: str = ""
    ) -> Reached | None:
        answered = False
        try:
            dial = self._board.call_phone if agent is not None else self._board.call_target
            leg = dial(self._call, target, self._call.about, replaces)
            answered = await leg.wait(self._board.people.ring_seconds, self._call.ended, self._over, *others)
        finally:
            if not answered:
                await self._free(agent)
        return Reached(leg=leg, agent=agent, name=name) if answered else None

    def _give(self, following: Next) -> None:
        if self._over.is_set():
            if isinstance(following, Reached) and following is not self._next:
                following.leg.hang_up()  # the session's end frees the telephone
            return
        self._next, self._leaving = following, True
        self._over.set()

    # What the agent says

    def _voice(self, pcm: bytes) -> None:
        missing = self._track.write(pcm)
        if not self._offset:
            self._offset = max(1, self._track.ms - len(pcm) // 32)
            missing = 0
        if missing:
            self._hearing.silence(missing)
        self._hearing.feed(pcm)

    async def _final(self, final: Final) -> None:
        text, words = spoken(final)
        at = self._offset
        moved = [(word, start + at, end + at, sure) for word, start, end, sure in words]
        turn = HeardTurn(speaker=SPEAKER, text=text, words=moved, start=final.start + at, end=final.end + at)
        self.turns += 1
        await self._call.note(turn)

    def _partial(self, partial: Partial) -> None:
        self._newest = partial
        if self._publishing is None or self._publishing.done():
            self._publishing = asyncio.create_task(self._publish())

    async def _publish(self) -> None:
        while (partial := self._newest) is not None:
            self._newest = None
            item = {"kind": "partial", "session": self._session, "speaker": SPEAKER}
            with contextlib.suppress(*TROUBLE):
                words = self._call.privacy.live(partial.text.replace(" ", ""))
                await db.run(live.publish, f"call:{self._session}", {**item, "text": words})

    async def _stage(self, name: str) -> None:
        agent = self.reached.agent
        about = {"agent": agent.user_id if agent else None, "agent_name": self.reached.name}
        with contextlib.suppress(*TROUBLE):
            await db.run(stage, self._session, stage=name, ahead=None, **about)
