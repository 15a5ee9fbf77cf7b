"""Which dialog belongs to which process, and what is needed to end it should the process die."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field

from connectors.sip.message import SipMessage
from connectors.sip.settings import LINES

Where = tuple[str, int]
LINGER = 40.0  # s that an ended dialog's messages still find their process: longer than 64*T1 (RFC 3261 §17)


@dataclass
class Line:
    """A pjsua2 process as the front sees it."""

    name: str
    where: Where
    slots: int = LINES
    used: int = 0
    draining: bool = False

    @property
    def free(self) -> int:
        return 0 if self.draining else self.slots - self.used


@dataclass
class Route:
    """One dialog. ``invite`` is the caller's as it came, ``answer`` our 2xx as it went; of a call that a process makes
    (``outgoing``) the invite is ours as it went and the answer the other side's."""

    call_id: str
    line: Line
    peer: Where
    invite: SipMessage
    answer: SipMessage | None = None
    outgoing: bool = False
    our_cseq: int = 0
    holds_slot: bool = True
    tried: list[str] = field(default_factory=list)
    began: float = field(default_factory=time.monotonic)
    ended: float | None = None


class Routes:
    """The table of dialogs, by Call-ID."""

    def __init__(self) -> None:
        self.lines: dict[str, Line] = {}
        self.callers = LINES  # of each process; the rest of its slots is for those whom we call
        self._routes: dict[str, Route] = {}

    def add_line(self, line: Line) -> None:
        self.lines[line.name] = line

    def remove_line(self, name: str) -> list[Route]:
        """Takes a process out; returns the dialogs that it leaves behind."""
        self.lines.pop(name, None)
        left = [route for route in self._routes.values() if route.line.name == name and route.ended is None]
        for route in left:
            self.end(route.call_id)
        return left

    def find(self, call_id: str) -> Route | None:
        return self._routes.get(call_id)

    def by_where(self, where: Where) -> Line | None:
        return next((line for line in self.lines.values() if line.where == where), None)

    def take(self, call_id: str, peer: Where, invite: SipMessage) -> Route | None:
        """Gives a new call to the process with most free slots; None if all are taken."""
        line = max(self._open(), key=lambda one: one.free, default=None)
        if line is None:
            return None
        return self.add(Route(call_id=call_id, line=line, peer=peer, invite=invite))

    def _open(self) -> list[Line]:
        """The processes that may take one more caller: with a free slot, and not so many callers that none of them could be
        put through to anybody."""
        callers = Counter(route.line.name for route in self.running if not route.outgoing)
        return [line for line in self.lines.values() if line.free > 0 and callers[line.name] < self.callers]

    def move(self, route: Route) -> bool:
        """Gives a call that its process would not take to another one; False if there is none that it has not tried."""
        route.tried.append(route.line.name)
        others = [line for line in self._open() if line.name not in route.tried]
        if not others or not route.holds_slot:
            return False
        route.line.used -= 1
        route.line = max(others, key=lambda one: one.free)
        route.line.used += 1
        return True

    def add(self, route: Route) -> Route:
        self._routes[route.call_id] = route
        route.line.used += 1
        return route

    def release(self, call_id: str) -> None:
        """The process has let the call go: its slot can be used again."""
        route = self._routes.get(call_id)
        if route is not None and route.holds_slot:
            route.holds_slot = False
            route.line.used -= 1
            self.end(call_id)

    def end(self, call_id: str) -> None:
        route = self._routes.get(call_id)
        if route is not None and route.ended is None:
            route.ended = time.monotonic()

    def forget_old(self, setup_seconds: float = 180.0) -> None:
        """Drops what is over; a call that never came to an answer frees its slot."""
        now = time.monotonic()
        for route in list(self._routes.values()):
            if route.ended is None and route.answer is None and now - route.began > setup_seconds:
                self.release(route.call_id)
            if route.ended is not None and now - route.ended > LINGER:
                self.release(route.call_id)
                del self._routes[route.call_id]

    def speaks_with(self, host: str, call_id: str | None = None) -> bool:
        """Whether a call of ours goes on with this address: this one, or any."""
        routes = self._routes.values() if call_id is None else filter(None, [self.find(call_id)])
        return any(route.outgoing and route.peer[0] == host for route in routes)

    @property
    def running(self) -> list[Route]:
        return [route for route in self._routes.values() if route.holds_slot]

    @property
    def free(self) -> int:
        return sum(line.free for line in self.lines.values())
