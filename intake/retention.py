"""Retention: what was kept of a message is deleted after as many days as the policy says; its text and the ticket stay.

Counted from the day the message came, and not before its ticket has ended: while somebody works on it, the evidence is
needed. A legal hold on the ticket stops it. Contents are erased with their keys (``core.blobs``) before the database says so:
a run that breaks off is simply done again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import Field
from sqlalchemy import String, Text, cast, or_, select
from sqlalchemy.orm import Session

from core import blobs, clock, db, log, outbox, settings
from core.errors import NotFound
from intake.tables import MessageRow
from ticketing import Customer, Entry, Ticket, audit, record
from ticketing.hold import held
from ticketing.joining import together
from ticketing.workflow import FINAL

KIND = "intake.retention"
DAILY = "daily"
HOUR = 3  # of the business's day: when nobody is kept waiting
MOST = 2000  # messages of one run; what is left follows at once
JUST_NOW = timedelta(hours=1)  # a content that came again so lately may belong to a message that is still on its way
_REFERENCE = re.compile(r"[0-9a-f]{64}")
SCRATCH_DAYS = timedelta(days=1)  # after which a file that was being written is a dead process's
logger = log.get(__name__)
References = Callable[[Session], Iterable[str]]
_others: list[References] = []


def needed_by(references: References) -> None:
    """Registers a room that keeps contents of its own in the same store: what it refers to is not deleted."""
    if references not in _others:
        _others.append(references)


class RetentionSettings(settings.Section, prefix="KEEP"):
    """Days that contents are kept after they came, once their ticket has ended; 0 is for ever."""

    recordings_days: int = Field(0, ge=0, description="Recordings of calls and voice messages.")
    originals_days: int = Field(0, ge=0, description="Originals as they came, such as whole mails.")
    attachments_days: int = Field(0, ge=0, description="Pictures and files that customers sent.")


@dataclass(frozen=True, kw_only=True)
class Due:
    """What is to go of one message. ``kinds``: recording, original, attachments; ``stays``: why it does not go yet."""

    message_id: str
    ticket_id: int | None
    received: datetime
    kinds: tuple[str, ...]
    references: tuple[str, ...]
    stays: str = ""


def days() -> dict[str, int]:
    """Kind of content to days, of those that are not kept for ever."""
    config = settings.get(RetentionSettings)
    every = {
        "recording": config.recordings_days,
        "original": config.originals_days,
        "attachments": config.attachments_days,
    }
    return {kind: number for kind, number in every.items() if number}


def due(policy: dict[str, int], *, customers: Collection[int] | None = None) -> Iterator[Due]:
    """What is over its days, oldest first; of these customers only, if named. Those that stay for a reason come too."""
    moment = clock.now()
    limits = {kind: moment - timedelta(days=number) for kind, number in policy.items()}
    if not limits:
        return
    content = cast(MessageRow.content, Text)
    query = (
        select(MessageRow.id)
        .where(MessageRow.received_at <= max(limits.values()), content.regexp_match(_REFERENCE.pattern))
        .order_by(MessageRow.received_at, MessageRow.id)
    )
    if customers is not None:
        query = query.where(MessageRow.customer_id.in_(customers))
    with db.read() as session:
        ids = session.scalars(query).all()
    for start in range(0, len(ids), 200):
        with db.read() as session:
            for row in session.scalars(select(MessageRow).where(MessageRow.id.in_(ids[start : start + 200]))):
                kinds = tuple(kind for kind in limits if row.received_at <= limits[kind] and _of(row, kind))
                if kinds:
                    yield Due(
                        message_id=row.id,
                        ticket_id=row.ticket_id,
                        received=row.received_at,
                        kinds=kinds,
                        references=tuple(reference for kind in kinds for reference in _of(row, kind)),
                        stays=_stays(session, row),
                    )


def _of(row: MessageRow, kind: str) -> list[str]:
    """The references of one kind of content."""
    content: dict[str, Any] = row.content
    if kind == "attachments":
        return [str(one["blob"]) for one in content.get("attachments", ()) if one.get("blob")]
    return [str(content[kind])] if content.get(kind) else []


def _stays(session: Session, row: MessageRow) -> str:
    if row.ticket_id is None:
        return "" if row.state in ("understood", "recorded") else "not read yet"
    if held(session, row.ticket_id):
        return "held"
    ticket_id: int | None = row.ticket_id
    seen: set[int] = set()
    while ticket_id is not None and ticket_id not in seen:
        seen.add(ticket_id)
        ticket = session.get_one(Ticket, ticket_id)
        if ticket.state not in FINAL:
            return "under way"
        ticket_id = ticket.merged_into_id
    return ""


def delete(found: Sequence[Due], actor: str, why: str) -> int:
    """Deletes these contents, audited; returns of how many messages. What another message needs too stays on disk for it."""
    wanted = {reference for one in found for reference in one.references}
    needed = _needed(wanted, {one.message_id: set(one.references) for one in found}) if wanted else set()
    store = blobs.store()
    fresh = (clock.now() - JUST_NOW).timestamp()
    done = 0
    for one in found:
        if any(reference not in needed and store.touched(reference) > fresh for reference in one.references):
            continue  # the next run
        for reference in set(one.references) - needed:
            store.delete(reference)
        with db.write() as session:
            _note(session, one, actor, why)
        done += 1
    return done


def _note(session: Session, one: Due, actor: str, why: str) -> None:
    row = session.scalar(select(MessageRow).where(MessageRow.id == one.message_id).with_for_update())
    if row is None:
        return
    moment = clock.now()
    when = {kind: moment.isoformat(timespec="seconds") for kind in one.kinds}
    content: dict[str, Any] = {**row.content, "extra": {**row.content.get("extra", {})}}
    content["extra"]["deleted"] = {**content["extra"].get("deleted", {}), **when}
    for kind in one.kinds:
        content[kind] = "" if kind != "attachments" else _without(content[kind])
    row.content = content
    entry = session.scalar(select(Entry).where(Entry.message_id == row.id))
    if entry is not None:
        entry.deleted = {**(entry.deleted or {}), **when}
        if "recording" in one.kinds:
            entry.recording = None
        if "attachments" in one.kinds:
            entry.attachments = _without(entry.attachments)
        ticket = session.get_one(Ticket, entry.ticket_id)
        record(session, ticket, "content.deleted", actor, entry=entry.id, kinds=list(one.kinds), why=why)
    subject = f"ticket:{one.ticket_id}" if one.ticket_id is not None else f"message:{one.message_id}"
    audit.write(session, actor, "content.deleted", subject, kinds=list(one.kinds), why=why, message=one.message_id)


def _without(attachments: Sequence[Any]) -> list[Any]:
    return [{**one, "blob": "", "remote": ""} if "remote" in one else {**one, "blob": ""} for one in attachments]


def _needed(wanted: set[str], going: Mapping[str, set[str]]) -> set[str]:
    """Which of these references something else points to than what is going (by message): the same picture may have been
    sent twice. Reads every message once, which is why it is done for a whole run."""
    found: set[str] = set()
    with db.read() as session:
        messages = select(MessageRow.id, cast(MessageRow.content, Text)).execution_options(yield_per=500)
        for message_id, text in session.execute(messages):
            found |= wanted.intersection(_REFERENCE.findall(text)) - going.get(message_id, set())
        entries = select(cast(Entry.attachments, Text), Entry.recording).where(
            or_(Entry.message_id.is_(None), Entry.message_id.not_in(select(MessageRow.id))),
            or_(Entry.recording.is_not(None), cast(Entry.attachments, String) != "[]"),
        )
        for text, recording in session.execute(entries.execution_options(yield_per=500)):
            found.update(wanted.intersection({*_REFERENCE.findall(text or ""), recording}))
        for references in _others:
            found |= wanted.intersection(references(session))
    return found


def erase_customer(customer: int, actor: str, why: str) -> tuple[int, int]:
    """Deletes every recording, original and attachment that came from a customer or from those joined into it, whatever its
    age: messages cleared, and messages that stay because their ticket is held or under way, or because a content of
    theirs came within the last hour. Raises NotFound."""
    with db.read() as session:
        known = session.get(Customer, customer)
        if known is None:
            raise NotFound("There is no such customer.")
        customers = together(session, known)
    found = list(due({"recording": 0, "original": 0, "attachments": 0}, customers=customers))
    done = delete([one for one in found if not one.stays], actor, why)
    return done, len(found) - done


@outbox.handler(KIND, queue="bulk", lease=3600, attempts=5, backoff=60.0, last_resort=lambda *_: _tomorrow)
def keep_policy(promise: outbox.Promise) -> outbox.Effect:
    """One day's deletions; promises the next day's."""
    policy = days()
    going: list[Due] = []
    waiting = 0
    for one in due(policy):
        if one.stays:
            waiting += 1
        elif len(going) < MOST:
            going.append(one)
    cleared = delete(going, "intake", _said(policy))
    if cleared:
        logger.info("contents were deleted by the policy of retention", messages=cleared, held_or_open=waiting)

    blobs.store().sweep((clock.now() - SCRATCH_DAYS).timestamp())

    def again(session: Session) -> None:
        if cleared and len(going) == MOST:
            outbox.promise(session, KIND, unique_key=DAILY)
        else:
            _tomorrow(session)

    return again


def begin() -> None:
    """Sees to it that the daily run is promised."""
    with db.write() as session:
        _tomorrow(session)


def _tomorrow(session: Session) -> None:
    zone = ZoneInfo(settings.get(settings.CoreSettings).zone)
    local = clock.now().astimezone(zone)
    run = local.replace(hour=HOUR, minute=0, second=0, microsecond=0)
    outbox.promise(session, KIND, due=run if run > local else run + timedelta(days=1), unique_key=DAILY)


def _said(policy: dict[str, int]) -> str:
    return ", ".join(f"{kind} {number} days" for kind, number in sorted(policy.items()))
