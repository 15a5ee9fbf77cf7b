"""Calls as the controller holds them: what every one can do, and those that we make, to a telephone or a number."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any

from connectors.sip.crew import Crewman

HUNG_UP = 200  # what a call's end by BYE is to pjsip


class Party:
    """One call of a pjsua2 process: spoken to, and ended."""

    def __init__(self, line: Crewman, number: int) -> None:
        self.line, self.number = line, number
        self.sip_id = ""
        self.ended = asyncio.Event()
        self.legs: list[Leg] = []  # dialled for this one
        self._prompts: dict[int, asyncio.Event] = {}
        self._tokens = 0

    def say(self, voice: bytes) -> asyncio.Event:
        """Begins to play; the event is set when it has been heard or stopped."""
        self._tokens += 1
        done = self._prompts[self._tokens] = asyncio.Event()
        self.line.play(self.number, self._tokens, voice)
        return done

    def hush(self) -> None:
        self.line.tell({"event": "stop_prompt", "call": self.number})

    def hang_up(self, status: int = 0) -> None:
        self.line.tell({"event": "hang_up", "call": self.number, "status": status})

    def press(self, digit: str) -> None:
        """Sends a key to the other side (RFC 4733)."""
        self.line.tell({"event": "press", "call": self.number, "digit": digit})

    def heard_by(self, other: Party, *, on: bool = True) -> None:
        """Has the other hear this one, in the process that both are in; or no longer."""
        event = "join" if on else "part"
        self.line.tell({"event": event, "call": self.number, "to": other.number})

    def joined(self, other: Party, *, on: bool = True) -> None:
        """The same both ways."""
        self.heard_by(other, on=on)
        other.heard_by(self, on=on)

    def _played(self, token: int) -> None:
        if waiting := self._prompts.pop(token, None):
            waiting.set()


class Leg(Party):
    """A call that we make. ``answered`` and ``ended`` tell how far it came; ``on_...`` get what comes from the other side."""

    session_id = ""

    def __init__(self, line: Crewman, number: int, no_audio_seconds: float) -> None:
        super().__init__(line, number)
        self.answered = asyncio.Event()
        self.held = False
        self.left = False  # it was hung up there, and not lost
        self._lost = False
        self.on_voice: Callable[[bytes], None] | None = None
        self.on_digit: Callable[[str], None] | None = None
        self.on_held: Callable[[bool], None] | None = None
        self._no_audio_seconds = no_audio_seconds
        self._packets, self._quiet_since = 0, 0.0

    @property
    def up(self) -> bool:
        return self.answered.is_set() and not self.ended.is_set()

    def dial(self, uri: str, shown: str, replaces: str = "") -> None:
        """``replaces``: the call there whose place this one takes."""
        self.line.tell({"event": "dial", "call": self.number, "uri": uri, "from": shown, "replaces": replaces})

    def notify(self, status: str) -> None:
        """Tells the telephone what became of what it asked (REFER)."""
        self.line.tell({"event": "notify", "call": self.number, "status": status})

    def heard(self, event: dict[str, Any]) -> None:
        """Takes an event of the process; never blocks."""
        name = event["event"]
        if name == "voice":
            if self.on_voice is not None:
                self.on_voice(event["pcm"])
        elif name == "confirmed":
            self._quiet_since = asyncio.get_running_loop().time()
            self.answered.set()
        elif name == "held":
            self.held = event["held"]
            if self.on_held is not None:
                self.on_held(self.held)
        elif name == "digit":
            if self.on_digit is not None:
                self.on_digit(event["digit"])
        elif name == "played":
            self._played(event["token"])
        elif name == "dialled":
            self.sip_id = event["id"]
        elif name in ("ended", "dead"):
            self.left = not self._lost and event.get("status") == HUNG_UP
            self.ended.set()

    def counted(self, packets: int, lost: int, held: bool) -> None:
        """A telephone whose voice stopped coming is no longer there."""
        now = asyncio.get_running_loop().time()
        if packets != self._packets or held or not self.answered.is_set():
            self._packets, self._quiet_since = packets, now
        elif now - self._quiet_since > self._no_audio_seconds:
            self._lost = True
            self.hang_up()

    async def wait(self, seconds: float, *others: asyncio.Event) -> bool:
        """Whether it is answered within this time; hung up if not, or when one of ``others`` is set before."""
        try:
            await first_of(seconds, self.answered, self.ended, *others)
        except asyncio.CancelledError:
            self.hang_up()
            raise
        if self.up and not any(other.is_set() for other in others):
            return True
        self.hang_up()
        return False


async def first_of(seconds: float | None, *events: asyncio.Event) -> None:
    """Returns when one of the events is set, or the time is over."""
    if any(event.is_set() for event in events):
        return
    tasks = [asyncio.create_task(event.wait()) for event in events]
    try:
        await asyncio.wait(tasks, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
