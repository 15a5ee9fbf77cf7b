"""What people said and did in a call, told in its ticket: their conversation as a note, who talked and who waited as events.
Evidence for fields stays the customer's own words."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core import clock
from core.text import clean
from intake.message import HeardWord, Message
from ticketing import Entry, Ticket, record

SPEAKERS = {"customer": "客户", "agent": "客服", "system": "系统"}
LONGEST = 20_000  # characters of a note


def tell(session: Session, ticket: Ticket, message: Message) -> None:
    """Call it once for each call, in the transaction that finds its ticket."""
    people: dict[str, Any] = dict(message.extra.get("people") or {})
    spoken = list(message.extra.get("conversation") or [])
    if spoken:
        write_note(session, ticket.id, message.channel, spoken)
    for talk in people.get("talked", []):
        seconds = round((int(talk["end"]) - int(talk["start"])) / 1000)
        actor = f"user:{talk['agent']}" if talk.get("agent") else "sip"
        event = record(session, ticket, "call.talked", actor, seconds=seconds, message=message.channel_id)
        event.at = min(clock.now(), datetime.fromisoformat(str(talk["at"])))
    if people.get("wish") == "call back":
        why = str(people.get("because", "gone"))
        record(session, ticket, "call.call_back_wanted", "customer", waited=people.get("waited", 0), because=why)


def write_note(session: Session, ticket_id: int, channel: str, spoken: list[dict[str, Any]]) -> None:
    """A conversation as a note of its ticket."""
    note = {"kind": "note", "author": "system", "channel": channel, "at": clock.now()}
    session.add(Entry(ticket_id=ticket_id, text=transcript(spoken), **note))


def lines(text: str, words: Sequence[HeardWord]) -> list[tuple[str, int]]:
    """Each line of a recognised text and when it begins (ms)."""
    found, offset = [], 0
    for line in text.split("\n"):
        start = next((word.start for word in words if offset <= word.offset < offset + len(line) + 1), 0)
        if line.strip():
            found.append((line, start))
        offset += len(line) + 1
    return found


def transcript(spoken: list[dict[str, Any]]) -> str:
    """A line each: when, who, what."""
    lines = [
        f"[{int(one['start']) // 60_000:02d}:{int(one['start']) // 1000 % 60:02d}] "
        f"{SPEAKERS.get(str(one['speaker']), one['speaker'])}: {one['text']}"
        for one in spoken
    ]
    return clean("\n".join(lines), LONGEST)
