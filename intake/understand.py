"""From an accepted message to a draft: asks nlu what it says, finds customer and ticket, writes the result.

What cannot be understood still becomes a draft, with the text and the reason, for a human.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

import nlu
from core import db, log, outbox, settings
from intake import conversation, identity, talked
from intake.fields import asset_fields, e164, fields_of, locate
from intake.inbox import UNDERSTAND, message_of
from intake.message import Message
from intake.pipeline import meaning, understander, use, warm_up
from intake.tables import MessageRow, ThreadKey
from nlu import Asset as OwnedAsset
from nlu import Context, SpokenWord, Turn, Understanding
from ticketing import Asset, Identity, Ticket, forms
from ticketing.attention import arrived
from ticketing.drafts import Draft, DraftField, NewEntry, add_entry, add_message, create_draft
from ticketing.drafts import add_fields as add_fields_to

logger = log.get(__name__)

SERVICE_OF = {
    "repair": "repair",
    "install": "install",
    "maintain": "maintain",
    "return": "return",
    "refund": "return",
    "complaint": "complaint",
    "enquiry": "enquiry",
    "praise": "enquiry",
    "other": "enquiry",
    "chase": "repair",
    "cancel": "enquiry",
    "reschedule": "enquiry",
}
STYLES = ("call", "wechat", "email", "form")


@dataclass(frozen=True, kw_only=True)
class _Read:
    """A message and what was known when it was read."""

    message_id: str
    message: Message
    turns: Sequence[Turn]
    form_fields: Sequence[str]
    context: Context


@outbox.handler(
    UNDERSTAND, queue="understand", lease=60, attempts=4, together=8, last_resort=lambda p, e: _for_a_human(p, e)
)
def understand(promise: outbox.Promise) -> outbox.Effect | None:
    read = _read(promise.payload["message"])
    if read is None:
        return None
    if read.message.event:
        return lambda session: _record_only(session, read)
    understanding = understander().understand(read.turns, read.context)
    return lambda session: _write(session, read, understanding)


def recognised(
    session: Session, message_id: str, text: str, words: Sequence[dict[str, Any]], problem: str = ""
) -> None:
    """Completes a message whose recording waited for recognition. ``words``: as ``asdict(HeardWord)``; promises to
    understand it again, which adds to the draft that is there. Without a text what was heard before stays. ``problem``: what is wrong with it still."""
    row = session.get_one(MessageRow, message_id)
    row.content = {**row.content, "waits": ""}
    if text.strip():
        row.text = text
        row.content = {**row.content, "words": list(words)}
    nothing = "" if text.strip() else "Nothing could be recognised in the recording."
    row.problem = " · ".join(part for part in (problem, nothing) if part)
    row.state = "accepted"
    outbox.promise(session, UNDERSTAND, {"message": message_id, "again": True}, queue="understand")


def _read(message_id: str) -> _Read | None:
    config = settings.get(settings.CoreSettings)
    with db.read() as session:
        row = session.get(MessageRow, message_id)
        if row is None or row.state in ("understood", "recorded"):
            return None
        message = message_of(row)
        owned = _assets(session, message)
        if not message.asset_code:
            message = replace(message, asset_code=_scanned(session, row))
        known = asset_fields(session, message.asset_code)
    style = message.style if message.style in STYLES else "form"
    turns = [
        Turn(
            text=message.text,
            channel=style,  # type: ignore[arg-type]  # checked the line before
            words=[SpokenWord(text=w.text, start=w.start, end=w.end, confidence=w.confidence) for w in message.words],
        )
    ]
    if message.subject:
        turns.append(Turn(text=message.subject, channel="email"))
    form_fields = [name for name in message.fields if name in nlu.FIELD_NAMES and message.fields[name].strip()]
    turns.extend(Turn(text=message.fields[name], channel="form", expects=name) for name in form_fields)
    return _Read(
        message_id=message_id,
        message=message,
        turns=turns,
        form_fields=form_fields,
        context=Context(
            now=message.sent_at,
            zone=config.zone,
            region=config.region,
            assets=owned,
            known={**known, **message.fields},
            required=forms.required(message.service or "repair"),
        ),
    )


def _assets(session: Session, message: Message) -> list[OwnedAsset]:
    rows = session.scalars(
        select(Asset)
        .join(Identity, Identity.customer_id == Asset.customer_id)
        .where(Identity.kind == message.sender.kind, Identity.value == message.sender.value)
        .limit(50)
    )
    return [OwnedAsset(id=a.code, device=a.device, brand=a.brand, model=a.model, serial=a.serial) for a in rows]


def _scanned(session: Session, row: MessageRow) -> str:
    """The code on a machine that the sender scanned shortly before in this conversation; "" if there is none."""
    if not row.conversation:
        return ""
    window = timedelta(minutes=settings.get(conversation.ConversationSettings).window_minutes)
    contents = session.scalars(
        select(MessageRow.content)
        .where(
            MessageRow.channel == row.channel,
            MessageRow.conversation == row.conversation,
            MessageRow.received_at.between(row.received_at - window, row.received_at),
        )
        .order_by(MessageRow.received_at.desc())
        .limit(20)
    )
    return next((str(c["asset_code"]) for c in contents if c["event"] and c["asset_code"]), "")


def _write(session: Session, read: _Read, understanding: Understanding | None, problem: str = "") -> None:
    row = session.scalar(select(MessageRow).where(MessageRow.id == read.message_id).with_for_update())
    if row is None or row.state in ("understood", "recorded"):
        return
    # A picture may have been fetched since the message was read.
    message = replace(read.message, attachments=message_of(row).attachments)
    read = replace(read, message=message)
    fields = fields_of(session, message, read.form_fields, len(read.turns), understanding)
    phones = [number for f in fields if f.name == "phone" and (number := e164(f))]
    names = [f.value for f in fields if f.name == "contact_name"]
    found = identity.find_customer(session, message, phones, names[0] if names else "")
    asset_id = session.scalar(select(Asset.id).where(Asset.code == message.asset_code)) if message.asset_code else None
    belongs = None
    if row.ticket_id is not None:
        ticket = session.get_one(Ticket, row.ticket_id)
        _renew(session, read, ticket, understanding, fields)
        reason = row.reason
    else:
        if understanding is not None:
            belongs = conversation.find_ticket(session, message, understanding, found.customer, new=found.new)
        if belongs is not None and not (belongs.ended and _wants_something(understanding)):
            ticket, reason = belongs.ticket, belongs.reason
            _join(session, read, ticket, understanding, fields, reason)
        else:
            reason = belongs.reason if belongs else found.reason
            ticket = _draft(
                session, read, understanding, fields, found.customer.id, asset_id, problem or message.problem
            )
            ticket.parent_id = belongs.ticket.id if belongs else None
        talked.tell(session, ticket, message)
    row.customer_id, row.ticket_id, row.reason = found.customer.id, ticket.id, reason
    row.understanding = understanding.as_json() if understanding else None
    row.state = "waiting" if message.waits else "understood"
    row.problem = problem or row.problem
    own_id = str(message.extra.get("message_id", ""))  # what an answer to this message will name
    for key in dict.fromkeys([*message.thread[:20], message.conversation, own_id]):
        if key:
            session.add(ThreadKey(channel=message.channel, key=key[:255], ticket_id=ticket.id))


def _wants_something(understanding: Understanding | None) -> bool:
    """Whether a message to a ticket that has ended is more than thanks, and needs somebody to look."""
    return understanding is None or not {intent.name for intent in understanding.intents} <= {"praise"}


def _draft(
    session: Session,
    read: _Read,
    understanding: Understanding | None,
    fields: Sequence[DraftField],
    customer_id: int,
    asset_id: int | None,
    problem: str,
) -> Ticket:
    message = read.message
    intents = [asdict(i) for i in understanding.intents] if understanding else []
    main = intents[0]["name"] if intents else "other"
    service = message.service if message.service in forms.services() else SERVICE_OF.get(main, "enquiry")
    if not intents and not message.service and message.style == "call":
        service = "repair"  # a call without words is called back as what most calls are
    summary = understanding.summary if understanding and message.text.strip() else ""
    return create_draft(
        session,
        Draft(
            channel=message.channel,
            service=service,
            entry=_entry(read, ""),
            conversation=message.conversation,
            intents=intents,
            urgency=understanding.urgency if understanding else "normal",
            sentiment=understanding.sentiment if understanding else "neutral",
            summary=" · ".join(part for part in (problem, summary) if part)[:2000],
            required=forms.required(service),
            customer_id=customer_id,
            asset_id=asset_id,
            fields=fields,
        ),
    )


def _join(
    session: Session,
    read: _Read,
    ticket: Ticket,
    understanding: Understanding | None,
    fields: Sequence[DraftField],
    reason: str,
) -> None:
    intents = [asdict(intent) for intent in understanding.intents] if understanding else []
    chase = bool(intents) and intents[0]["name"] == "chase"
    place, problem = read.message.place, read.message.problem
    if ticket.state == "draft" and problem not in ticket.summary:
        ticket.summary = " · ".join(part for part in (problem, ticket.summary) if part)[:2000]
    elif ticket.state != "draft":
        reason = problem or reason  # of the two, what an agent must know; the message keeps the other
    if place is not None:
        locate(ticket, place.latitude, place.longitude, place.datum)
        if ticket.field("address") is not None:
            fields = [f for f in fields if f.component != "place"]
    add_message(
        session,
        ticket,
        _entry(read, reason),
        fields,
        required=forms.required(ticket.service),
        urgency=understanding.urgency if understanding else "normal",
        intents=intents,
        chase=chase,
    )


def _renew(
    session: Session, read: _Read, ticket: Ticket, understanding: Understanding | None, fields: Sequence[DraftField]
) -> None:
    """The message was read before (its recording has now been recognised): its entry and fields are renewed."""
    entry = add_entry(session, ticket, _entry(read, "" if ticket.state == "draft" else read.message.problem))
    arrived(session, ticket, entry, [asdict(i) for i in understanding.intents] if understanding else [], "intake")
    if ticket.state == "draft" and understanding is not None:
        add_fields_to(session, ticket, fields, read.message_id, forms.required(ticket.service))
        ticket.intents = [asdict(intent) for intent in understanding.intents]
        summary = understanding.summary if read.message.text.strip() else ""
        ticket.summary = " · ".join(part for part in (read.message.problem, summary) if part)[:2000]
        ticket.urgency = understanding.urgency


def _entry(read: _Read, reason: str) -> NewEntry:
    message = read.message
    return NewEntry(
        message_id=read.message_id,
        channel=message.channel,
        text=f"{message.subject}\n\n{message.text}".strip() if not message.text.strip() else message.text,
        at=message.sent_at,
        reason=reason,
        attachments=[{"name": a.name, "type": a.type, "size": a.size, "blob": a.blob} for a in message.attachments],
        words=[[w.text, w.start, w.end, w.confidence, w.offset, w.leg] for w in message.words],
        recording=message.recording or None,
        place=asdict(message.place) if message.place else None,
    )


def _record_only(session: Session, read: _Read) -> None:
    """An event of the channel (followed, bounced, out of office): kept, shown at its ticket if it has one, no draft."""
    row = session.get_one(MessageRow, read.message_id)
    sender = read.message.sender
    known = session.scalar(select(Identity).where(Identity.kind == sender.kind, Identity.value == sender.value))
    row.customer_id = known.customer_id if known else None
    row.state, row.reason = "recorded", f"{read.message.event}: recorded only"


def _for_a_human(promise: outbox.Promise, error: str) -> outbox.Effect | None:
    """Understanding failed for good: the draft carries the text as it came, and if even that fails, the text alone."""
    read = _read(promise.payload["message"])
    if read is None:
        return None
    logger.error("a message could not be understood", message=read.message_id)
    problem = "自动识别失败，请人工处理 (automatic understanding failed)"

    def write(session: Session) -> None:
        try:
            with session.begin_nested():
                _write(session, read, None, problem)
        except Exception:
            logger.exception("a message could not be written as it is", message=read.message_id)
            _write_bare(session, read, problem)

    return write


def _write_bare(session: Session, read: _Read, problem: str) -> None:
    """A draft with nothing but the text."""
    row = session.get_one(MessageRow, read.message_id)
    entry = NewEntry(message_id=row.id, channel=row.channel, text=row.text, at=row.sent_at)
    draft = Draft(channel=row.channel, service="enquiry", entry=entry, summary=problem)
    row.ticket_id, row.state, row.problem = create_draft(session, draft).id, "understood", problem


__all__ = ["meaning", "recognised", "understand", "understander", "use", "warm_up"]
