"""Tickets as the API shows them to one reader: what is masked is decided here for every answer that holds a ticket."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from ticketing import forms, joining, masking, merging, review, workflow
from ticketing.access import Actor, sees_personal
from ticketing.api.schemas import (
    AssetAnswer,
    AttachmentAnswer,
    CustomerShort,
    EntryAnswer,
    FieldAnswer,
    IdentityAnswer,
    PerhapsSame,
    Person,
    TicketAnswer,
    TicketRow,
)
from ticketing.tables import Asset, Customer, Entry, Identity, Notice, Ticket, TicketField, TicketHold, User

BRIEF = ("contact_name", "phone", "address", "device", "brand", "model", "fault", "fault_code", "time", "order")
# The steps that have an address POST /tickets/{id}/STEP, by their name in the workflow's table.
STEPS = (
    "confirm",
    "undo_confirm",
    "discard",
    "restore",
    "assign",
    "accept",
    "refuse",
    "check_in",
    "complete",
    "resolve",
    "cancel",
    "reopen",
    "merge",
    "unmerge",
    "resume",
)


class Names:
    """Users' names, fetched together."""

    def __init__(self, session: Session, ids: Iterable[int | None]) -> None:
        wanted = {user_id for user_id in ids if user_id is not None}
        self._names: dict[int, str] = {}
        if wanted:
            rows = session.execute(select(User.id, User.name).where(User.id.in_(wanted)))
            self._names = {row.id: row.name for row in rows}

    def person(self, user_id: int | None) -> Person | None:
        return Person(id=user_id, name=self._names.get(user_id, "")) if user_id is not None else None

    def of(self, actor: str) -> str:
        """The name behind ``user:7``; "" for a room or the customer."""
        user_id = user_of(actor)
        return self._names.get(user_id, "") if user_id is not None else ""


def user_of(actor: str) -> int | None:
    kind, _, user_id = actor.partition(":")
    return int(user_id) if kind == "user" and user_id.isdecimal() else None


def customer_short(customer: Customer, *, plain: bool = False) -> CustomerShort:
    numbers = [identity.value for identity in customer.identities if identity.kind == "phone"]
    number = numbers[0] if numbers else ""
    return CustomerShort(
        id=customer.id,
        name=customer.name,
        phone=number if plain else masking.phone(number),
        level=customer.level,
        language=customer.language,
    )


def identity(row: Identity, *, plain: bool) -> IdentityAnswer:
    return IdentityAnswer(
        kind=row.kind, value=row.value if plain else masking.identity(row.kind, row.value), verified=row.verified
    )


def identities(customer: Customer, *, plain: bool) -> list[IdentityAnswer]:
    return [identity(row, plain=plain) for row in customer.identities]


def perhaps_same(session: Session, customer_id: int, *, plain: bool) -> list[PerhapsSame]:
    """Who may be the same person as this customer, and why."""
    found: list[PerhapsSame] = []
    for other_id, because in joining.proposals(session, customer_id):
        other = session.get_one(Customer, other_id)
        known = identities(other, plain=plain)
        found.append(PerhapsSame(id=other.id, name=other.name, because=because, identities=known))
    return found


def asset(row: Asset, *, plain: bool) -> AssetAnswer:
    return AssetAnswer(
        id=row.id,
        code=row.code,
        customer_id=row.customer_id,
        device=row.device,
        brand=row.brand,
        model=row.model,
        serial=row.serial,
        address=row.address if plain else masking.address(row.address),
        installed=row.installed,
        warranty_until=row.warranty_until,
    )


def rows(session: Session, tickets: Sequence[Ticket]) -> list[TicketRow]:
    """Tickets of a list, always masked: nobody needs a page full of addresses."""
    names = Names(session, [user_id for t in tickets for user_id in (t.assignee_id, t.reviewer_id)])
    return [TicketRow(**_row(ticket, names, plain=False)) for ticket in tickets]


