"""A mail's bytes to a ``ParsedMail``. Pure: no network, no settings, no clock."""

from __future__ import annotations

from connectors.email import (
    attachments,
    body,
    charset,
    identity,
    invitation,
    kind,
    mime,
    quotation,
    signature,
    thread,
    winmail,
)
from connectors.email import headers as fields
from connectors.email.headers import Address
from connectors.email.invitation import Invitation
from connectors.email.mime import Part
from connectors.email.parsed import ParsedMail
from core import log, text

MAX_DEPTH_OF_LETTERS = 3
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
logger = log.get(__name__)


def parse(raw: bytes) -> ParsedMail:
    """Never raises: a mail that defeats the parser becomes a record that says so, with as much text as can be seen."""
    try:
        return _parse(raw)
    except Exception:
        # Whatever a mail does to the libraries below must not stop it from reaching a person.
        logger.exception("a mail could not be parsed", size=len(raw))
        return unreadable(raw, "The mail could not be parsed; the original is attached.")


def unreadable(raw: bytes, why: str) -> ParsedMail:
    """A record of a mail that was not parsed: subject and sender if the header shows them, and the reason."""
    subject, sender = "", Address()
    try:
        head, _ = mime.split_head(memoryview(raw[:100_000]))
        headers = fields.Headers(fields.split(head))
        subject = headers.text("subject")[:500]
        sender = next(iter(headers.addresses("from")), Address())
    except Exception:
        logger.info("the header of an unreadable mail could not be read either")
    return ParsedMail(
        identity=identity.of(raw), size=len(raw), subject=subject, sender=sender, problems=(why,), unreadable=True
    )


def _parse(raw: bytes) -> ParsedMail:
    if not raw.strip():
        return unreadable(raw, "The mail is empty.")
    if raw.startswith(_OLE):
        return unreadable(raw, "This is an Outlook .msg file, not a mail; the original is attached.")
    root, problems = mime.read(raw)
    headers = root.headers
    if not len(headers):
        problems = (*problems, "The mail has no header.")
    choice = body.choose(root)
    files, file_problems = attachments.collect(choice.attachments)
    whole = body.read(choice)
    invitations = tuple(_invitations(root))
    if not whole.strip():
        whole = _text_elsewhere(choice.attachments, invitations)
    subject = headers.text("subject")[:1_000]
    sender = next(iter(headers.addresses("from", "sender", "resent-from")), Address())
    sort, reason = kind.of(root, subject=subject, sender=sender.address or "")
    own = quotation.own_words(whole, subject)
    own, closing = signature.split(own)
    return ParsedMail(
        identity=identity.of(raw),
        size=len(raw),
        subject=subject,
        sender=sender,
        reply_to=headers.addresses("reply-to"),
        recipients=headers.addresses("to", "cc", "delivered-to", "x-original-to", "envelope-to"),
        date=fields.date(headers),
        text=whole,
        cut_text=own,
        signature=closing,
        kind=sort,
        kind_reason=reason,
        attachments=files,
        invitations=invitations,
        message_id=thread.message_id(headers),
        ancestors=_returned_ids(root) if sort == "bounce" else thread.ancestors(headers),
        conversation=thread.conversation(headers),
        loop_mark=headers.text(kind.LOOP_FIELD)[:500],
        problems=(*problems, *file_problems),
    )


def _invitations(root: Part) -> list[Invitation]:
    found = (
        invitation.read(charset.decode(part.content(), part.charset or "utf-8"))
        for part in root.walk()
        if part.type in ("text/calendar", "application/ics")
    )
    # The same invitation usually comes as a part and again as an attachment.
    return list(dict.fromkeys(one for one in found if one is not None))[:10]


def _returned_ids(root: Part) -> tuple[str, ...]:
    """Ids of the mail that came back, as the delivery report quotes it."""
    quoted = (
        part for part in root.walk() if part.type in ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers")
    )
    heads = (fields.Headers(fields.split(mime.split_head(memoryview(part.content()))[0])) for part in quoted)
    found = tuple(one for one in (thread.message_id(head) for head in heads) if one)
    return found or thread.ancestors(root.headers)


def _text_elsewhere(parts: list[Part], invitations: tuple[Invitation, ...]) -> str:
    """For a mail without text of its own: the letter inside winmail.dat, the forwarded letter, or the invitation."""
    for part in parts:
        if part.type in ("application/ms-tnef", "application/vnd.ms-tnef"):
            inside = text.clean(winmail.body_text(part.content()), body.MAX_TEXT)
            if inside.strip():
                return inside
    for part in parts:
        if part.type == "message/rfc822" and (inside := _letter_text(part, MAX_DEPTH_OF_LETTERS)).strip():
            return inside
    return "\n".join(one.sentence() for one in invitations)


def _letter_text(part: Part, depth: int) -> str:
    inner, _ = mime.read(part.content())
    choice = body.choose(inner)
    found = body.read(choice)
    if found.strip() or depth == 0:
        return found
    return next((_letter_text(one, depth - 1) for one in choice.attachments if one.type == "message/rfc822"), "")
