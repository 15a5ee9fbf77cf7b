"""Calls and chats that are going on. Durable from before the answer, so that whatever breaks, what was heard is kept."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from core import clock, db, live, log
from core.errors import NotFound
from intake import waiting
from intake.inbox import accept_in
from intake.message import Acceptance, HeardWord, Message, Sender
from intake.tables import SessionRow, TurnRow

logger = log.get(__name__)
Ending = Callable[[Session, SessionRow, Sequence[TurnRow]], Message]
Salvage = Callable[[str], dict[str, Any]]
_endings: dict[str, Ending] = {}
_salvages: dict[str, Salvage] = {}


@dataclass(frozen=True, kw_only=True)
class HeardTurn:
    """A finished utterance: spoken text, words [(text, start ms, end ms, confidence)], times in the recording."""

    speaker: str
    text: str
    words: Sequence[tuple[str, int, int, float]] = ()
    expects: str = ""
    start: int = 0
    end: int = 0


def open_session(
    channel: str, channel_id: str, sender: Sender, *, owner: str, facts: dict[str, Any] | None = None
) -> str:
    """Records that somebody is here; returns the session's id (32 hex digits). Call it before answering."""
    session_id = uuid.uuid4().hex
    with db.write() as session:
        session.add(
            SessionRow(
                id=session_id,
                channel=channel,
                channel_id=channel_id,
                sender=asdict(sender),
                owner=owner,
                opened=clock.now(),
                heard_from=clock.now(),
                facts=facts or {},
            )
        )
        live.publish_after_commit(session, "calls", {"session": session_id, "kind": "opened", "channel": channel})
    return session_id


def known_session(channel: str, channel_id: str) -> bool:
    """Whether this call or chat was opened before."""
    with db.read() as session:
        query = select(SessionRow.id).where(SessionRow.channel == channel, SessionRow.channel_id == channel_id)
        return session.scalars(query.limit(1)).first() is not None


def drop_session(session_id: str) -> None:
    """Takes a session back in which nothing happened yet: it becomes no message."""
    with db.write() as session:
        waiting.forget_in(session, session_id)
        session.execute(delete(SessionRow).where(SessionRow.id == session_id, SessionRow.state == "open"))


def append_turn(session_id: str, turn: HeardTurn) -> int:
    """Keeps a turn at once; returns its number (1, 2, ...). Raises NotFound."""
    with db.write() as session:
        row = _open(session, session_id)  # locked: caller and agent speak at once, and each turn has its own number
        number = 1 + (session.scalar(select(func.max(TurnRow.number)).where(TurnRow.session_id == session_id)) or 0)
        session.add(
            TurnRow(
                session_id=session_id,
                number=number,
                speaker=turn.speaker,
                text=turn.text,
                words=[list(word) for word in turn.words],
                expects=turn.expects,
                start=turn.start,
                end=turn.end,
                at=clock.now(),
            )
        )
        row.heard_from = clock.now()
        live.publish_after_commit(
            session,
            f"call:{session_id}",
            {"kind": "turn", "session": session_id, "turn": number, "speaker": turn.speaker, "text": turn.text},
        )
    return number


def mask_turn(session_id: str, number: int, turn: HeardTurn) -> None:
    """Writes a kept turn anew: what was said in it turned out to be payment data."""
    with db.write() as session:
        row = session.scalar(select(TurnRow).where(TurnRow.session_id == session_id, TurnRow.number == number))
        if row is None:
            return
        row.text, row.words = turn.text, [list(word) for word in turn.words]
        item = {"kind": "turn", "session": session_id, "turn": number, "speaker": row.speaker, "text": row.text}
        live.publish_after_commit(session, f"call:{session_id}", item)


def sign_of_life(session_ids: Sequence[str], facts: dict[str, dict[str, Any]] | None = None) -> None:
    """Says that these sessions are still going on; ``facts`` by session are added to what is known."""
    with db.write() as session:
        alive = select(SessionRow).where(SessionRow.id.in_(session_ids), SessionRow.state == "open")
        for row in session.scalars(alive.order_by(SessionRow.id).with_for_update()):
            row.heard_from = clock.now()
            if facts and row.id in facts:
                row.facts = {**row.facts, **facts[row.id]}


