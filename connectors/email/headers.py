"""Header fields as they come in the wild: raw 8-bit bytes, encoded words (RFC 2047), parameters (RFC 2231), addresses.

What mailers do and the RFCs forbid is read all the same: encoded words that split a character between them, encoded
words inside quoted parameters, file names in raw GBK, spaces inside a Q word.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import unquote_to_bytes

from connectors.email import charset
from core import text

MAX_FIELDS = 2_000
MAX_VALUE = 100_000
_WORD = re.compile(r"=\?([^?\s=]{1,40})\?([bBqQ])\?([^?]{0,10000})\?=")
_FOLD = re.compile(r"\r?\n[ \t]*|\r[ \t]+")
FIELD = re.compile(rb"[ \t]*([!-9;-~]{1,200})[ \t]*:")


@dataclass(frozen=True, kw_only=True)
class Address:
    """A mailbox; either half may be missing in what people send."""

    name: str | None = None
    address: str | None = None

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name and self.address else self.address or self.name or ""


class Headers:
    """The fields of one message or part, in order, still as bytes; ``hint`` is the charset its raw bytes may be in."""

    def __init__(self, fields: list[tuple[str, bytes]], hint: str | None = None) -> None:
        self._fields = fields
        self.hint = hint

    def __iter__(self) -> Iterator[tuple[str, bytes]]:
        return iter(self._fields)

    def __len__(self) -> int:
        return len(self._fields)

    def raw(self, name: str) -> bytes | None:
        return next((value for field, value in self._fields if field == name), None)

    def all_raw(self, name: str) -> list[bytes]:
        return [value for field, value in self._fields if field == name]

    def text(self, name: str) -> str:
        """The decoded first field of this (lower-case) name on one line; empty where there is none."""
        raw = self.raw(name)
        return "" if raw is None else one_line(words(unfold(raw, self.hint)))

    def token(self, name: str) -> str:
        """The field's first word in lower case without parameters and comments, e.g. of Content-Type or Precedence."""
        value = unfold(self.raw(name) or b"", self.hint)
        return re.split(r"[;\s(]", value.strip(), maxsplit=1)[0].strip("\"'").lower()

    def parameters(self, name: str) -> dict[str, str]:
        return parameters(unfold(self.raw(name) or b"", self.hint))

    def addresses(self, *names: str) -> tuple[Address, ...]:
        return tuple(a for name in names for raw in self.all_raw(name) for a in addresses(unfold(raw, self.hint)))


def split(block: bytes) -> list[tuple[str, bytes]]:
    """Fields of a header block, names in lower case; continuation lines stay in the value, other lines are skipped."""
    fields: list[tuple[str, list[bytes]]] = []
    for line in block.splitlines():
        if line[:1] in (b" ", b"\t") and fields:
            fields[-1][1].append(line)
            continue
        match = FIELD.match(line)
        if match and len(fields) < MAX_FIELDS:
            fields.append((match[1].decode("ascii").lower(), [line[match.end() :]]))
    return [(name, b"\n".join(lines)[:MAX_VALUE].strip()) for name, lines in fields]


def unfold(raw: bytes, hint: str | None = None) -> str:
    """The value on one logical line, raw 8-bit bytes decoded, encoded words left as they are."""
    if raw.isascii():
        return _FOLD.sub(" ", raw.decode("ascii"))
    return _FOLD.sub(" ", charset.decode(raw, hint))


def words(value: str) -> str:
    """Decodes encoded words. Neighbours of one charset are joined as bytes first, for mailers split characters."""
    if "=?" not in value:
        return value
    out: list[str] = []
    pending, pending_charset, end = b"", "", 0
    for match in _WORD.finditer(value):
        between = value[end : match.start()]
        label = match[1].split("*")[0].lower()  # RFC 2231 §5 adds a language
        raw = _unword(match[2], match[3], label)
        if pending_charset and not between.strip() and label == pending_charset:
            pending += raw
        else:
            if pending_charset:
                out.append(charset.decode(pending, pending_charset))
                if between.strip():
                    out.append(between)
            else:
                out.append(between)
            pending, pending_charset = raw, label
        end = match.end()
    if pending_charset:
        out.append(charset.decode(pending, pending_charset))
    return "".join(out) + value[end:]


def parameters(value: str) -> dict[str, str]:
    """Parameters after the first semicolon, RFC 2231 continuations and charsets and RFC 2047 words decoded."""
    found: dict[str, str] = {}
    pieces: dict[str, list[tuple[int, bool, str]]] = {}
    for item in _outside_quotes(value, ";")[1:101]:
        name, equals, rest = item.partition("=")
        if not equals:
            continue
        name, rest = name.strip().lower(), _unquote(rest.strip())
        base, star, number = name.partition("*")
        if not star:
            found.setdefault(base, words(rest))
        elif number.rstrip("*").isdecimal() and len(number) < 6:
            pieces.setdefault(base, []).append((int(number.rstrip("*")), number.endswith("*"), rest))
        else:
            pieces.setdefault(base, []).append((0, True, rest))
    for base, parts in pieces.items():
        found[base] = _join(sorted(parts, key=lambda part: part[0]))
    return {name: one_line(content) for name, content in found.items()}


