"""SIP messages as bytes on UDP (RFC 3261 §7, §25): read strictly enough to refuse what is not one, written unchanged.

Header values keep their text; bytes that are not UTF-8 survive as surrogate escapes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

MOST_BYTES = 16_000
MOST_HEADERS = 200
COMPACT = {
    "i": "call-id",
    "m": "contact",
    "e": "content-encoding",
    "l": "content-length",
    "c": "content-type",
    "f": "from",
    "s": "subject",
    "k": "supported",
    "t": "to",
    "v": "via",
    "x": "session-expires",
    "o": "event",
    "r": "refer-to",
    "u": "allow-events",
}
_TOKEN = re.compile(r"[A-Za-z0-9\-.!%*_+`'~]+")
_REQUEST_LINE = re.compile(r"(?P<method>[A-Za-z0-9\-.!%*_+`'~]+) (?P<uri>[^\s<>]+) (?P<version>[Ss][Ii][Pp]/\d+\.\d+)")
_STATUS_LINE = re.compile(r"[Ss][Ii][Pp]/2\.0 (?P<status>\d+)(?: (?P<reason>.*))?")
_CSEQ = re.compile(r"(?P<number>\d+)\s+(?P<method>\S+)")


class NotSip(ValueError):
    """The bytes are no SIP message that could be answered."""


@dataclass
class SipMessage:
    """A request (``method``, ``uri``) or a response (``status``, ``reason``) with its headers in order."""

    method: str = ""
    uri: str = ""
    status: int = 0
    reason: str = ""
    version: str = "SIP/2.0"
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    torn: bool = False  # the body is shorter than Content-Length says

    @property
    def is_request(self) -> bool:
        return bool(self.method)

    def get(self, name: str, default: str = "") -> str:
        """The first value of a header, by its long name in lower case."""
        return next((value for known, value in self.headers if known == name), default)

    def all(self, name: str) -> list[str]:
        """Every value of a header, comma-separated ones apart (Via, Route, Record-Route, Contact)."""
        return [part for known, value in self.headers if known == name for part in split(value)]

    def count(self, name: str) -> int:
        return sum(known == name for known, _ in self.headers)

    def put(self, name: str, value: str) -> None:
        """Replaces a header, or adds it at the end."""
        for at, (known, _) in enumerate(self.headers):
            if known == name:
                self.headers[at] = (name, value)
                return
        self.headers.append((name, value))

    def put_all(self, name: str, values: Iterable[str]) -> None:
        """Replaces all of a header's lines, at the place of the first."""
        at = next((i for i, (known, _) in enumerate(self.headers) if known == name), 0)
        rest = [(i, item) for i, item in enumerate(self.headers) if item[0] != name]
        before = [item for i, item in rest if i < at]
        after = [item for i, item in rest if i >= at]
        self.headers = [*before, *((name, value) for value in values), *after]

    def drop(self, name: str) -> None:
        self.headers = [item for item in self.headers if item[0] != name]

    @property
    def call_id(self) -> str:
        return self.get("call-id")

    @property
    def cseq(self) -> tuple[int, str]:
        """Number and method; (-1, "") if there is none."""
        found = _CSEQ.fullmatch(self.get("cseq").strip())
        if found is None or len(found["number"]) > 12:
            return -1, ""
        return int(found["number"]), found["method"]

    def encode(self) -> bytes:
        start = f"{self.method} {self.uri} {self.version}" if self.method else f"SIP/2.0 {self.status} {self.reason}"
        lines = [start, *(f"{written(name)}: {value}" for name, value in self.headers if name != "content-length")]
        lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + self.body


def parse(data: bytes) -> SipMessage:
    """Reads a datagram; raises NotSip where not even an answer could be made of it. Bytes behind Content-Length are
    dropped (RFC 3261 §18.3)."""
    data = data.lstrip(b"\r\n")
    head, gap, body = data.partition(b"\r\n\r\n")
    if not gap:
        if not data.endswith(b"\r\n"):
            raise NotSip("no end of headers")
        head = data.rstrip(b"\r\n")
    lines = head.decode("utf-8", "surrogateescape").split("\r\n")
    message = _start(lines[0])
    folded: list[str] = []
    for line in lines[1:]:
        if line[:1] in (" ", "\t") and folded:
            folded[-1] += " " + line.strip()
        else:
            folded.append(line)
    if len(folded) > MOST_HEADERS:
        raise NotSip("too many headers")
    for line in folded:
        name, colon, value = line.partition(":")
        name = name.rstrip(" \t").lower()
        if not colon or not _TOKEN.fullmatch(name):
            raise NotSip("a line is no header")
        message.headers.append((COMPACT.get(name, name), value.strip()))
    length = message.get("content-length")
    if length.isdecimal() and len(length) < 10:
        message.torn = int(length) > len(body)
        body = body[: int(length)]
    message.body = body
    return message


def _start(line: str) -> SipMessage:
    found = _REQUEST_LINE.fullmatch(line)
    if found:
        return SipMessage(method=found["method"], uri=found["uri"], version=found["version"].upper())
    status = _STATUS_LINE.fullmatch(line)
    if status and len(status["status"]) == 3 and 100 <= int(status["status"]) <= 699:
        return SipMessage(status=int(status["status"]), reason=status["reason"] or "")
    # A request line that is wrong in itself can still be answered with 400, if method and version can be seen.
    words = line.split()
    if len(words) >= 3 and _TOKEN.fullmatch(words[0]) and words[-1].upper().startswith("SIP/"):
        return SipMessage(method=words[0], uri="", version=words[-1].upper())
    raise NotSip("neither a request line nor a status line")


def split(value: str) -> list[str]:
    """Parts of a comma-separated header; commas in quotes and angle brackets do not part."""
    parts, depth, quoted, start = [], 0, False, 0
    at = 0
    while at < len(value):
        character = value[at]
        if quoted:
            if character == "\\":
                at += 1
            elif character == '"':
                quoted = False
        elif character == '"':
            quoted = True
        elif character == "<":
            depth += 1
        elif character == ">":
            depth = max(0, depth - 1)
        elif character == "," and not depth:
            parts.append(value[start:at].strip())
            start = at + 1
        at += 1
    parts.append(value[start:].strip())
    return parts


def written(name: str) -> str:
    """A header's name as it is usually written."""
    special = {
        "call-id": "Call-ID",
        "cseq": "CSeq",
        "www-authenticate": "WWW-Authenticate",
        "mime-version": "MIME-Version",
    }
    return special.get(name) or "-".join(part.capitalize() for part in name.split("-"))


def answer(
    request: SipMessage, status: int, reason: str, extra: Iterable[tuple[str, str]] = (), tag: str = ""
) -> SipMessage:
    """A response to a request (RFC 3261 §8.2.6): Via, From, To, Call-ID and CSeq are its own."""
    response = SipMessage(status=status, reason=reason)
    for name, value in request.headers:
        if name in ("via", "from", "to", "call-id", "cseq"):
            if name == "to" and tag and ";tag=" not in value.rpartition(">")[2].replace(" ", ""):
                value = f"{value};tag={tag}"
            response.headers.append((name, value))
    response.headers.extend(extra)
    return response
