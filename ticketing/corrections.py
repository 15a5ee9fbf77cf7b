"""What agents make of a machine's fields: kept beside the machine's value, and given back as training examples."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock
from core.errors import InvalidInput, NotFound
from core.text import clean
from ticketing import forms
from ticketing.access import Actor
from ticketing.events import record
from ticketing.tables import Entry, Ticket, TicketField
from ticketing.workflow import touch

_NAME = re.compile(r"[a-z][a-z0-9_]{0,39}")
_BY_ID = re.compile(r"#([0-9]{1,9})")
VALUE_LIMIT = 2000
Resolver = Callable[[str, str], Mapping[str, Any] | None]
_resolver: Resolver | None = None


def resolve_with(resolver: Resolver | None) -> None:
    """Sets what finds the meaning {value, score, details} of a corrected (field name, value), such as an address's division.
    Wired in ``app/``; ticketing knows no language. It must be quick and must not raise."""
    global _resolver
    _resolver = resolver


def correct(session: Session, ticket: Ticket, actor: Actor, values: Mapping[str, str | None]) -> int:
    """Sets fields by name, or one of several of a name by ``#id``; None takes a field away. Returns how many changed.

    The machine's value and evidence stay; each change is an event. Raises InvalidInput naming the field.
    """
    changed = 0
    for key, value in values.items():
        name, found = _which(ticket, key)
        given = _accepted(ticket, name, value) if value is not None else None
        changed += _take_away(session, ticket, actor, name, found) if given is None else 0
        changed += _set(session, ticket, actor, name, found, given) if given is not None else 0
    if changed:
        find_missing(session, ticket)
        touch(ticket)
        session.flush()
    return changed


def find_missing(session: Session, ticket: Ticket) -> None:
    """Works out anew which required fields of the service's form nobody has given."""
    session.flush()
    session.refresh(ticket, ["fields"])
    ticket.missing = [name for name in forms.required(ticket.service) if not ticket.value(name)]


def _which(ticket: Ticket, key: str) -> tuple[str, TicketField | None]:
    by_id = _BY_ID.fullmatch(key)
    if by_id:
        found = next((f for f in ticket.fields if f.id == int(by_id[1])), None)
        if found is None:
            raise NotFound("The ticket has no such field.", field=key)
        return found.name, found
    if not _NAME.fullmatch(key):
        raise InvalidInput("A field's name has a-z, 0-9 and _.", field=key[:60])
    return key, ticket.field(key)


def _accepted(ticket: Ticket, name: str, value: str) -> str | None:
    """The value as it is kept; None for an empty one."""
    value = clean(value).strip()
    if len(value) > VALUE_LIMIT:
        raise InvalidInput(f"A field has at most {VALUE_LIMIT} characters.", field=name)
    if not value:
        return None
    if name == "phone":
        value = re.sub(r"[\s()（）]", "", value)
        if not re.fullmatch(r"\+?[0-9][0-9-]{2,24}", value):
            raise InvalidInput("A telephone number has 3 to 25 digits.", field=name)
    options = _options(ticket.service, name)
    if options and value not in options:
        raise InvalidInput("The form offers other values.", field=name, expected=sorted(options))
    return value


def _options(service: str, name: str) -> set[str]:
    if service not in forms.services():
        return set()
    return {
        str(option["value"])
        for field in forms.form(service).fields
        if field.name == name and field.type == "choice"
        for option in field.options
        if "value" in option
    }


def _take_away(session: Session, ticket: Ticket, actor: Actor, name: str, found: TicketField | None) -> int:
    gone = [found] if found is not None else []
    for field in gone:
        record(session, ticket, "ticket.field_corrected", actor.tag, field=field.id, name=name, before=field.current)
        field.removed, field.corrected_by, field.corrected_at = True, actor.id, clock.now()
    return len(gone)


