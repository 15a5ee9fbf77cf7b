"""Recordings to text: for ``hotline transcribe`` and for calls that wait for recognition."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from asr.contract import BYTES_PER_MS, Engine, Final, Listening, Word
from asr.files import SUFFIXES, channels, read_audio
from core.errors import InvalidInput, NotFound

FORMATS = ("txt", "json", "srt")


def recognise_file(
    engine: Engine,
    path: Path,
    *,
    legs: Sequence[str] = (),
    alternatives: int = 0,
    progress: Callable[[int], None] | None = None,
) -> list[Final]:
    """All that is said in a recording, in the order it was said.

    ``legs`` names the channels of a recording with one speaker each (("caller", "agent")); without it, or for a mono
    recording, all channels are mixed. ``progress`` is called with ms decoded so far, of all legs together.
    Raises NotFound, Malformed (no audio), Unavailable (the recogniser failed).
    """
    named = legs if len(legs) > 1 and channels(path) == len(legs) else ()
    finals: list[Final] = []
    done = 0
    for number, leg in enumerate(named or (legs[0] if legs else "",)):
        listening = Listening(leg=leg, alternatives=alternatives, partial_ms=10_000)
        recognizer = engine.open(listening)
        try:
            for pcm in read_audio(path, channel=number if named else None):
                finals += [said for said in recognizer.accept(pcm) if isinstance(said, Final)]
                done += len(pcm) // BYTES_PER_MS
                if progress is not None:
                    progress(done)
            finals += recognizer.finish()
        finally:
            recognizer.close()
    return sorted(finals, key=lambda final: (final.start, final.end))


def recordings(paths: Iterable[Path]) -> Iterator[Path]:
    """The files themselves, and what lies in directories under names of audio files. Raises NotFound."""
    for path in paths:
        if path.is_dir():
            yield from sorted(one for one in path.rglob("*") if one.suffix.lower() in SUFFIXES and one.is_file())
        elif path.is_file():
            yield path
        else:
            raise NotFound(f"there is no file {path}")


def rendered(finals: Sequence[Final], form: str) -> str:
    """``txt``: a line per utterance. ``srt``: SubRip, one caption per utterance. ``json``: everything known."""
    if form == "txt":
        return "".join(f"{_speaker(final)}{spoken(final.text)}\n" for final in finals)
    if form == "srt":
        captions = (
            f"{number}\n{_moment(final.start)} --> {_moment(max(final.end, final.start + 1))}\n"
            f"{_speaker(final)}{spoken(final.text)}\n"
            for number, final in enumerate(finals, 1)
        )
        return "\n".join(captions)
    if form == "json":
        return json.dumps([as_json(final) for final in finals], ensure_ascii=False, indent=2) + "\n"
    raise InvalidInput(f"format must be one of {', '.join(FORMATS)}", field="format")


def as_json(final: Final) -> dict[str, object]:
    """Times in ms from the start of the recording."""
    return {
        "leg": final.leg,
        "start": final.start,
        "end": final.end,
        "text": final.text,
        "words": [
            {"text": word.text, "start": word.start, "end": word.end, "confidence": round(word.confidence, 4)}
            for word in final.words
        ],
        "alternatives": [{"text": one.text, "score": one.score} for one in final.alternatives],
    }


def spoken(text: str) -> str:
    """Without the spaces that a Chinese model puts between words; between two Latin words they stay."""
    joined: list[str] = []
    for word in text.split():
        if joined and joined[-1][-1].isascii() and word[0].isascii():
            joined.append(" ")
        joined.append(word)
    return "".join(joined)


def joined(finals: Sequence[Final]) -> tuple[str, list[tuple[int, Word]]]:
    """The utterances as one text, a line each, and each word with the offset of its first character in it. Utterances
    without a word leave no line."""
    text = ""
    placed: list[tuple[int, Word]] = []
    for final in finals:
        if not final.text.strip() and not final.words:
            continue
        if text:
            text += "\n"
        for word in final.words:
            if text and text[-1].isascii() and text[-1] != "\n" and word.text[:1].isascii():
                text += " "
            placed.append((len(text), word))
            text += word.text
        if not final.words:  # an engine that times no words
            text += spoken(final.text)
    return text, placed


def _speaker(final: Final) -> str:
    return f"{final.leg}: " if final.leg else ""


def _moment(ms: int) -> str:
    seconds, ms = divmod(ms, 1000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02},{ms:03}"
