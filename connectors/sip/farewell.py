"""BYE (or CANCEL) on behalf of a process that died: the other side must not listen into the void."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable

from connectors.sip.address import parse_address, parse_uri
from connectors.sip.message import SipMessage
from connectors.sip.routes import Route, Where

T1 = 0.5  # s, RFC 3261 §17.1.1.1
TRIES = 5


class Farewell:
    """Says BYE and says it again until it is answered."""

    def __init__(
        self,
        send: Callable[[SipMessage, Where], None],
        contact: Callable[[], str],
        via: Callable[[str], str],
    ) -> None:
        self._send, self._contact, self._via = send, contact, via
        self._waiting: dict[tuple[str, str], asyncio.Event] = {}  # by Call-ID and method
        self._tasks: set[asyncio.Task[None]] = set()

    def say(self, route: Route) -> None:
        bye = self.bye_of(route)
        if bye is None:
            return
        message, where = bye
        key = (route.call_id, message.method)
        if key in self._waiting:
            return
        self._waiting[key] = asyncio.Event()
        task = asyncio.create_task(self._repeat(key, message, where))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def late(self, route: Route, response: SipMessage) -> None:
        """Our CANCEL came too late, the telephone was picked up (RFC 3261 §9.1): each 2xx wants its ACK, the call a BYE."""
        first, route.answer = route.answer is None, response
        ack = self._within(route, response, "ACK", route.invite.cseq[0])
        self._send(*ack)
        if first:
            self.say(route)

    def answered(self, response: SipMessage) -> bool:
        """Takes a response if it is to one of these BYEs."""
        waiting = self._waiting.get((response.call_id, response.cseq[1]))
        if waiting is None:
            return False
        waiting.set()
        return True

    async def finish(self) -> None:
        for task in list(self._tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def bye_of(self, route: Route) -> tuple[SipMessage, Where] | None:
        """The BYE of a dialog and where it goes (RFC 3261 §12.2.1.1), the CANCEL of one that we asked for and that is not
        answered; None if the dialog was never answered."""
        if route.outgoing:
            return self._of_ours(route)
        if route.answer is None:
            return None
        contacts = route.invite.all("contact")
        target = parse_address(contacts[0] if contacts else route.invite.get("from")).uri
        path = route.invite.all("record-route")
        message = SipMessage("BYE", target)
        message.headers = [
            ("via", self._via(f"bye {route.call_id}")),
            *(("route", each) for each in path),
            ("max-forwards", "70"),
            ("from", route.answer.get("to")),
            ("to", route.answer.get("from")),
            ("call-id", route.call_id),
            ("cseq", f"{route.our_cseq + 1} BYE"),
            ("reason", 'SIP;cause=500;text="line lost"'),
        ]
        return message, self._where(path[0] if path else target, route.peer)

    def _of_ours(self, route: Route) -> tuple[SipMessage, Where]:
        invite = route.invite
        if route.answer is None:
            message = SipMessage("CANCEL", invite.uri)
            message.headers = [item for item in invite.headers if item[0] in ("route", "from", "to", "call-id")]
            # It goes where the INVITE went and carries its Via alone (RFC 3261 §9.1).
            message.headers[:0] = [("via", invite.all("via")[0]), ("max-forwards", "70")]
            message.headers.append(("cseq", f"{invite.cseq[0]} CANCEL"))
            return message, route.peer
        message, where = self._within(route, route.answer, "BYE", route.our_cseq + 1)
        message.headers.append(("reason", 'SIP;cause=500;text="line lost"'))
        return message, where

    def _within(self, route: Route, answer: SipMessage, method: str, number: int) -> tuple[SipMessage, Where]:
        """A request inside the dialog of a call that we made, and where it goes (RFC 3261 §12.2.1.1)."""
        contacts = answer.all("contact")
        target = parse_address(contacts[0] if contacts else route.invite.get("to")).uri
        path = answer.all("record-route")[::-1]
        message = SipMessage(method, target)
        message.headers = [
            ("via", self._via(f"{method.lower()} {route.call_id}")),
            *(("route", each) for each in path),
            ("max-forwards", "70"),
            ("from", route.invite.get("from")),
            ("to", answer.get("to")),
            ("call-id", route.call_id),
            ("cseq", f"{number} {method}"),
        ]
        return message, self._where(path[0] if path else target, route.peer)

    def _where(self, hop: str, peer: Where) -> Where:
        with contextlib.suppress(ValueError):
            uri = parse_uri(parse_address(hop).uri)
            if uri.host.replace(".", "").isdecimal():
                return uri.host, uri.port or 5060
        return peer

    async def _repeat(self, key: tuple[str, str], message: SipMessage, where: Where) -> None:
        pause = T1
        try:
            for _ in range(TRIES):
                self._send(message, where)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._waiting[key].wait(), pause)
                    return
                pause *= 2
        finally:
            self._waiting.pop(key, None)
