"""The tree of parts of a mail, cut on bytes in one pass, with limits on depth and number.

The standard library's parser compares every line with every open boundary and recurses, so a mail built for it takes
minutes or overflows the stack; this one looks only for the boundary it is in and copies nothing but the leaves.
"""

from __future__ import annotations

import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from connectors.email import headers as fields
from connectors.email.headers import Headers

MAX_DEPTH = 20
MAX_PARTS = 1_000
_NO_PARTS = "The parts of the mail could not be found."
_BLANK = re.compile(rb"\r?\n[ \t]*\r?\n|\r\r")
_KNOWN_FIELD = re.compile(
    rb"^(?:from|to|cc|subject|date|message-id|content-[a-z-]{1,40}|mime-version|received|reply-to|x-[a-z0-9-]{1,60})[ \t]*:",
    re.MULTILINE | re.IGNORECASE,
)
_GUESSED = re.compile(rb"^--([^\r\n]{1,200}?)[ \t]*\r?\n(?=Content-)", re.MULTILINE | re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class Part:
    """One node. ``body`` is as transferred; ``content()`` undoes the transfer encoding."""

    headers: Headers
    type: str
    charset: str | None
    name: str | None
    disposition: str
    body: bytes = field(repr=False)
    parts: tuple[Part, ...] = ()

    @property
    def is_multipart(self) -> bool:
        return self.type.startswith("multipart/") and bool(self.parts)

    def content(self) -> bytes:
        return transfer_decode(self.body, self.headers.token("content-transfer-encoding"))

    def walk(self) -> Iterator[Part]:
        waiting = [self]
        while waiting:
            part = waiting.pop()
            yield part
            waiting.extend(reversed(part.parts))


@dataclass
class _Budget:
    parts: int = MAX_PARTS
    problems: set[str] = field(default_factory=set)


def read(raw: bytes) -> tuple[Part, tuple[str, ...]]:
    """The tree of ``raw`` and what was wrong with it, in words an agent can read."""
    budget = _Budget()
    root = _read(memoryview(_without_envelope(raw)), 0, budget, "text/plain", None)
    return root, tuple(sorted(budget.problems))


def split_head(raw: memoryview) -> tuple[bytes, memoryview]:
    """Header block and body; a part that begins with a blank line has no headers."""
    first = bytes(raw[:2])
    if first[:1] == b"\n" or first == b"\r\n":
        return b"", raw[1 if first[:1] == b"\n" else 2 :]
    blank = _BLANK.search(raw)
    head = bytes(raw[: blank.start()]) if blank else bytes(raw)
    end = _end_of_fields(head)
    if end < len(head):
        return head[:end], raw[end:]
    return head, raw[blank.end() :] if blank else raw[:0]


def _end_of_fields(head: bytes) -> int:
    """Where text begins that its sender forgot to part from the header by a blank line. A line that is no field in the
    middle of fields (a subject broken in two) is not yet text."""
    last_field = max((match.start() for match in _KNOWN_FIELD.finditer(head)), default=-1)
    place = 0
    for line in head.splitlines(keepends=True):
        if place > last_field >= 0 and line.strip() and line[:1] not in b" \t" and not fields.FIELD.match(line):
            return place
        place += len(line)
    return len(head)


def transfer_decode(body: bytes, encoding: str) -> bytes:
    """Content of a body. An unknown encoding is left as it is (RFC 2045 §6.4 calls that opaque)."""
    if encoding == "base64":
        try:
            return binascii.a2b_base64(body)
        except binascii.Error:
            return fields.loose_base64(body)
    if encoding == "quoted-printable":
        return binascii.a2b_qp(body)
    if encoding in ("x-uuencode", "uuencode", "x-uue", "uue"):
        return _uudecode(body)
    return body


def _read(raw: memoryview, depth: int, budget: _Budget, default: str, hint: str | None) -> Part:
    """``hint``: the charset of a text before this part, in which its raw 8-bit names may be."""
    head, body = split_head(raw)
    headers = Headers(fields.split(head), hint)
    if not len(headers) and head:
        body = raw  # no field at all: the whole is the text
    kind = headers.token("content-type")
    kind = kind if kind.count("/") == 1 and not kind.endswith("/") else default
    parameters = headers.parameters("content-type")
    named = headers.parameters("content-disposition").get("filename") or parameters.get("name") or None
    headers.hint = parameters.get("charset") or hint
    part = Part(
        headers=headers,
        type=kind,
        charset=parameters.get("charset"),
        name=named,
        disposition=headers.token("content-disposition"),
        body=b"",
    )
    if not kind.startswith("multipart/"):
        return replace(part, body=bytes(body))
    if depth >= MAX_DEPTH:
        budget.problems.add("Parts are nested too deeply; the innermost are kept unopened.")
        return replace(part, body=bytes(body))
    pieces = _pieces(body, parameters.get("boundary", ""), budget)
    inner_default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
    children: list[Part] = []
    foster: tuple[Part, int] | None = None
    for piece, section in pieces:
        if budget.parts <= 0:
            budget.problems.add("There are too many parts; the rest was not opened.")
            break
        budget.parts -= 1
        child = _read(piece, depth + 1, budget, inner_default, hint)
        hint = hint or child.headers.hint
        if foster is not None and foster[1] == section:
            budget.problems.discard(_NO_PARTS)
            budget.problems.add("A boundary between parts is used twice.")
            foster = replace(foster[0], parts=(*foster[0].parts, child)), section
            children[-1] = foster[0]
            continue
        # A multipart with the boundary of the one it is in: what follows, up to the closing delimiter, is its content.
        same = child.headers.parameters("content-type").get("boundary") == parameters.get("boundary")
        foster = (child, section) if child.type.startswith("multipart/") and not child.parts and same else None
        children.append(child)
    if not children:
        budget.problems.add(_NO_PARTS)
        return replace(part, body=bytes(body), type="text/plain" if depth == 0 else kind)
    headers.hint = part.charset or hint
    return replace(part, parts=tuple(children))


def _pieces(body: memoryview, boundary: str, budget: _Budget) -> list[tuple[memoryview, int]]:
    pieces = _cut(body, boundary.encode("utf-8", "replace")) if boundary else []
    if pieces:
        return pieces
    guess = _GUESSED.search(body)
    if guess is None:
        return []
    budget.problems.add("The boundary between the parts is not the one announced.")
    return _cut(body, bytes(guess[1]))


def _cut(body: memoryview, boundary: bytes) -> list[tuple[memoryview, int]]:
    """Bodies between delimiter lines (RFC 2046 §5.1.1) with the number of closing delimiters before each. The last may
    lack its closing one; parts after a closing one are found too, for mailers close the wrong multipart."""
    delimiter = re.compile(rb"(?:^|\r?\n|\r)--" + re.escape(boundary) + rb"(--)?[ \t]*(?=\r?\n|\r|$)")
    pieces: list[tuple[memoryview, int]] = []
    start: int | None = None
    place = section = 0
    while (match := delimiter.search(body, place)) is not None:
        if start is not None:
            pieces.append((body[start : max(start, match.start())], section))
        line_end = match.end()
        # The next delimiter may begin with this one's line end (an empty part).
        place = max(line_end, match.start() + 1)
        if match[1]:
            start, section = None, section + 1
        else:
            start = line_end + (2 if bytes(body[line_end : line_end + 2]) == b"\r\n" else 1)
    if start is not None:
        pieces.append((body[start:], section))
    return pieces


def _without_envelope(raw: bytes) -> bytes:
    """Without an mbox "From " line, byte-order mark or blank lines before the headers."""
    raw = raw.removeprefix(b"\xef\xbb\xbf")
    raw = raw.lstrip(b"\r\n") if raw[:1] in (b"\r", b"\n") else raw
    return raw.split(b"\n", 1)[1] if raw.startswith((b"From ", b">From ")) and b"\n" in raw[:1_000] else raw


def _uudecode(body: bytes) -> bytes:
    out, inside = [], False
    for line in body.splitlines():
        if line.startswith(b"begin "):
            inside = True
        elif line.strip() == b"end":
            break
        elif inside and line:
            try:
                out.append(binascii.a2b_uu(line))
            except binascii.Error:
                # Some encoders count the bytes of the last line wrongly (RFC 2045 knows no uuencode; Python bpo-563).
                length = (((line[0] - 32) & 63) * 4 + 5) // 3
                out.append(binascii.a2b_uu(line[:length]) if length < len(line) else b"")
    return b"".join(out)
