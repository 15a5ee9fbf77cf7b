"""A ticket's timeline: events, messages and notices in one order."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import db
from ticketing import audit, masking, merging
from ticketing.access import Actor, check_visible, sees_personal
from ticketing.api.schemas import Timeline, TimelineItem
from ticketing.api.show import Names, user_of
from ticketing.tables import Entry, Event, Notice, Ticket, TicketField

# An event that only says that a message came repeats the message.
_SILENT = frozenset({"ticket.added"})


def of_ticket(actor: Actor, ticket_id: int) -> Timeline:
    """Raises NotFound. A look at unmasked texts is audited like a look at the ticket."""
    with db.read() as session:
        check_visible(session, actor, ticket_id)
        plain = sees_personal(actor, session.get_one(Ticket, ticket_id))
        items = _items(session, merging.family(session, ticket_id), plain=plain)
    if plain:
        with db.write() as session:
            audit.write(
                session, actor.tag, "ticket.seen", f"ticket:{ticket_id}", address=actor.address, part="timeline"
            )
    return Timeline(items=items)


def _items(session: Session, family: Sequence[int], *, plain: bool) -> list[TimelineItem]:
    events = session.scalars(select(Event).where(Event.ticket_id.in_(family), Event.kind.not_in(_SILENT))).all()
    entries = session.scalars(select(Entry).where(Entry.ticket_id.in_(family))).all()
    notices = session.scalars(select(Notice).where(Notice.ticket_id.in_(family))).all()
    fields = session.scalars(select(TicketField).where(TicketField.ticket_id.in_(family))).all()
    secrets = [(f.name, text) for f in fields for text in (f.value, f.surface, f.corrected_value or "") if text]
    names = Names(session, [user_of(actor) for actor in (*(e.actor for e in events), *(e.author for e in entries))])

    def shown(text: str) -> str:
        return text if plain else masking.text(text, secrets)

    items = [
        TimelineItem(
            at=event.at,
            kind=event.kind,
            actor=event.actor,
            actor_name=names.of(event.actor),
            text=shown(str(event.details.get("reason") or "")),
            details=event.details if plain else masking.details(event.details),
        )
        for event in events
    ]
    items += [
        TimelineItem(
            at=entry.at,
            kind=f"entry.{entry.kind}",
            actor=entry.author,
            actor_name=names.of(entry.author),
            text=shown(entry.text),
            details={"entry": entry.id, "channel": entry.channel, "ticket": entry.ticket_id},
        )
        for entry in entries
    ]
    items += [
        TimelineItem(
            at=notice.sent or notice.created,
            kind=f"notice.{notice.purpose}",
            actor="system",
            actor_name="",
            text=shown(notice.text),
            details={
                "notice": notice.id,
                "state": notice.state,
                "sent_by": notice.sent_by,
                "error": shown(notice.error),
                "entry": notice.extra.get("entry"),
            },
        )
        for notice in notices
        if notice.extra.get("entry") is None or notice.state == "failed"
    ]
    return sorted(items, key=lambda item: item.at)
