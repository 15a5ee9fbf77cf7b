"""What the customer of a ticket may see of it, and what that customer may do with it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.webform.words import EVENTS, STATES, word
from core import db, settings
from core.errors import Conflict, NotFound
from intake import MessageRow
from ticketing import Entry, Event, Identity, Ticket, load, move, record

_RECEIPT = re.compile(r"R([0-9A-F]{10})")
RATEABLE = ("completed", "billed", "closed")
REOPENABLE = ("closed", "cancelled")


@dataclass(frozen=True, kw_only=True)
class Known:
    """Who may follow it: ``codes`` are the last four digits of the customer's numbers."""

    codes: frozenset[str]
    sender: tuple[str, str]
    ticket_number: str = ""
    conversation: str = ""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One line of the story."""

    at: str
    who: str
    text: str
    files: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Told:
    """A ticket as its page shows it."""

    number: str
    state: str
    steps: Sequence[Step]
    asked: str = ""
    rateable: bool = False
    rated: bool = False
    reopenable: bool = False


def find(number: str) -> Known | None:
    """By a ticket's or a receipt's number; None if there is none."""
    with db.read() as session:
        row, ticket = _rows(session, number)
        if row is None and ticket is None:
            return None
        phones: list[str] = []
        sender = (row.content["sender"]["kind"], row.content["sender"]["value"]) if row else ("", "")
        if row is not None:
            phones += [value for name, value in row.content["fields"].items() if "phone" in name]
        if ticket is not None:
            phones += [f.current for f in ticket.fields if f.name == "phone" and not f.removed]
            identities = session.scalars(select(Identity).where(Identity.customer_id == ticket.customer_id)).all()
            phones += [i.value for i in identities if i.kind == "phone"]
            first = next((i for i in identities if i.kind == "phone"), identities[0] if identities else None)
            if first is not None and row is None:
                sender = (first.kind, first.value)
        digits = ["".join(c for c in phone if c.isascii() and c.isdigit()) for phone in phones]
        return Known(
            codes=frozenset(d[-4:] for d in digits if len(d) >= 7),
            sender=sender if sender[0] else ("webform", number),
            ticket_number=ticket.number if ticket else "",
            conversation=row.conversation if row else "",
        )


def tell(number: str, language: str) -> Told:
    """Raises NotFound."""
    with db.read() as session:
        row, ticket = _rows(session, number)
        if ticket is None:
            if row is None:
                raise NotFound("There is no such number.")
            step = Step(at=_local(row.received_at), who=word(language, "you"), text=row.text)
            return Told(number=number, state=STATES["draft"][language == "en"], steps=[step])
        steps: list[tuple[datetime, int, Step]] = []
        events = session.scalars(select(Event).where(Event.ticket_id == ticket.id).order_by(Event.id)).all()
        for event in events:
            if event.kind in EVENTS:
                text = EVENTS[event.kind][language == "en"]
                steps.append((event.at, 0, Step(at=_local(event.at), who="", text=text)))
        entries = session.scalars(
            select(Entry).where(Entry.ticket_id == ticket.id, Entry.kind.in_(("message", "reply"))).order_by(Entry.id)
        ).all()
        for entry in entries:
            who = word(language, "you" if entry.kind == "message" else "we")
            names = [str(a.get("name", "")) for a in entry.attachments]
            steps.append((entry.at, 1, Step(at=_local(entry.at), who=who, text=entry.text, files=names)))
        steps.sort(key=lambda step: step[:2])
        asked = entries[-1].text if entries and entries[-1].kind == "reply" and ticket.state not in REOPENABLE else ""
        return Told(
            number=ticket.number,
            state=STATES[ticket.state][language == "en"],
            steps=[step for _, _, step in steps],
            asked=asked,
            rateable=ticket.state in RATEABLE,
            rated=any(event.kind == "survey.answered" for event in events),
            reopenable=ticket.state in REOPENABLE,
        )


def reopen(number: str, reason: str) -> None:
    """Raises Conflict if the ticket is not closed."""
    with db.write() as session:
        ticket = load(session, _ticket(session, number).id)
        move(session, ticket, "reopen", "customer", reason=reason)


def answered(number: str) -> None:
    """A ticket that waited for its customer goes on."""
    with db.write() as session:
        _, ticket = _rows(session, number)
        if ticket is not None and ticket.state == "waiting":
            move(session, load(session, ticket.id), "resume", "customer")


def rate(number: str, score: int, comment: str) -> None:
    """Records the customer's judgement, 1 to 5, once. Raises Conflict."""
    with db.write() as session:
        ticket = load(session, _ticket(session, number).id)
        known = select(Event.id).where(Event.ticket_id == ticket.id, Event.kind == "survey.answered")
        if ticket.state not in RATEABLE or session.scalar(known) is not None:
            raise Conflict("This has been rated already or is not finished.")
        record(session, ticket, "survey.answered", "customer", score=score, comment=comment, channel="webform")


def _ticket(session: Session, number: str) -> Ticket:
    _, ticket = _rows(session, number)
    if ticket is None:
        raise NotFound("There is no ticket of this number yet.")
    return ticket


def _rows(session: Session, number: str) -> tuple[MessageRow | None, Ticket | None]:
    """The message behind a receipt, and the ticket, which may have been merged into another."""
    receipt = _RECEIPT.fullmatch(number)
    if receipt:
        prefix = receipt[1].lower()
        row = session.scalar(
            select(MessageRow).where(
                MessageRow.channel == "webform", MessageRow.id >= prefix, MessageRow.id < prefix + "g"
            )
        )
        ticket = session.get(Ticket, row.ticket_id) if row is not None and row.ticket_id else None
    else:
        row, ticket = None, session.scalar(select(Ticket).where(Ticket.number == number))
    for _ in range(5):
        if ticket is None or ticket.state != "merged" or ticket.merged_into_id is None:
            break
        ticket = session.get(Ticket, ticket.merged_into_id)
    return row, ticket


def _local(moment: datetime) -> str:
    return moment.astimezone(ZoneInfo(settings.get(settings.CoreSettings).zone)).strftime("%Y-%m-%d %H:%M")
