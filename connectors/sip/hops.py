"""Between two hops: what a proxy reads from Via and adds to it (RFC 3261 §16, §18; RFC 3581)."""

from __future__ import annotations

import hashlib

from connectors.sip.address import Via, parse_address, parse_via
from connectors.sip.message import SipMessage
from connectors.sip.routes import Where


def parse_via_or_none(text: str) -> Via | None:
    try:
        return parse_via(text)
    except ValueError:
        return None


def note_source(message: SipMessage, source: Where) -> None:
    """Adds received and rport to the topmost Via (RFC 3261 §18.2.1, RFC 3581 §4)."""
    vias = message.all("via")
    top = parse_via(vias[0], lenient=True)
    text = vias[0]
    if "rport" in top.params:
        text = ";".join(p for p in text.split(";") if p.strip().partition("=")[0].strip().lower() != "rport")
        text = f"{text.rstrip()};received={source[0]};rport={source[1]}"
    elif top.host != source[0]:
        text = f"{text};received={source[0]}"
    message.put_all("via", [text, *vias[1:]])


def reply_to(via: Via) -> Where:
    """Where a response goes (RFC 3261 §18.2.2)."""
    host = via.params.get("received") or via.params.get("maddr") or via.host
    rport = via.params.get("rport", "")
    return host.strip("[]"), int(rport) if rport.isdecimal() else via.port or 5060


def transaction(message: SipMessage) -> tuple[str, ...]:
    """The same for a request, its retransmissions, its CANCEL and the ACK of its refusal (RFC 3261 §16.11)."""
    top = message.all("via")[:1]
    via = parse_via_or_none(top[0]) if top else None
    number, method = message.cseq
    kind = "" if method in ("INVITE", "CANCEL", "ACK") else method
    if via is None or not via.branch.lower().startswith("z9hg4bk"):
        # RFC 2543: the ACK's To has a tag that the INVITE's had not
        return (message.call_id, parse_address(message.get("from")).tag, str(number), kind, str(top))
    return (via.branch, f"{via.host}:{via.port}", message.call_id, str(number), kind)


def digest(*parts: str) -> str:
    return hashlib.blake2b("\0".join(parts).encode("utf-8", "replace"), digest_size=12).hexdigest()


_NEEDED = frozenset(
    {
        *("via", "from", "to", "call-id", "cseq", "contact", "max-forwards", "route", "record-route"),
        *("content-type", "content-length", "mime-version", "require", "supported", "allow", "accept"),
        *("session-expires", "min-se", "rack", "rseq", "refer-to", "referred-by", "replaces", "reason", "expires"),
        *(
            "event",
            "subscription-state",
            "p-asserted-identity",
            "remote-party-id",
            "diversion",
            "privacy",
            "user-agent",
        ),
    }
)
_ROOM = 3400  # bytes that a process's pjsip takes with what we add (PJSIP_MAX_PKT_LEN is 4000)


def slim(message: SipMessage) -> None:
    """Leaves out of a large request what no process looks at."""
    if len(message.encode()) > _ROOM:
        message.headers = [item for item in message.headers if item[0] in _NEEDED]


def is_ip(host: str) -> bool:
    return host.replace(".", "").isdecimal() and host.count(".") == 3


def is_private(host: str) -> bool:
    if not is_ip(host):
        return False
    first, second = (int(part) for part in host.split(".")[:2])
    return first in (10, 127) or (first, second) == (192, 168) or (first == 172 and 16 <= second < 32)
