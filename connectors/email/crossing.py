"""A ``ParsedMail`` as plain bytes, for its way out of the process that read the mail.

Nothing in it can name code: a mail that takes over its reader can lie about the mail, and no more. A JSON record with the
attachments' lengths, then their contents one after the other.
"""

from __future__ import annotations

import json
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any, get_args

from connectors.email.attachments import MailAttachment
from connectors.email.headers import Address
from connectors.email.invitation import Invitation
from connectors.email.kind import Kind
from connectors.email.parsed import ParsedMail

LENGTH = 8
_TEXTS = ("identity", "subject", "text", "cut_text", "signature", "kind_reason", "message_id", "conversation", "loop_mark", "authentication")  # fmt: skip
_TYPES: dict[str, tuple[type, ...]] = {
    "str": (str,),
    "str | None": (str, type(None)),
    "int": (int,),
    "bool": (bool,),
    "bytes": (bytes,),
}


def encode(mail: ParsedMail) -> bytes:
    contents = [one.content for one in mail.attachments]
    bare = replace(mail, attachments=tuple(replace(one, content=b"") for one in mail.attachments))
    record = asdict(bare) | {"date": mail.date.isoformat() if mail.date else None}
    for one, content in zip(record["attachments"], contents, strict=True):
        one["content"] = len(content)
    head = json.dumps(record).encode("ascii")  # escapes everything else, lone surrogates too
    return b"".join((len(head).to_bytes(LENGTH, "big"), head, *contents))


def decode(answer: bytes) -> ParsedMail:
    """Raises ValueError unless it is what ``encode`` writes."""
    try:
        end = LENGTH + int.from_bytes(answer[:LENGTH], "big")
        record = json.loads(answer[LENGTH:end])
        attachments = []
        for one in record["attachments"]:
            start, end = end, end + _number(one["content"])
            attachments.append(_made(MailAttachment, one | {"content": answer[start:end]}))
        if end != len(answer):
            raise ValueError("lengths")
        if record["kind"] not in get_args(Kind):
            raise ValueError("kind")
        return ParsedMail(
            **{name: _text(record[name]) for name in _TEXTS},
            size=_number(record["size"]),
            sender=_made(Address, record["sender"]),
            reply_to=tuple(_made(Address, one) for one in record["reply_to"]),
            recipients=tuple(_made(Address, one) for one in record["recipients"]),
            date=datetime.fromisoformat(_text(record["date"])) if record["date"] is not None else None,
            kind=record["kind"],
            attachments=tuple(attachments),
            invitations=tuple(_made(Invitation, one) for one in record["invitations"]),
            ancestors=tuple(_text(one) for one in record["ancestors"]),
            problems=tuple(_text(one) for one in record["problems"]),
            unreadable=record["unreadable"] is True,
        )
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError("no parsed mail") from error


def _made(kind: type[Any], values: dict[str, Any]) -> Any:
    """A record of plain values: texts, nothing, numbers and bytes, each where its field has such."""
    expected = {field.name: str(field.type) for field in fields(kind)}
    if values.keys() != expected.keys():
        raise ValueError(kind.__name__)
    for name, value in values.items():
        if not isinstance(value, _TYPES[expected[name]]):
            raise ValueError(f"{kind.__name__}.{name}")
    return kind(**values)


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("text")
    return value


def _number(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("number")
    return value
