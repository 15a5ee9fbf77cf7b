"""Which conversation a mail belongs to: message ids of what it answers, and our own signed reply address.

A ticket number in a subject is a hint to people and never decides: anybody can type one. The reply address carries a
signature that only this installation can make, so whoever writes to it was written to from it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from connectors.email.headers import Headers
from core import secrets

PURPOSE = "email.reply"
_LOOP_PURPOSE = "email.loop"
MAX_IDS = 50
_ID = re.compile(r"<([^<>\s]{1,250})>")
_REPLY = re.compile(r"(?P<local>[^+@\s]+)\+(?P<ticket>[A-Za-z0-9-]{1,40})\.(?P<signature>[0-9a-fA-F]{16,40})@")


def message_id(headers: Headers) -> str:
    """Without brackets; "" where there is none."""
    found = _ids(headers.text("message-id"))
    return found[0] if found else headers.text("message-id").strip("<> ")[:250]


def ancestors(headers: Headers) -> tuple[str, ...]:
    """Ids of the mails before this one, the nearest first."""
    nearest = _ids(headers.text("in-reply-to"))
    chain = _ids(headers.text("references"))
    ordered = [*nearest, *reversed(chain)]
    return tuple(dict.fromkeys(ordered))[:MAX_IDS]


def conversation(headers: Headers) -> str:
    """The id of the first mail of the thread: what all its mails have in common."""
    chain = _ids(headers.text("references"))
    return next(iter([*chain, *_ids(headers.text("in-reply-to")), message_id(headers)]), "")


def reply_address(address: str, ticket_number: str) -> str:
    """``service@firm`` becomes ``service+NUMBER.signature@firm``; mail to it joins that ticket."""
    local, _, domain = address.rpartition("@")
    signature = secrets.sign(PURPOSE, ticket_number.upper())
    return f"{local}+{ticket_number}.{signature}@{domain}"


def ticket_of(addresses: Iterable[str]) -> str:
    """The ticket number of the first reply address among these whose signature is ours; "" without one."""
    for address in addresses:
        match = _REPLY.match(address)
        if match and secrets.check(PURPOSE, match["ticket"].upper(), match["signature"]):
            return match["ticket"].upper()
    return ""


def mark(key: str) -> str:
    """A short signature for the id of a mail of ours, so that nobody can guess ids of mails to come."""
    return secrets.sign(_LOOP_PURPOSE, key, 16)


def loop_mark(mail_id: str) -> str:
    """What our own mails carry in the loop field."""
    return f"{mail_id} {secrets.sign(_LOOP_PURPOSE, mail_id)}"


def is_own(mark: str) -> bool:
    """Whether a loop field was made here; a stranger's cannot make us ignore a customer."""
    mail_id, _, signature = mark.strip().rpartition(" ")
    return bool(mail_id) and secrets.check(_LOOP_PURPOSE, mail_id.strip(), signature)


def _ids(value: str) -> list[str]:
    return _ID.findall(value)
