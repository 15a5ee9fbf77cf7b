"""Recordings that could not be recognised while the call went on: recognised later, as a promise, and their ticket completed."""

from __future__ import annotations

import asyncio
from dataclasses import asdict
from typing import Any

import soundfile
from sqlalchemy import select
from sqlalchemy.orm import Session

from asr import Engine, Final, Listening
from asr.client import connect
from connectors.sip.ending import RECOGNISE
from connectors.sip.hearing import spoken
from connectors.sip.recording import pcm_of
from connectors.sip.wire import RATE
from core import db, log, outbox
from core.errors import NotFound
from intake import HeardWord, MessageRow, message_of
from intake.understand import recognised

PIECE = RATE * 2  # bytes: a second
logger = log.get(__name__)
_engine: Engine | None = None


def recognise_with(engine: Engine | None) -> None:
    """Has this process recognise by itself instead of asking `hotline asr` (``hotline transcribe --pending``)."""
    global _engine
    _engine = engine


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
    finals = _decoded(pcm, _engine) if _engine is not None else asyncio.run(_listen(pcm)) if pcm else []
    text, words = joined(finals)

    def complete(session: Session) -> None:
        row = session.scalar(select(MessageRow).where(MessageRow.id == message_id).with_for_update())
        if row is not None and row.content.get("waits"):  # not twice, should two have promised it
            recognised(session, message_id, text, words)

    return complete


def joined(finals: list[Final]) -> tuple[str, list[dict[str, Any]]]:
    """Utterances as one text, a line each, and each word's place in it."""
    lines: list[str] = []
    words: list[dict[str, Any]] = []
    offset = 0
    for final in finals:
        line, heard = spoken(final)
        at = 0
        for text, start, end, confidence in heard:
            found = line.index(text, at)
            words.append(
                asdict(HeardWord(text=text, offset=offset + found, start=start, end=end, confidence=confidence))
            )
            at = found + len(text)
        lines.append(line)
        offset += len(line) + 1
    return "\n".join(lines), words


def _decoded(pcm: bytes, engine: Engine) -> list[Final]:
    recognizer = engine.open(Listening(leg="customer"))
    try:
        heard = [*recognizer.accept(pcm), *recognizer.finish()]
    finally:
        recognizer.close()
    return [result for result in heard if isinstance(result, Final) and result.text.strip()]


async def _listen(pcm: bytes) -> list[Final]:
    finals: list[Final] = []
    async with connect(Listening(leg="customer"), live=False) as stream:
        for at in range(0, len(pcm), PIECE):
            await stream.send(pcm[at : at + PIECE])
            finals += [result for result in stream.pending() if isinstance(result, Final)]
        await stream.finish()
        finals += [result for result in stream.pending() if isinstance(result, Final)]
    return [final for final in finals if final.text.strip()]