def _row(ticket: Ticket, names: Names, *, plain: bool) -> dict[str, Any]:
    brief = {name: ticket.value(name) for name in BRIEF}
    if not plain:
        brief = {name: masking.field(name, value) for name, value in brief.items()}
    return {
        "id": ticket.id,
        "number": ticket.number,
        "version": ticket.version,
        "state": ticket.state,
        "service": ticket.service,
        "intents": ticket.intents,
        "urgency": ticket.urgency,
        "sentiment": ticket.sentiment,
        "priority": ticket.priority,
        "summary": ticket.summary if plain else masking.text(ticket.summary, _secrets(ticket.fields)),
        "missing": ticket.missing,
        "channel": ticket.channel,
        "created": ticket.created,
        "confirmed": ticket.confirmed,
        "closed": ticket.closed,
        "customer": customer_short(ticket.customer, plain=plain) if ticket.customer else None,
        "assignee": names.person(ticket.assignee_id),
        "reviewer": names.person(ticket.reviewer_id),
        "unread": ticket.unread is not None,
        "wish": ticket.wish,
        "brief": {name: value for name, value in brief.items() if value},
    }


def _secrets(fields: Iterable[TicketField]) -> list[tuple[str, str]]:
    """What of these fields must not stand in a masked text, longest first."""
    found = {(f.name, text) for f in fields for text in (f.value, f.surface, f.corrected_value or "") if text}
    return sorted(found, key=lambda secret: -len(secret[1]))


def ticket(session: Session, row: Ticket, actor: Actor) -> TicketAnswer:
    """One ticket with everything the reader may see of it and do with it."""
    plain = sees_personal(actor, row)
    family = merging.family(session, row.id)
    entries = session.scalars(select(Entry).where(Entry.ticket_id.in_(family)).order_by(Entry.at, Entry.id)).all()
    fields = list(row.fields)
    if len(family) > 1:
        others = session.scalars(select(TicketField).where(TicketField.ticket_id.in_(family[1:])))
        secrets = _secrets([*fields, *others])
    else:
        secrets = _secrets(fields)
    names = Names(
        session,
        [row.assignee_id, row.reviewer_id, *(f.corrected_by for f in fields), *(user_of(e.author) for e in entries)],
    )
    deliveries = _deliveries(session, family)
    likely = merging.duplicates(session, row, actor) if row.state in merging.ALIVE and actor.may("ticket.merge") else []
    return TicketAnswer(
        **_row(row, names, plain=plain),
        asset=asset(row.asset, plain=plain) if row.asset else None,
        parent_id=row.parent_id,
        merged_into=row.merged_into_id,
        held=_hold(session, row.id, secrets, plain=plain),
        merged=family[1:],
        reason=row.reason if plain else masking.text(row.reason, secrets),
        masked=not plain,
        fields=[_field(f, _labels(row.service), names, plain=plain) for f in fields],
        entries=[_entry(e, fields, secrets, names, deliveries.get(e.id, ""), actor, plain=plain) for e in entries],
        wish_entry=row.wish_entry,
        actions=actions(session, row, actor),
        duplicates=rows(session, likely),
        perhaps_same=perhaps_same(session, row.customer_id, plain=plain)
        if row.customer_id is not None and actor.may("customer.read")
        else [],
    )


def actions(session: Session, row: Ticket, actor: Actor) -> list[str]:
    """What the actor may do with the ticket now, by the names of the API's addresses."""
    may: list[str] = []
    for name in STEPS:
        way = workflow.TRANSITIONS[name]
        if row.state not in way.sources or not actor.may(way.permission):
            continue
        if way.permission == "visit.do" and row.assignee_id != actor.id:
            continue
        if (name == "undo_confirm" and not review.undoable(row)) or (
            name == "confirm" and not review.free_for(session, row, actor)
        ):
            continue
        may.append(name.replace("_", "-"))
    if row.state == "draft" and actor.may("ticket.review") and review.free_for(session, row, actor):
        may.append("claim" if row.reviewer_id != actor.id else "release")
    if row.state not in workflow.FINAL and actor.may("ticket.review"):
        may.append("fields")
    if actor.may("ticket.write"):
        may.append("note")
        if row.state in workflow.TRANSITIONS["cancel"].sources:
            may.append("reschedule")
        if row.wish is not None:
            may.append("leave")
        if row.customer_id is not None:
            may.append("reply")
            if row.state in ("draft", "waiting") or "wait_customer" in workflow.possible(row.state):
                may.append("ask")
    if not sees_personal(actor, row) and actor.may("personal.unmask"):
        may.append("unmask")
    return may


