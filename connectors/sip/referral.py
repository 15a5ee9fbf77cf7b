"""REFER (RFC 3515): an agent's telephone gives its caller on. Answered here and not by a pjsua2 process, which would call
whatever it is told to."""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from urllib.parse import unquote

from connectors.sip.address import parse_address, parse_uri
from connectors.sip.message import SipMessage
from connectors.sip.routes import Where

MOST_KEPT = 500
Answer = Callable[[SipMessage, Where, int, str], None]
# A Call-ID and the tags of both sides (RFC 3891 §6.1), in characters that no header can be broken with.
_REPLACED = re.compile(r"[!-:<-~]{1,200}(;[A-Za-z-]{1,20}(=[!-:<-~]{1,200})?){2,4}")


@dataclass(frozen=True, kw_only=True)
class Referral:
    """Who is meant, by the keys that were pressed. ``replaces``: the call that the telephone has with him already, whose place
    the caller's takes (RFC 3891); "" where it has none."""

    target: str
    replaces: str = ""


Take = Callable[[str, Referral], Awaitable[bool]]


class Referrals:
    """``answer`` sends a response; ``take`` is given a dialog's Call-ID and what its telephone wants, and says whether the
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
        wanted = referral_of(message)
        taken = wanted is not None and await self._take(message.call_id, wanted)
        said = (202, "Accepted") if taken else (603, "Decline")
        self._seen[(message.call_id, message.cseq[0])] = said
        self._answer(message, source, *said)


def referral_of(message: SipMessage) -> Referral | None:
    """What a telephone wants; None if that cannot be read."""
    try:
        uri = parse_uri(parse_address(message.get("refer-to")).uri)
    except ValueError:
        return None
    target = uri.user.partition(";")[0]
    headers = [part.partition("=") for part in uri.headers.split("&") if part]
    replaces = [unquote(value) for name, _, value in headers if name.lower() == "replaces"]
    if not target or len(replaces) > 1 or not all(map(_is_dialog, replaces)):
        return None
    return Referral(target=target, replaces="".join(replaces))


def _is_dialog(replaces: str) -> bool:
    names = [part.partition("=")[0].lower() for part in replaces.split(";")[1:]]
    return _REPLACED.fullmatch(replaces) is not None and names.count("to-tag") == names.count("from-tag") == 1
