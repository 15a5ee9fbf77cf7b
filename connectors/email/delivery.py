"""A mail, however it came, to a ``Message`` in the inbox."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from connectors.email import authentication, bounce, parse, scan, thread
from connectors.email.bounded import BoundedParser
from connectors.email.parsed import ParsedMail
from connectors.email.settings import MailSettings
from core import blobs, clock, db, log, settings
from core.errors import HotlineError
from intake import Acceptance, Attachment, Message, Sender, accept

CHANNEL = "email"
_EARLIEST = timedelta(days=3650)
_AWAY = (OperationalError, InterfaceError, PoolTimeout)
logger = log.get(__name__)


@dataclass(frozen=True, kw_only=True)
class Envelope:
    """How a mail came: over which way, from which peer (IP address), with which SMTP sender and recipients."""

    way: str
    sender: str = ""
    recipients: tuple[str, ...] = ()
    peer: str = ""
    helo: str = ""
    signed_in: str = ""


async def take_in(raw: bytes, envelope: Envelope) -> Acceptance:
    """Returns once mail and message are on disk. Raises TooMany, Unavailable or OSError where it should come again."""
    message = await db.run(message_of, raw, envelope)
    return await accept(message)


def message_of(raw: bytes, envelope: Envelope, problem: str = "") -> Message:
    """Parses a mail and keeps its original and attachments in the blob store. ``problem``: what is already known.
    Raises only what ``comes_again`` says; whatever else a mail brings about makes it an unreadable one."""
    original = blobs.store().put(raw)
    try:
        mail = _parsed(raw)
        verdict = authentication.check(raw, envelope.peer, envelope.sender, envelope.helo)
        return _message(mail, original, envelope, verdict, problem)
    except Exception as error:
        if comes_again(error):
            raise
        logger.exception("a mail could not be made into a message", size=len(raw))
        return unreadable(raw, envelope, problem)


def unreadable(raw: bytes, envelope: Envelope, problem: str = "") -> Message:
    """A mail as a draft with only its original, for a human to look at; any mail can be taken in like this."""
    mail = parse.unreadable(raw, "The mail could not be read; the original is attached.")
    return _message(mail, blobs.store().put(raw), envelope, authentication.Verdict(), problem)


def comes_again(error: Exception) -> bool:
    """Whether the fault is with us now (disk, database, a part that is away), so that the mail should be brought again."""
    return error.retryable if isinstance(error, HotlineError) else isinstance(error, (OSError, *_AWAY))


def _parsed(raw: bytes) -> ParsedMail:
    config = settings.get(MailSettings)
    if len(raw) > config.parse_size:
        return parse.unreadable(raw, f"The mail is larger than {config.parse_size} bytes; the original is attached.")
    return parser().parse(raw)


def _message(
    mail: ParsedMail, original: str, envelope: Envelope, verdict: authentication.Verdict, problem: str
) -> Message:
    problems = [*([problem] if problem else []), *mail.problems]
    attachments = _attachments(mail, problems)
    if mail.unreadable:
        attachments = [Attachment(name="original.eml", type="message/rfc822", size=mail.size, blob=original)]
    kind = "loop" if mail.loop_mark and thread.is_own(mail.loop_mark) else mail.kind
    address = (mail.sender.address or "").lower()
    return Message(
        channel=CHANNEL,
        channel_id=mail.identity,
        sender=Sender(
            kind="mail",
            value=address or (envelope.sender or "unknown").lower(),
            name=mail.sender.name or "",
            verified=bool(address) and (verdict.aligned or bool(envelope.signed_in)),
        ),
        text=mail.text,
        cut_text=mail.cut_text,
        subject=mail.subject,
        sent_at=_plausible(mail.date),
        style="email",
        # Ids of mails can be forged: they lead to a ticket only together with its customer, which is what ``thread`` is
        # for. ``conversation`` is for chats, whose keys the channel vouches for.
        thread=mail.ancestors,
        ticket_number=thread.ticket_of(_addressed(mail, envelope)),
        attachments=attachments,
        original=original,
        event=_event(kind, settings.get(MailSettings)),
        promises=(bounce.KIND,) if kind == "bounce" and mail.ancestors else (),
        problem=" ".join(problems),
        extra=_extra(mail, kind, envelope, verdict),
    )


def _addressed(mail: ParsedMail, envelope: Envelope) -> list[str]:
    return [*envelope.recipients, *(one.address for one in mail.recipients if one.address)]


def _event(kind: str, config: MailSettings) -> str:
    """What is no request by itself is recorded without a draft."""
    return "" if kind == "person" or (kind == "list" and config.lists_are_requests) else kind


def _plausible(date: datetime | None) -> datetime:
    """A mail's own date unless it lies in the future or an age ago; clocks of senders are often wrong."""
    now = clock.now()
    return date if date is not None and now - _EARLIEST < date <= now else now


def _attachments(mail: ParsedMail, problems: list[str]) -> list[Attachment]:
    config = settings.get(MailSettings)
    kept: list[Attachment] = []
    for one in mail.attachments:
        if len(kept) >= config.attachments:
            problems.append(f"Only the first {config.attachments} attachments are listed; the original has all.")
            break
        if one.size > config.attachment_size:
            problems.append("An attachment is too large to be kept by itself; the original has it.")
            continue
        if threat := scan.threat_in(one.content):
            problems.append(f"An attachment was left out because the virus scanner found {threat} in it.")
            continue
        kept.append(Attachment(name=one.file_name, type=one.type, size=one.size, blob=blobs.store().put(one.content)))
    return kept


def _extra(mail: ParsedMail, kind: str, envelope: Envelope, verdict: authentication.Verdict) -> dict[str, Any]:
    found: dict[str, Any] = {
        "kind": kind,
        "kind_reason": mail.kind_reason,
        "message_id": mail.message_id,
        "recipients": [str(one) for one in mail.recipients],
        "reply_to": [one.address for one in mail.reply_to if one.address],
        "signature": mail.signature,
        "invitations": [one.sentence() for one in mail.invitations],
        "date": mail.date.isoformat() if mail.date else "",
        "envelope": {
            "way": envelope.way,
            "from": envelope.sender,
            "to": list(envelope.recipients),
            "peer": envelope.peer,
        },
        "authentication": verdict.as_dict(),
    }
    return {name: value for name, value in found.items() if value}


_parser: BoundedParser | None = None
_lock = threading.Lock()


def parser() -> BoundedParser:
    """The process's parser."""
    global _parser
    with _lock:
        if _parser is None:
            config = settings.get(MailSettings)
            _parser = BoundedParser(processes=config.parsers, seconds=config.parse_seconds, memory=config.parse_memory)
        return _parser


def shut_down() -> None:
    """Ends the parser's processes."""
    global _parser
    with _lock:
        if _parser is not None:
            _parser.close()
            _parser = None
