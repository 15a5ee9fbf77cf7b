"""Recordings that could not be recognised while the call went on: recognised later, as a promise, and their ticket completed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

import soundfile
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors import recorded
from connectors.sip.ending import RECOGNISE
from connectors.sip.recording import pcm_of
from core import db, log, outbox
from core.errors import NotFound
from intake import HeardWord, MessageRow, message_of
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
    except (NotFound, soundfile.LibsndfileError):
        logger.error("a recording that waits for recognition cannot be read", message=message_id)
        pcm = b""
    text, words = _without_payment(*recorded.recognise(pcm))

    def complete(session: Session) -> None:
        row = session.scalar(select(MessageRow).where(MessageRow.id == message_id).with_for_update())
        if row is not None and row.content.get("waits"):  # not twice, should two have promised it
            recognised(session, message_id, text, [asdict(word) for word in words])

    return complete


def _without_payment(text: str, words: Sequence[HeardWord]) -> tuple[str, Sequence[HeardWord]]:
    """Cards' numbers starred: nobody listened who could have made the recording silent."""
    covered = masked(text)
    if covered == text:
        return text, words
    return covered, [replace(word, text=covered[word.offset : word.offset + len(word.text)]) for word in words]