def addresses(value: str) -> Iterator[Address]:
    """Mailboxes of an address list; groups are opened, comments serve as names where there is no other."""
    for item in _outside_quotes(value, ",;")[:1_000]:
        item, comment = _without_comments(item)
        opening = item.rfind("<")
        if opening >= 0:
            name, spec = item[:opening], item[opening + 1 :].split(">")[0]
            # "Team: <a@b>" opens a group
            name = name.split(":", 1)[1] if ":" in name and '"' not in name else name
        else:
            name, spec = "", item.split(":", 1)[1] if ":" in item and '"' not in item else item
        spec = "".join(words(spec).split()) if "@" in spec else spec.strip()
        name = _unquote(words(_unquote(name.strip()))).strip().strip("'").strip() or words(comment).strip()
        if "@" in spec:
            yield Address(name=one_line(name) or None, address=one_line(spec).strip("<>\"'"))
        elif one_line(name) or spec:
            yield Address(name=one_line(name) or one_line(words(_unquote(spec))), address=None)


def date(headers: Headers) -> datetime | None:
    """The Date field in UTC; None where there is none that can be read."""
    try:
        moment = parsedate_to_datetime(headers.text("date"))
    except (TypeError, ValueError, IndexError, OverflowError):
        return None
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def one_line(value: str) -> str:
    return re.sub(r"[ \t]*\n[ \t]*", " ", text.clean(value)).strip()


def _unword(encoding: str, payload: str, label: str) -> bytes:
    if encoding in "bB":
        return loose_base64(payload.encode("utf-8"))
    try:
        raw = payload.encode(charset.codec_of(label) or "utf-8")  # raw 8-bit letters inside a Q word
    except UnicodeError:
        raw = payload.encode("utf-8")
    return binascii.a2b_qp(raw.replace(b" ", b"_"), header=True)


def loose_base64(payload: bytes) -> bytes:
    """Base64 with whatever stands between, padding missing or in the middle; never raises."""
    letters = re.sub(rb"[^A-Za-z0-9+/=]", b"", payload)
    out = b""
    for piece in re.findall(rb"[A-Za-z0-9+/]+", letters) if b"=" in letters.rstrip(b"=") else [letters.rstrip(b"=")]:
        piece = piece[: len(piece) - 1] if len(piece) % 4 == 1 else piece
        out += base64.b64decode(piece + b"=" * (-len(piece) % 4))
    return out


def _join(parts: list[tuple[int, bool, str]]) -> str:
    label, raw = "", b""
    for place, (_, encoded, piece) in enumerate(parts):
        if encoded and place == 0 and piece.count("'") >= 2:
            label, _, piece = piece.split("'", 2)
        raw += unquote_to_bytes(piece) if encoded else piece.encode("utf-8", "replace")
    return words(charset.decode(raw, label or None))


def _outside_quotes(value: str, separators: str) -> list[str]:
    items, start, quoted, depth, place = [], 0, False, 0, 0
    while place < len(value):
        letter = value[place]
        if letter == "\\" and quoted:
            place += 1
        elif letter == '"' and not depth:
            quoted = not quoted
        elif letter == "(" and not quoted:
            depth += 1
        elif letter == ")" and depth:
            depth -= 1
        elif letter in separators and not quoted and not depth:
            items.append(value[start:place])
            start = place + 1
        place += 1
    rest = value[start:]
    # An unclosed quote or comment would swallow all that follows: take such a value as it stands.
    if (quoted or depth) and any(s in rest for s in separators):
        return [*items, *re.split("[" + re.escape(separators) + "]", rest)]
    return [*items, rest]


def _without_comments(item: str) -> tuple[str, str]:
    if "(" not in item:
        return item, ""
    kept, comment, quoted, depth = [], [], False, 0
    for letter in item:
        if letter == '"' and not depth:
            quoted = not quoted
        if letter == "(" and not quoted:
            depth += 1
        elif letter == ")" and depth:
            depth -= 1
        elif depth:
            comment.append(letter)
        else:
            kept.append(letter)
    return "".join(kept), "".join(comment)


def _unquote(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        # Other backslashes are not escapes but a path of Windows, whatever RFC 5322 says.
        return re.sub(r"\\([\"\\])", r"\1", value[1:-1])
    if value.startswith('"'):
        closing = value.find('"', 1)
        return value[1:closing] if closing > 0 else value[1:]
    return value