def _labels(service: str) -> dict[str, dict[str, str]]:
    if service not in forms.services():
        return {}
    return {field.name: field.label for field in forms.form(service).fields}


def _field(row: TicketField, labels: dict[str, dict[str, str]], names: Names, *, plain: bool) -> FieldAnswer:
    def shown(value: str) -> str:
        return value if plain else masking.field(row.name, value)

    return FieldAnswer(
        id=row.id,
        name=row.name,
        label=labels.get(row.name, {}),
        value=shown(row.value),
        current=shown(row.current),
        surface=shown(row.surface),
        confidence=row.confidence,
        component=row.component,
        message_id=row.message_id,
        start=row.start,
        end=row.end,
        audio_start=row.audio_start,
        audio_end=row.audio_end,
        resolved=row.resolved if plain else masking.meaning(row.name, row.resolved),
        candidates=row.candidates if plain else [masking.meaning(row.name, c) or {} for c in row.candidates],
        corrected_value=shown(row.corrected_value) if row.corrected_value is not None else None,
        corrected_by=names.person(row.corrected_by),
        corrected_at=row.corrected_at,
        removed=row.removed,
    )


def _entry(
    row: Entry,
    fields: Sequence[TicketField],
    secrets: Sequence[tuple[str, str]],
    names: Names,
    delivery: str,
    actor: Actor,
    *,
    plain: bool,
) -> EntryAnswer:
    text, words, place, reason = row.text, row.words, row.place, row.reason
    if not plain:
        spans = [
            (f.name, f.start, f.end)
            for f in fields
            if row.message_id is not None
            and f.message_id == row.message_id
            and f.start is not None
            and f.end is not None
        ]
        text = masking.text(text, secrets, spans)
        words = masking.words(row.words, text)
        place = None  # coordinates are an address
        reason = masking.text(reason, secrets)
    return EntryAnswer(
        id=row.id,
        ticket_id=row.ticket_id,
        kind=row.kind,
        author=row.author,
        author_name=names.of(row.author),
        channel=row.channel,
        text=text,
        message_id=row.message_id,
        attachments=[_attachment(row.id, n, a) for n, a in enumerate(row.attachments)],
        words=words,
        recording_url=(
            f"/api/v1/tickets/{row.ticket_id}/recording?entry={row.id}"
            if row.recording and (plain or actor.may("recording.listen"))
            else None
        ),
        deleted=row.deleted or {},
        place=place,
        reason=reason,
        delivery=delivery,
        at=row.at,
    )


def _attachment(entry_id: int, number: int, kept: dict[str, Any]) -> AttachmentAnswer:
    return AttachmentAnswer(
        name=str(kept.get("name", "")),
        type=str(kept.get("type", "")),
        size=int(kept.get("size") or 0),
        url=f"/api/v1/attachments/{entry_id}/{number}" if kept.get("blob") else None,
    )


def _hold(session: Session, ticket_id: int, secrets: Sequence[tuple[str, str]], *, plain: bool) -> str | None:
    row = session.get(TicketHold, ticket_id)
    if row is None:
        return None
    return row.reason if plain else masking.text(row.reason, secrets)


def _deliveries(session: Session, family: Sequence[int]) -> dict[int, str]:
    """Entry id to what became of its sending."""
    notices = session.execute(select(Notice.extra, Notice.state).where(Notice.ticket_id.in_(family)))
    return {extra["entry"]: state for extra, state in notices if isinstance(extra.get("entry"), int)}
