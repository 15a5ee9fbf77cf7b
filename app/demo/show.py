"""The demo's tables: expected beside got, and the evidence of each field."""

from __future__ import annotations

from collections.abc import Sequence

from rich.console import Console
from rich.table import Table
from rich.text import Text
from sqlalchemy import select
from sqlalchemy.orm import Session

from app.demo.script import Part
from app.demo.stage import STAFF, Stage
from ticketing import Entry, Ticket


def draft(out: Console, part: Part, tickets: Sequence[Ticket], *, waiting: bool) -> bool:
    """Prints expected beside got; True if there is one ticket and what must be right is right."""
    if len(tickets) != 1:
        out.print(f"[red]{part.title}: {len(tickets)} tickets instead of one[/red]")
        return False
    ticket = tickets[0]
    table = Table(
        "field", "expected", "got", "", title=f"{part.title}  {ticket.number}  {ticket.summary}", title_justify="left"
    )
    good = True
    for name, expected in part.expected.items():
        got = _got(ticket, name)
        same = expected in got or (name == "fault" and any(expected in value for value in got))
        must = name in part.sure and not waiting
        good = good and (same or not must)
        shown = " / ".join(got) if got else ("waits for recognition" if waiting else "-")
        table.add_row(name, expected, Text(shown, style="" if same else "yellow"), _mark(same, must))
    out.print(table)
    if waiting:
        out.print(f"  {ticket.summary}")
    return good


def _mark(same: bool, must: bool) -> Text:
    if same:
        return Text("=", style="green")
    return Text("must be right", style="red") if must else Text("differs", style="yellow")


def _got(ticket: Ticket, name: str) -> list[str]:
    if name == "intent":
        return [str(intent["name"]) for intent in ticket.intents[:1]]
    if name == "urgency":
        return [ticket.urgency]
    return list(dict.fromkeys(f.current for f in ticket.fields if f.name == name and not f.removed))


def evidence(out: Console, session: Session, ticket: Ticket) -> None:
    """Each field with confidence, where it stands, and when it is heard."""
    table = Table("field", "value", "sure", "found by", "evidence")
    for found in ticket.fields:
        where = f"“{found.surface}”" if found.surface else ""
        if found.start is not None:
            where += f" at {found.start}-{found.end}"
        if found.audio_start is not None and found.audio_end is not None:
            where += f", heard {found.audio_start / 1000:.1f}-{found.audio_end / 1000:.1f} s"
        table.add_row(found.name, found.current, f"{found.confidence:.2f}", found.component, where)
    out.print(table)
    for entry in session.scalars(select(Entry).where(Entry.ticket_id == ticket.id).order_by(Entry.id)):
        extras = [f"{len(entry.attachments)} attachment(s)"] if entry.attachments else []
        extras += ["recording"] if entry.recording else []
        extras += [f"place {entry.place['label']}"] if entry.place else []
        out.print(
            f"  {entry.channel}: {entry.text[:60]!r}"
            + (f" + {', '.join(extras)}" if extras else "")
            + (f"  -> {entry.reason}" if entry.reason else "")
        )
    out.print()


def staff(out: Console, stage: Stage) -> None:
    """Who can sign in."""
    table = Table(
        "sign-in name", "role", "name", title=f"Password of all of them: {stage.password}", title_justify="left"
    )
    for login, name, role, *_ in STAFF:
        table.add_row(login, role, name)
    out.print(table)
