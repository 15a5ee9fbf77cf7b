"""REFER (RFC 3515): an agent's telephone gives its caller on. Answered here and not by a pjsua2 process, which would call
whatever it is told to."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from connectors.sip.address import parse_address, parse_uri
from connectors.sip.message import SipMessage
from connectors.sip.routes import Where

MOST_KEPT = 500
Answer = Callable[[SipMessage, Where, int, str], None]
Take = Callable[[str, str], Awaitable[bool]]


class Referrals:
    """``answer`` sends a response; ``take`` is given a dialog's Call-ID and the keys that were pressed, and says whether its
    caller is given on."""

    def __init__(self, answer: Answer, take: Take) -> None:
        self._answer, self._take = answer, take
        self._seen: OrderedDict[tuple[str, int], tuple[int, str]] = OrderedDict()
        self._tasks: set[asyncio.Task[None]] = set()

    def came(self, message: SipMessage, source: Where) -> None:
        """Never blocks. A repeated one is answered as the first was, or not while that is being looked at."""
        key = (message.call_id, message.cseq[0])
        if key in self._seen:
            status, reason = self._seen[key]
            if status:
                self._answer(message, source, status, reason)
            return
        self._seen[key] = (0, "")
        while len(self._seen) > MOST_KEPT:
            self._seen.popitem(last=False)
        task = asyncio.create_task(self._decide(message, source))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _decide(self, message: SipMessage, source: Where) -> None:
        target = target_of(message)
        taken = bool(target) and await self._take(message.call_id, target)
        said = (202, "Accepted") if taken else (603, "Decline")
        self._seen[(message.call_id, message.cseq[0])] = said
        self._answer(message, source, *said)


def target_of(message: SipMessage) -> str:
    """Who is meant, "" if that cannot be read. A transfer into another dialog of the telephone's own (Replaces) is not for us:
    both its calls would have to be ours."""
    try:
        uri = parse_uri(parse_address(message.get("refer-to")).uri)
    except ValueError:
        return ""
    return "" if "replaces" in uri.headers.lower() else uri.user.partition(";")[0]
