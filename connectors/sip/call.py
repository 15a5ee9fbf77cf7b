"""One call from its INVITE to its Message: session before the answer, turns while it goes on, recording on disk."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any

from asr import Final, Partial
from connectors.sip.caller import called_of, caller_of
from connectors.sip.crew import Crewman
from connectors.sip.digits import Keypad
from connectors.sip.hearing import Hearing, spoken
from connectors.sip.leg import Party
from connectors.sip.message import NotSip, SipMessage, parse
from connectors.sip.people import People
from connectors.sip.privacy import Privacy
from connectors.sip.recording import Recording, forget, keep, path_of
from connectors.sip.settings import SipSettings
from connectors.sip.switchboard import Switchboard
from connectors.sip.talk import Talk
from connectors.sip.track import Track
from core import db, live, log
from core.errors import HotlineError
from intake import HeardTurn, Sender, end_session, open_session, waiting

logger = log.get(__name__)
CHANNEL = "sip"


class Call(Party):
    """``number`` is the process's own of this call. ``run`` ends when the Message is in the inbox."""

    def __init__(
        self, line: Crewman, number: int, sip_id: str, invite: str, config: SipSettings, owner: str, board: Switchboard
    ) -> None:
        super().__init__(line, number)
        self.sip_id, self.config, self.owner = sip_id, config, owner
        self.session_id = ""
        self.outcome = "completed"
        self._invite = _invite(invite)
        self._number = ""
        self._confirmed = False
        self.up = asyncio.Event()
        self.status = 0  # the last response's, when it is over
        self._listening = False
        self._early: list[bytes] = []
        self._recording: Recording | None = None
        self._hearing = Hearing(self._partial, self._final)
        self._keypad = Keypad(self._typed)
        self._talk: Talk | None = None
        self.people = People(self, board)
        self.privacy = Privacy(self._recordings)
        self._packets, self._quiet_since, self._lost = 0, 0.0, 0
        self._turns = 0
        self._publishing: asyncio.Task[None] | None = None
        self._newest: Partial | None = None
        self._running: set[asyncio.Task[None]] = set()

    # What the process tells

    def heard(self, event: dict[str, Any]) -> None:
        """Takes an event of the process; never blocks."""
        name = event["event"]
        if name == "voice":
            self._voice(event["pcm"])
        elif name == "confirmed" and not self._confirmed:
            self._confirmed = True
            self.up.set()
            self._quiet_since = asyncio.get_running_loop().time()
            if self._talk is not None:
                self._talk.start()
        elif name == "digit":
            if self.people.pressed(event["digit"]):
                return
            self._keypad.press(event["digit"], self._ms)
            if self._talk is not None:
                self._talk.pressed(event["digit"])
        elif name == "played":
            self._played(event["token"])
        elif name == "ended":
            self._lost, self.status = event["lost"], event["status"]
            self._packets = max(self._packets, event["packets"])
            self.ended.set()
        elif name == "dead":
            self.outcome = "broken off"
            self.ended.set()

    def counted(self, packets: int, lost: int, held: bool) -> None:
        """The RTP counters, once a second: no packets look like silence in the frames."""
        now = asyncio.get_running_loop().time()
        self._lost = lost
        if packets != self._packets or held or not self._confirmed:
            self._packets, self._quiet_since = max(packets, self._packets), now
        elif now - self._quiet_since > self.config.no_audio_seconds:
            self.outcome = "broken off"
            self.hang_up()

    @property
    def _ms(self) -> int:
        return self._recording.ms if self._recording else 0

    # Its life

    async def run(self) -> None:
        try:
            if not await self._open():
                return
            if await self._answer():
                await self._last()
        except Exception:
            logger.exception("a call went wrong", call=self.session_id)
            self.outcome = "broken off"
            self.hang_up(500)
        finally:
            if self.session_id:
                await self._end()

    async def _open(self) -> bool:
        """Before the answer: what is not on disk was not taken."""
        if self.ended.is_set():
            return False
        caller = caller_of(self._invite)
        self._number = caller.number
        sender = Sender(kind="phone", value=caller.number, name=caller.name, verified=caller.asserted)
        facts = {"called": called_of(self._invite), "sip_id": self.sip_id[:200]}
        try:
            self.session_id = await db.run(
                open_session, CHANNEL, self.sip_id[:255] or "-", sender, owner=self.owner, facts=facts
            )
            self._recording = await db.run(Recording, self.config.recordings, self.session_id)
        except Exception:
            logger.exception("a call could not be taken in")
            self.hang_up(503)
            self.outcome = "missed"
            return False
        return True

    async def _answer(self) -> bool:
        """Whether the call is up (or was, for a moment)."""
        if self.config.ring_seconds:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), self.config.ring_seconds)
        if self.ended.is_set():
            self.outcome = "missed"
            return False
        self._talk = Talk(self, self.config, self._number)
        self._listen()
        self.line.tell({"event": "answer", "call": self.number, "status": 200})
        if self._confirmed:
            self._talk.start()
        return True

    def _listen(self) -> None:
        """From here on what is heard is recorded and recognised."""
        self._hearing.start()
        self._listening = True
        for pcm in self._early:
            self._voice(pcm)
        self._early.clear()

    async def _last(self) -> None:
        try:
            await asyncio.wait_for(self.ended.wait(), self.config.max_call_seconds)
        except TimeoutError:
            self.outcome = "too long"
            self.hang_up()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.ended.wait(), 10)

    async def _end(self) -> None:
        """From here on nothing depends on the caller any more."""
        if self._talk is not None:
            await self._talk.stop()
        try:
            await self.people.stop()
        finally:
            for leg in self.legs:  # whatever went wrong, no telephone stays in an empty call
                leg.hang_up()
        await self._keypad.flush(self._ms)
        if not self._confirmed and self.outcome == "completed":
            self.outcome = "missed"
        await self._hearing.finish(self.config.last_words_seconds)  # last words may be what a recording must not have
        facts = await self._kept()
        facts |= {
            "complete": self._hearing.complete and self.people.complete,
            "packets": self._packets,
            "lost": self._lost,
            "answered": self._listening,
        }
        facts |= self.people.facts() | self.privacy.facts()
        if self._talk is not None:
            await self._talk.conclude()
            facts |= self._talk.facts()
        if self.outcome == "completed" and not self._packets:
            self.outcome = "silent"
        try:
            await db.run(end_session, self.session_id, self.outcome, facts)
        except HotlineError as error:
            logger.error("a call's session could not be ended; the sweeper will", reason=error.message)
            return
        if facts.get("recording"):
            with contextlib.suppress(OSError):
                await db.run(forget, path_of(self.config.recordings, self.session_id))
        logger.info("a call has ended", session=self.session_id, outcome=self.outcome, turns=self._turns)

    async def _kept(self) -> dict[str, Any]:
        if self._recording is None:
            return {}
        for recording in self._recordings():
            recording.close()
        try:
            reference, ms = await db.run(keep, self._recording.path)
        except Exception:
            logger.exception("a recording could not be kept; its raw file stays")
            return {}
        return {"recording": reference, "duration_ms": ms}

    # What is heard

    def _voice(self, pcm: bytes) -> None:
        if self._recording is None or not self._listening:
            if len(self._early) < 250:
                self._early.append(pcm)
            return
        if self.people.track is not None and (lead := self.people.track.lead()):
            self._recording.silence(lead)  # the agents' time went on while ours stood still
            self._hearing.silence(lead)
        if self.privacy.look():
            self._start(self.privacy.tell(self.session_id))
        self._recording.write(pcm)
        for recording in self._recordings():
            if recording.wants_sync():
                recording.syncing = True  # a disk that stalls must not be asked again with each piece of voice
                self._start(_sync(recording))
        self._hearing.feed(pcm)

    def _recordings(self) -> list[Recording]:
        track = self.people.track.recording if self.people.track is not None else None
        return [recording for recording in (self._recording, track) if recording is not None]

    def _partial(self, partial: Partial) -> None:
        self._newest = partial
        if self._talk is not None:
            self._talk.hears(partial)
        if self._publishing is None or self._publishing.done():
            self._publishing = self._start(self._publish())

    async def _publish(self) -> None:
        while (partial := self._newest) is not None:
            self._newest = None
            words = self.privacy.live(partial.text.replace(" ", ""))
            item = {"kind": "partial", "session": self.session_id, "speaker": "customer", "text": words}
            with contextlib.suppress(HotlineError):
                await db.run(live.publish, f"call:{self.session_id}", item)

    async def _final(self, final: Final) -> None:
        text, words = spoken(final)
        expects = self._talk.expects if self._talk is not None else ""
        turn = HeardTurn(speaker="customer", text=text, words=words, expects=expects, start=final.start, end=final.end)
        turn = await self.note(turn)
        if self._talk is not None:
            self._talk.heard(turn)
            if self._talk.is_danger(text):
                self.people.urgent()

    async def _typed(self, turn: HeardTurn) -> None:
        if self._talk is not None:
            turn = replace(turn, expects=self._talk.expects or turn.expects)
        turn = await self.note(turn)
        if self._talk is not None:
            self._talk.heard(turn)

    async def note(self, turn: HeardTurn) -> HeardTurn:
        """Keeps a turn at once; as it was kept."""
        self._turns += 1
        return await self.privacy.keep(self.session_id, turn)

    # What is said

    async def expect(self, endpointing: str) -> None:
        await self._hearing.expect(endpointing)

    @property
    def ms(self) -> int:
        """How much has been recorded."""
        return self._ms

    @property
    def about(self) -> str:
        """Who calls, as an agent's telephone shows it."""
        return self._number

    @property
    def answered(self) -> bool:
        return self._confirmed

    # People

    async def can_hand_over(self) -> bool:
        """Whether somebody takes calls now."""
        return await db.run(waiting.somebody_on_duty)

    async def hand_over(self, *, urgent: bool) -> None:
        """The dialog is over; a person is looked for."""
        await self.expect("free")
        self.people.begin(waiting.EMERGENCY if urgent else waiting.USUAL)

    async def end_dialog(self) -> None:
        if self._talk is not None:
            await self._talk.leave()
            self.hush()

    def agents_track(self) -> Track:
        """Where agents' voices are recorded, beside the caller's."""
        if self._recording is None:
            raise RuntimeError("a call that is not recorded has no agents")
        return Track(self.config.recordings, self.session_id, self._recording)

    @property
    def listens(self) -> bool:
        """Whether words can still come."""
        return self._hearing.listens and not self.ended.is_set()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task


async def _sync(recording: Recording) -> None:
    try:
        with contextlib.suppress(HotlineError):  # too much is waiting: with a later piece
            await db.run(recording.sync)
    finally:
        recording.syncing = False


def _invite(text: str) -> SipMessage:
    try:
        return parse(text.encode("utf-8", "surrogateescape"))
    except NotSip:
        return SipMessage("INVITE", "")
