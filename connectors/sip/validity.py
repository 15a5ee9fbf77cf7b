"""What is wrong with a request, in the words of RFC 3261 §8.2; RFC 4475 lists the cases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from connectors.sip.address import Uri, parse_address, parse_uri, parse_via
from connectors.sip.message import SipMessage, split

KNOWN = ("INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "INFO", "UPDATE", "PRACK", "REFER", "NOTIFY")
ELSEWHERE = ("REGISTER", "SUBSCRIBE", "PUBLISH", "MESSAGE")
ALLOW = ", ".join(KNOWN)
UNDERSTOOD = frozenset({"100rel", "timer", "replaces", "norefersub"})
SINGLE = ("from", "to", "call-id", "cseq", "max-forwards", "content-length", "content-type")
_LARGEST_CSEQ = 2**31


@dataclass(frozen=True, kw_only=True)
class Fault:
    """The answer that a wrong request gets."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...] = ()


def _bad(reason: str) -> Fault:
    return Fault(status=400, reason=f"Bad Request - {reason}")


def answerable(message: SipMessage) -> bool:
    """Whether there is enough to send an answer: a Via that can be read."""
    try:
        parse_via(next(iter(message.all("via"))), lenient=True)
    except (StopIteration, ValueError):
        return False
    return True


def fault_of(message: SipMessage) -> Fault | None:
    """What is wrong with a request, None if nothing is."""
    if message.version != "SIP/2.0":
        return Fault(status=505, reason="Version Not Supported")
    return _fault_of_headers(message) or _fault_of_uri(message) or _fault_of_needs(message)


def _fault_of_headers(message: SipMessage) -> Fault | None:
    for name in SINGLE:
        if message.count(name) > 1:
            return _bad(f"More Than One {name}")
    for name in ("via", "from", "to", "call-id", "cseq"):
        if not message.get(name).strip():
            return _bad(f"Missing {name}")
    number, method = message.cseq
    if number < 0 or number >= _LARGEST_CSEQ:
        return _bad("Wrong CSeq")
    if method != message.method:
        return _bad("CSeq Is Of Another Method")
    length = message.get("content-length", "0")
    if not length.isdecimal() or message.torn:
        return _bad("Wrong Content-Length")
    forwards = message.get("max-forwards", "70")
    if not forwards.isdecimal() or int(forwards[:9]) > 255:
        return _bad("Wrong Max-Forwards")
    expires = message.get("expires", "0")
    if expires.isdecimal() and len(expires) > 10:
        return _bad("Wrong Expires")
    return _fault_of_addresses(message)


def _fault_of_addresses(message: SipMessage) -> Fault | None:
    try:
        for via in message.all("via"):
            if parse_via(via).branch.lower() == "z9hg4bk":
                return _bad("Empty Branch")
    except ValueError:
        return _bad("Wrong Via")
    for name in ("from", "to"):
        parts = split(message.get(name))
        if not _is_address(parts):
            return _bad(f"Wrong {name}")
    if message.method == "INVITE" and message.get("contact") and not _is_address(message.all("contact")):
        return _bad("Wrong Contact")
    return None


def _is_address(parts: Sequence[str]) -> bool:
    try:
        return len(parts) == 1 and bool(parse_uri(parse_address(parts[0]).uri))
    except ValueError:
        return False


def _fault_of_uri(message: SipMessage) -> Fault | None:
    try:
        uri: Uri = parse_uri(message.uri)
    except ValueError:
        return _bad("Wrong Request-URI")
    if uri.scheme not in ("sip", "sips", "tel"):
        return Fault(status=416, reason="Unsupported URI Scheme")
    if uri.headers:
        return _bad("Headers In Request-URI")
    return None


def _fault_of_needs(message: SipMessage) -> Fault | None:
    if message.method in ELSEWHERE:
        return Fault(status=405, reason="Method Not Allowed", headers=(("allow", ALLOW),))
    if message.method not in KNOWN:
        return Fault(status=501, reason="Not Implemented", headers=(("allow", ALLOW),))
    if message.method not in ("ACK", "CANCEL"):
        wanted = {tag.lower() for tag in message.all("require") if tag}
        if missing := sorted(wanted - UNDERSTOOD):
            return Fault(status=420, reason="Bad Extension", headers=(("unsupported", ", ".join(missing)),))
    if message.method == "INVITE" and message.body:
        kind = message.get("content-type").partition(";")[0].strip().lower()
        if kind != "application/sdp" and not kind.startswith("multipart/"):
            return Fault(status=415, reason="Unsupported Media Type", headers=(("accept", "application/sdp"),))
        if message.get("content-encoding", "identity").lower() != "identity":
            return Fault(status=415, reason="Unsupported Media Type", headers=(("accept-encoding", "identity"),))
    return None