def stage(session_id: str, **people: Any) -> None:
    """Keeps how a call stands (``stage``: dialog, queue, ringing, talking, held; with whom) and tells the screens of it."""
    with db.write() as session:
        row = session.get(SessionRow, session_id, with_for_update=True)
        if row is None or row.state != "open":
            return
        row.facts = {**row.facts, "people": {**row.facts.get("people", {}), **people}}
        item = {"session": session_id, "kind": "changed", "stage": row.facts["people"].get("stage", "dialog")}
        live.publish_after_commit(session, "calls", item)


def on_end(channel: str, ending: Ending, salvage: Salvage | None = None) -> None:
    """Registers how a channel makes a Message of a session that ended, by itself or by the sweeper's hand. ``salvage`` is
    asked first, outside any transaction, what a dead process left behind: facts of the session; it may take its time."""
    _endings[channel] = ending
    if salvage is not None:
        _salvages[channel] = salvage


def end_session(session_id: str, outcome: str, facts: dict[str, Any] | None = None) -> Acceptance | None:
    """Turns the session into a Message in one transaction; None if it had ended before."""
    with db.write() as session:
        row = session.scalar(select(SessionRow).where(SessionRow.id == session_id).with_for_update())
        if row is None:
            raise NotFound("There is no such session.")
        if row.state != "open":
            return None
        row.facts = {**row.facts, **(facts or {})}
        return _end(session, row, outcome)


def _end(session: Session, row: SessionRow, outcome: str) -> Acceptance:
    turns = session.scalars(select(TurnRow).where(TurnRow.session_id == row.id).order_by(TurnRow.number)).all()
    row.state, row.ended, row.outcome = "ended", clock.now(), outcome
    waiting.forget_in(session, row.id, rest=timedelta(seconds=row.facts.get("people", {}).get("rest", 0)))
    acceptance = accept_in(session, _endings[row.channel](session, row, turns))
    row.message_id = acceptance.message_id
    live.publish_after_commit(session, "calls", {"session": row.id, "kind": "ended", "outcome": outcome})
    return acceptance


def end_orphans(silent_for: timedelta) -> int:
    """Ends sessions whose process gave no sign of life; each becomes a Message with what was heard. Returns how many."""
    limit = clock.now() - silent_for
    with db.read() as session:
        orphans = session.execute(
            select(SessionRow.id, SessionRow.channel).where(SessionRow.state == "open", SessionRow.heard_from < limit)
        ).all()
    ended = 0
    for session_id, channel in orphans:
        try:
            left = _salvages[channel](session_id) if channel in _salvages else {}
            ended += _end_orphan(session_id, limit, left)
        except Exception:  # the others do not wait for it; it is tried again
            logger.exception("a session without a process could not be ended", session=session_id)
    freed = waiting.free_left_behind()
    if freed:
        logger.warning("telephones that were taken for calls which are over are free again", count=freed)
    if ended:
        logger.warning("sessions without a process were ended", count=ended)
    return ended


def _end_orphan(session_id: str, limit: datetime, left: dict[str, Any]) -> bool:
    with db.write() as session:
        row = session.scalar(select(SessionRow).where(SessionRow.id == session_id).with_for_update())
        if row is None or row.state != "open" or row.heard_from >= limit or row.channel not in _endings:
            return False
        row.facts = {**left, **row.facts}
        _end(session, row, "broken off")
    return True


def transcript(turns: Sequence[TurnRow], leg: str = "customer") -> tuple[str, list[HeardWord]]:
    """The customer's words of a session as one text, an utterance a line, with each word's place in it."""
    lines: list[str] = []
    words: list[HeardWord] = []
    offset = 0
    for turn in turns:
        if turn.speaker != leg:
            continue
        at = 0
        for text, start, end, confidence in turn.words:
            found = turn.text.find(text, at)
            if found < 0:
                continue
            words.append(
                HeardWord(
                    text=text, offset=offset + found, start=start, end=end, confidence=confidence, leg=turn.speaker
                )
            )
            at = found + len(text)
        lines.append(turn.text)
        offset += len(turn.text) + 1
    return "\n".join(lines), words


def _open(session: Session, session_id: str) -> SessionRow:
    row = session.get(SessionRow, session_id, with_for_update=True)
    if row is None or row.state != "open":
        raise NotFound("There is no such open session.")
    return row