def _set(session: Session, ticket: Ticket, actor: Actor, name: str, found: TicketField | None, value: str) -> int:
    if found is None:
        found = TicketField(
            ticket_id=ticket.id, name=name, position=len(ticket.fields), value=value, component="agent", candidates=[]
        )
        found.corrected_by, found.corrected_at = actor.id, clock.now()
        ticket.fields.append(found)
        _resolve(found)
        session.flush()
        record(session, ticket, "ticket.field_corrected", actor.tag, field=found.id, name=name, after=value)
        return 1
    if found.current == value and not found.removed:
        return 0
    before = found.current
    found.corrected_value = value if value != found.value else None
    found.removed, found.corrected_by, found.corrected_at = False, actor.id, clock.now()
    _resolve(found)
    record(session, ticket, "ticket.field_corrected", actor.tag, field=found.id, name=name, before=before, after=value)
    return 1


def _resolve(field: TicketField) -> None:
    """Gives a corrected field its meaning: the candidate that was chosen, or what the resolver finds. The machine's own
    meaning stays among the candidates."""
    known = [dict(candidate) for candidate in field.candidates]
    if field.resolved and field.resolved not in known:
        known.insert(0, dict(field.resolved))
        field.candidates = known
    chosen = next((candidate for candidate in known if candidate.get("value") == field.current), None)
    if chosen is None and _resolver is not None:
        resolved = _resolver(field.name, field.current)
        chosen = dict(resolved) if resolved else None
    field.resolved = chosen


@dataclass(frozen=True, kw_only=True)
class CorrectedField:
    """One field of a corrected text: what the machine found where (offsets into the text; None: nowhere), and what counts."""

    name: str
    start: int | None
    end: int | None
    surface: str
    found: str
    value: str
    removed: bool
    missed: bool


@dataclass(frozen=True, kw_only=True)
class Correction:
    """A message's text with its fields as an agent confirmed them: tomorrow's training example."""

    ticket_number: str
    message_id: str
    channel: str
    text: str
    intents: tuple[str, ...]
    urgency: str
    sentiment: str
    fields: tuple[CorrectedField, ...]


def corrections(session: Session, *, only_changed: bool = True) -> Iterator[Correction]:
    """The reviewed messages with their fields, oldest first. ``only_changed``: those where an agent changed something."""
    query = select(Ticket).where(Ticket.confirmed.is_not(None)).order_by(Ticket.id).execution_options(yield_per=200)
    for ticket in session.scalars(query):
        fields = list(session.scalars(select(TicketField).where(TicketField.ticket_id == ticket.id)))
        if only_changed and not any(field.corrected_at for field in fields):
            continue
        entries = select(Entry).where(
            Entry.ticket_id == ticket.id, Entry.kind == "message", Entry.message_id.is_not(None)
        )
        for index, entry in enumerate(session.scalars(entries.order_by(Entry.id))):
            if entry.text.strip():
                yield _correction(ticket, entry, fields, first=index == 0)


def _correction(ticket: Ticket, entry: Entry, fields: list[TicketField], *, first: bool) -> Correction:
    own: list[CorrectedField] = []
    for field in fields:
        missed = field.component == "agent" and field.message_id is None
        if field.message_id != entry.message_id and not (missed and first):
            continue
        start, end = field.start, field.end
        if missed and (at := entry.text.find(field.current)) >= 0:
            start, end = at, at + len(field.current)
        own.append(
            CorrectedField(
                name=field.name,
                start=start,
                end=end,
                surface=entry.text[start:end] if start is not None and end is not None else "",
                found="" if missed else field.value,
                value=field.current,
                removed=field.removed,
                missed=missed,
            )
        )
    return Correction(
        ticket_number=ticket.number,
        message_id=entry.message_id or "",
        channel=entry.channel,
        text=entry.text,
        intents=tuple(str(intent.get("name", "")) for intent in ticket.intents),
        urgency=ticket.urgency,
        sentiment=ticket.sentiment,
        fields=tuple(own),
    )
