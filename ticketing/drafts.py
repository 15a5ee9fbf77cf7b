"""Drafts: how a message becomes a ticket for an agent to review, or an addition to one that is there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from core import clock, settings
from ticketing.attention import arrived
from ticketing.events import record
from ticketing.tables import Entry, Numbering, Ticket, TicketField
from ticketing.workflow import move

PRIORITY = {"emergency": 1, "high": 2, "normal": 3}
URGENCIES = ("emergency", "high", "normal")


@dataclass(frozen=True, kw_only=True)
class DraftField:
    """A field as it was found; see ``TicketField`` for the meaning of each."""

    name: str
    value: str
    surface: str = ""
    confidence: float = 1.0
    component: str = ""
    start: int | None = None
    end: int | None = None
    audio_start: int | None = None
    audio_end: int | None = None
    resolved: Mapping[str, Any] | None = None
    candidates: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, kw_only=True)
class NewEntry:
    """What the customer sent, as it stands in the ticket's story."""

    message_id: str
    channel: str
    text: str
    at: datetime
    reason: str = ""
    attachments: Sequence[Mapping[str, Any]] = ()
    words: Sequence[Sequence[Any]] = ()
    recording: str | None = None
    place: Mapping[str, Any] | None = None


@dataclass(frozen=True, kw_only=True)
class Draft:
    """A request as it was understood."""

    channel: str
    service: str
    entry: NewEntry
    conversation: str = ""
    intents: Sequence[Mapping[str, Any]] = ()
    urgency: str = "normal"
    sentiment: str = "neutral"
    summary: str = ""
    required: Sequence[str] = ()
    customer_id: int | None = None
    asset_id: int | None = None
    parent_id: int | None = None
    fields: Sequence[DraftField] = field(default_factory=list)


def create_draft(session: Session, draft: Draft, actor: str = "intake") -> Ticket:
    """Makes a draft ticket with its first entry; records ``ticket.drafted``."""
    ticket = Ticket(
        number=next_number(session),
        state="draft",
        service=draft.service,
        intents=[dict(intent) for intent in draft.intents],
        urgency=draft.urgency,
        sentiment=draft.sentiment,
        priority=PRIORITY[draft.urgency],
        summary=draft.summary,
        missing=_missing(draft.required, draft.fields),
        channel=draft.channel,
        conversation=draft.conversation,
        customer_id=draft.customer_id,
        asset_id=draft.asset_id,
        parent_id=draft.parent_id,
        created=clock.now(),
    )
    _put_fields(ticket, draft.fields, draft.entry.message_id)
    session.add(ticket)
    session.flush()
    session.add(_tell(_entry_of(ticket, draft.entry), draft.entry))
    record(session, ticket, "ticket.drafted", actor, channel=draft.channel, message=draft.entry.message_id)
    return ticket


def add_entry(session: Session, ticket: Ticket, entry: NewEntry) -> Entry:
    """Puts a customer's message into the ticket's story; an entry of the same message is renewed instead."""
    row = session.scalar(select(Entry).where(Entry.message_id == entry.message_id))
    if row is None:
        row = _entry_of(ticket, entry)
        session.add(row)
    _tell(row, entry)
    session.flush()
    return row


def _entry_of(ticket: Ticket, entry: NewEntry) -> Entry:
    return Entry(ticket_id=ticket.id, kind="message", author="customer", message_id=entry.message_id)


def _tell(row: Entry, entry: NewEntry) -> Entry:
    row.channel, row.text, row.at, row.reason = entry.channel, entry.text, entry.at, entry.reason
    row.attachments = [dict(a) for a in entry.attachments]
    row.words = [list(word) for word in entry.words]
    row.recording = entry.recording
    row.place = dict(entry.place) if entry.place else None
    return row


def add_message(
    session: Session,
    ticket: Ticket,
    entry: NewEntry,
    fields: Sequence[DraftField] = (),
    *,
    required: Sequence[str] = (),
    urgency: str = "normal",
    intents: Sequence[Mapping[str, Any]] = (),
    chase: bool = False,
    actor: str = "intake",
) -> None:
    """Adds a further message to a ticket: what it says that was not known, and how pressing it has become.

    A chase raises the priority by one step, to 2 at the most (1 is for danger); danger in a later message raises to 1. A ticket that
    is under way is unread until somebody opens it (``ticketing.attention``).
    """
    row = add_entry(session, ticket, entry)
    if ticket.state == "draft":
        add_fields(session, ticket, fields, entry.message_id, required)
        known = {intent["name"] for intent in ticket.intents}
        ticket.intents = [*ticket.intents, *(dict(i) for i in intents if i["name"] not in known)]
    before = ticket.priority
    if URGENCIES.index(urgency) < URGENCIES.index(ticket.urgency):
        ticket.urgency = urgency
    ticket.priority = min(ticket.priority, PRIORITY[urgency], 2 if chase and ticket.priority > 2 else 9)
    record(
        session,
        ticket,
        "ticket.chased" if chase else "ticket.added",
        actor,
        message=entry.message_id,
        reason=entry.reason,
    )
    if ticket.priority != before:
        record(session, ticket, "ticket.priority_changed", actor, before=before, after=ticket.priority)
    arrived(session, ticket, row, intents, actor)
    if ticket.state == "waiting":  # for the customer, who has now answered
        move(session, ticket, "resume", "customer", message=entry.message_id)


def add_fields(
    session: Session, ticket: Ticket, fields: Sequence[DraftField], message_id: str, required: Sequence[str]
) -> None:
    """Adds fields that say something new; what an agent has corrected stays. Works out what is still missing."""
    session.flush()
    session.refresh(ticket, ["fields"])
    _put_fields(ticket, fields, message_id)
    session.flush()
    ticket.missing = _missing(required, [f for f in ticket.fields if not f.removed])


def _missing(required: Sequence[str], fields: Sequence[DraftField | TicketField]) -> list[str]:
    present = {f.name for f in fields}
    return [name for name in required if name not in present]


def _put_fields(ticket: Ticket, fields: Sequence[DraftField], message_id: str) -> None:
    known = {(f.name, f.value) for f in ticket.fields}
    for found in fields:
        if (found.name, found.value) in known:
            continue
        known.add((found.name, found.value))
        ticket.fields.append(
            TicketField(
                name=found.name,
                position=len(ticket.fields),
                value=found.value,
                surface=found.surface,
                confidence=found.confidence,
                component=found.component,
                message_id=message_id,
                start=found.start,
                end=found.end,
                audio_start=found.audio_start,
                audio_end=found.audio_end,
                resolved=dict(found.resolved) if found.resolved else None,
                candidates=[dict(candidate) for candidate in found.candidates],
            )
        )


def next_number(session: Session) -> str:
    """The next ticket number: ``HT`` + day + running number of that day, e.g. HT261120-0007, without a gap."""
    day = clock.now().astimezone(ZoneInfo(settings.get(settings.CoreSettings).zone)).strftime("%y%m%d")
    series = f"ticket-{day}"
    count = (
        update(Numbering)
        .where(Numbering.series == series)
        .values(last=Numbering.last + 1)
        .returning(Numbering.last)
        .execution_options(synchronize_session=False)
    )
    last = session.scalar(count)
    if last is None:  # the day's first
        insert = (postgresql if session.get_bind().dialect.name == "postgresql" else sqlite).insert
        session.execute(insert(Numbering).values(series=series, last=0).on_conflict_do_nothing())
        last = session.scalar(count)
    return f"HT{day}-{last:04d}"
