"""What the program makes of one mail."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from connectors.email.attachments import MailAttachment
from connectors.email.headers import Address
from connectors.email.invitation import Invitation
from connectors.email.kind import Kind


@dataclass(frozen=True, kw_only=True)
class ParsedMail:
    """One mail. ``text`` is all of it, ``cut_text`` what its writer wrote, without quotations, and ``signature`` what was
    taken from its end. ``date`` is its own claim, in UTC. ``conversation`` is the id of the thread's first mail,
    ``ancestors`` the ids it answers, nearest first. ``problems`` says in words what could not be read; with ``unreadable``
    nothing of it could. ``identity`` is the SHA-256 of the content without the lines that transport adds."""

    identity: str
    size: int
    subject: str = ""
    sender: Address = field(default_factory=Address)
    reply_to: tuple[Address, ...] = ()
    recipients: tuple[Address, ...] = ()
    date: datetime | None = None
    text: str = ""
    cut_text: str = ""
    signature: str = ""
    kind: Kind = "person"
    kind_reason: str = ""
    attachments: tuple[MailAttachment, ...] = ()
    invitations: tuple[Invitation, ...] = ()
    message_id: str = ""
    ancestors: tuple[str, ...] = ()
    conversation: str = ""
    loop_mark: str = ""
    authentication: str = ""
    problems: tuple[str, ...] = ()
    unreadable: bool = False

    def as_json(self) -> dict[str, Any]:
        """For ``hotline mail parse --json``: keys as named above, addresses as name and address."""
        return {
            "subject": self.subject,
            "sender": _address(self.sender),
            "reply_to": [_address(one) for one in self.reply_to],
            "recipients": [_address(one) for one in self.recipients],
            "date": self.date.isoformat() if self.date else None,
            "text": self.text,
            "cut_text": self.cut_text,
            "signature": self.signature,
            "kind": self.kind,
            "kind_reason": self.kind_reason,
            "attachments": [{"name": one.name, "type": one.type, "size": one.size} for one in self.attachments],
            "invitations": [one.sentence() for one in self.invitations],
            "message_id": self.message_id,
            "ancestors": list(self.ancestors),
            "conversation": self.conversation,
            "problems": list(self.problems),
            "unreadable": self.unreadable,
            "identity": self.identity,
            "size": self.size,
        }


def _address(one: Address) -> dict[str, str | None]:
    return {"name": one.name, "address": one.address}
