"""Recordings that could not be recognised while the call went on: recognised later, as a promise, and their ticket completed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors import recorded
from connectors.sip.ending import RECOGNISE, still_wrong
from connectors.sip.recording import pcm_of
from core import db, log, outbox
from core.errors import HotlineError
from intake import HeardWord, Message, MessageRow, message_of, talked
from intake.payment import masked
from intake.understand import recognised

logger = log.get(__name__)


@outbox.handler(RECOGNISE, queue="bulk", lease=1800, attempts=12, backoff=5.0)
def recognise(promise: outbox.Promise) -> outbox.Effect | None:
    """Raises Unavailable (retried) while no recogniser is free."""
    message_id = promise.payload["message"]
    with db.read() as session:
        row = session.get(MessageRow, message_id)
        if row is None:
            return None
        message = message_of(row)
    if not message.waits or not message.recording:
        return None
    try:
        pcm = pcm_of(message.recording)
    except HotlineError:  # erased, changed, or its key is not at hand
        logger.error("a recording that waits for recognition cannot be read", message=message_id)
        pcm = b""
    text, words = _without_payment(*recorded.recognise(pcm))

    spoken = _conversation(message, text, words)

    def complete(session: Session) -> None:
        row = session.scalar(select(MessageRow).where(MessageRow.id == message_id).with_for_update())
        if row is not None and row.content.get("waits"):  # not twice, should two have promised it
            recognised(session, message_id, text, [asdict(word) for word in words], still_wrong(row.problem))
            if spoken and row.ticket_id is not None:
                talked.write_note(session, row.ticket_id, row.channel, spoken)

    return complete


def _conversation(message: Message, text: str, words: Sequence[HeardWord]) -> list[dict[str, Any]]:
    """Both sides anew, where an agent was heard; [] where none was. What was said after the last turn is in it."""
    try:
        agents = pcm_of(message.recording, "agent")
    except HotlineError:
        return []
    if not agents.strip(b"\0"):
        return []
    sides = {"customer": (text, words), "agent": _without_payment(*recorded.recognise(agents, "agent"))}
    return sorted(
        (
            {"speaker": speaker, "text": line, "start": start}
            for speaker, (whole, known) in sides.items()
            for line, start in talked.lines(whole, known)
        ),
        key=lambda one: int(one["start"]),
    )


def _without_payment(text: str, words: Sequence[HeardWord]) -> tuple[str, Sequence[HeardWord]]:
    """Cards' numbers starred: nobody listened who could have made the recording silent."""
    covered = masked(text)
    if covered == text:
        return text, words
    return covered, [replace(word, text=covered[word.offset : word.offset + len(word.text)]) for word in words]
