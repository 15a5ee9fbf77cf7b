"""What is said in recorded audio: asked of the recogniser's process, or heard by an engine in this one."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from asr import RATE, Engine, Final, Listening
from asr.client import connect
from asr.transcribe import joined
from intake import HeardWord

PIECE = RATE * 2  # bytes: a second
_engine: Engine | None = None


def recognise_with(engine: Engine | None) -> None:
    """Has this process recognise by itself instead of asking `hotline asr` (``hotline transcribe --pending``)."""
    global _engine
    _engine = engine


def recognise(pcm: bytes, leg: str = "customer") -> tuple[str, list[HeardWord]]:
    """The words of 16 kHz mono s16le audio. Raises Unavailable while no recogniser is free."""
    if not pcm:
        return "", []
    return in_text(_decoded(pcm, _engine, leg) if _engine is not None else asyncio.run(_listen(pcm, leg)))


def in_text(finals: Sequence[Final]) -> tuple[str, list[HeardWord]]:
    """Utterances as one text, a line each, and each word's place in it."""
    text, placed = joined(finals)
    return text, [
        HeardWord(text=word.text, offset=offset, start=word.start, end=word.end, confidence=word.confidence)
        for offset, word in placed
    ]


def _decoded(pcm: bytes, engine: Engine, leg: str) -> list[Final]:
    recognizer = engine.open(Listening(leg=leg))
    try:
        heard = [*recognizer.accept(pcm), *recognizer.finish()]
    finally:
        recognizer.close()
    return [result for result in heard if isinstance(result, Final)]


async def _listen(pcm: bytes, leg: str) -> list[Final]:
    finals: list[Final] = []
    async with connect(Listening(leg=leg), live=False) as stream:
        for at in range(0, len(pcm), PIECE):
            await stream.send(pcm[at : at + PIECE])
            finals += [result for result in stream.pending() if isinstance(result, Final)]
        await stream.finish()
        finals += [result for result in stream.pending() if isinstance(result, Final)]
    return finals
