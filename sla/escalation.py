"""What happens at a percentage of a target: an event, a line of explanation, notices up the chain."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, settings
from sla.policy import Policy
from sla.tables import SlaClock, SlaNote
from sla.words import Words, in_language, moment_words, words
from ticketing import Ticket, User, notify, record

ACTOR = "sla"
NAMES: dict[str, Words] = {
    "first_response": words("首次响应", "first response"),
    "next_update": words("进展告知", "next update"),
    "arrival": words("上门", "arrival"),
    "solution": words("解决", "solution"),
}


def level_reached(session: Session, ticket: Ticket, row: SlaClock, level: int, policy: Policy) -> None:
    """Tells that ``level`` percent are used; 100 is the breach. Done once a level."""
    row.warned = level
    if level == 100:
        breach(session, ticket, row)
    elif level < 100:
        _note(
            session,
            row,
            f"warned:{level}:{row.target}",
            words(f"已用时限的 {level}%", f"{level} % of the target are used"),
        )
        record(
            session,
            ticket,
            "sla.warned",
            ACTOR,
            clock=row.name,
            round=row.round,
            level=level,
            due=row.due.isoformat() if row.due else None,
        )
    for step in policy.steps_at(level):
        for user in _recipients(session, ticket, step.notify):
            _tell(session, ticket, row, level, user)
        if step.raises and ticket.priority > 1:
            before, ticket.priority = ticket.priority, ticket.priority - 1
            _note(
                session,
                row,
                f"raised:{ticket.priority}",
                words(
                    f"优先级由 {before} 升为 {ticket.priority}", f"priority raised from {before} to {ticket.priority}"
                ),
            )
            record(session, ticket, "ticket.priority_changed", ACTOR, before=before, after=ticket.priority)


def breach(session: Session, ticket: Ticket, row: SlaClock) -> None:
    """The target was missed. Counts from when it was due, however late somebody looks."""
    row.state, row.breached = "breached", row.due or clock.now()
    row.warned = max(row.warned, 100)
    _note(session, row, f"breached:{row.target}", words("已超时", "the target was missed"), row.breached)
    record(
        session,
        ticket,
        "sla.breached",
        ACTOR,
        clock=row.name,
        round=row.round,
        due=row.due.isoformat() if row.due else None,
    )


def _recipients(session: Session, ticket: Ticket, names: tuple[str, ...]) -> list[User]:
    found: dict[int, User] = {}
    for name in names:
        if name in ("assignee", "reviewer"):
            user_id = ticket.assignee_id if name == "assignee" else ticket.reviewer_id
            user = session.get(User, user_id) if user_id else None
            people = [user] if user is not None and user.active else []
        else:
            people = list(session.scalars(select(User).where(User.role == name, User.active.is_(True))))
        found.update({user.id: user for user in people})
    return list(found.values())


def _tell(session: Session, ticket: Ticket, row: SlaClock, level: int, user: User) -> None:
    zone = ZoneInfo(settings.get(settings.CoreSettings).zone)
    name, due = NAMES[row.name], moment_words(row.due, zone) if row.due else "—"
    if level < 100:
        text = words(
            f"工单 {ticket.number} 的{name['zh']}时限已用 {level}%，应于 {due} 前完成。",
            f"Ticket {ticket.number}: {level} % of the time for {name['en']} are used; due {due}.",
        )
    else:
        text = words(
            f"工单 {ticket.number} 的{name['zh']}已超时（应于 {due} 前完成）。",
            f"Ticket {ticket.number}: {name['en']} is overdue (it was due {due}).",
        )
    notify(
        session,
        purpose="warning",
        subject=ticket.number,
        text=in_language(text, user.language),
        ticket=ticket,
        user_id=user.id,
        extra={"clock": row.name, "level": level},
    )


def _note(session: Session, row: SlaClock, key: str, text: Words, at: datetime | None = None) -> None:
    session.flush()
    if session.scalar(select(SlaNote.id).where(SlaNote.clock_id == row.id, SlaNote.key == key)) is None:
        session.add(SlaNote(clock_id=row.id, key=key, at=at or clock.now(), text=dict(text)))
