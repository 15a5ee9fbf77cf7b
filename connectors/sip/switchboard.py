"""What calls need to bring others in: free lines of their process, calls to telephones and numbers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from connectors.sip.crew import Crewman
from connectors.sip.front import Front
from connectors.sip.leg import Leg, Party
from connectors.sip.settings import PeopleSettings, SipSettings
from connectors.sip.targets import phone_uri, shown, uri_of
from core.errors import Conflict

OURS = 1 << 20  # numbers of the calls that we make; a process counts those that come from 1
ROOM_SECONDS = 3.0


class Switchboard:
    """``register`` makes a leg known to the controller before its process tells of it."""

    def __init__(
        self, sip: SipSettings, people: PeopleSettings, front: Front, register: Callable[[Crewman, Leg], None]
    ) -> None:
        self.sip, self.people = sip, people
        self._front, self._register = front, register
        self._last = OURS

    def has_room(self, line: Crewman) -> bool:
        """Whether the process has a line for one more."""
        found = self._front.routes.lines.get(line.name)
        return found is not None and found.free > 0 and not self._front.draining

    async def room(self, line: Crewman) -> None:
        """Waits for a line that is just being freed; raises Conflict if none is."""
        deadline = asyncio.get_running_loop().time() + ROOM_SECONDS
        while not self.has_room(line):
            if asyncio.get_running_loop().time() > deadline:
                raise Conflict("No line is free beside this call.")
            await asyncio.sleep(0.05)

    def call_phone(self, beside: Party, address: str, about: str, replaces: str = "") -> Leg:
        """Rings an agent's telephone in the process of another call; raises what ``phone_uri`` raises."""
        return self._dial(beside, phone_uri(address, self.sip, self.people), about, replaces)

    def call_target(self, beside: Party, target: str, about: str, replaces: str = "") -> Leg:
        """Calls an extension or a number; raises what ``uri_of`` raises."""
        return self._dial(beside, uri_of(target, self.sip, self.people), about, replaces)

    def next_number(self) -> int:
        self._last += 1
        return self._last

    def from_of(self, about: str) -> str:
        """The From header of a call that we make."""
        return shown(about, self.sip, self.people, self._front.contact())

    def _dial(self, beside: Party, uri: str, about: str, replaces: str) -> Leg:
        line = beside.line
        leg = Leg(line, self.next_number(), self.sip.no_audio_seconds)
        beside.legs.append(leg)
        self._register(line, leg)
        leg.dial(uri, self.from_of(about), replaces)
        return leg
