"""Correction by sound: a recogniser's text as it was probably said. Visible and reversible: each place keeps what was heard.

Only where a recogniser tells how sure it was of its words; a typed text has no such words and is never touched.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from nlu.contract import SpokenWord
from nlu.text.hearing import HeardAs, Hearing, plain

MOST = 4_000  # characters of a turn that are corrected; what follows stays as it was heard


@dataclass(frozen=True, kw_only=True)
class Correction:
    """``text[start:end]`` of the heard text was ``heard`` and probably ``meant``, which may be longer, shorter or nothing."""

    start: int
    end: int
    heard: str
    meant: str


@dataclass(frozen=True, kw_only=True)
class Corrected:
    """``starts[i]``/``ends[i]`` give the heard text's offsets of character i of ``text``."""

    text: str
    heard: str
    starts: Sequence[int]
    ends: Sequence[int]
    corrections: tuple[Correction, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the heard text that the corrected stretch ``[start, end)``, which must not be empty, came from."""
        return self.starts[start], max(self.ends[start:end])

    def within(self, start: int, end: int) -> list[Correction]:
        """The corrections that touch the heard text's stretch ``[start, end)``."""
        return [c for c in self.corrections if c.start < end and start < c.end]


def corrected(
    hearing: Hearing | None, text: str, words: Sequence[SpokenWord], alternatives: Sequence[str] = ()
) -> Corrected:
    """``text`` as it was probably said; ``words`` cover it in order, ``alternatives`` are other readings of the same audio."""
    whole = hearing is not None and any(word.confidence < 1 for word in words)
    confidences = _confidences(text, words) if whole else {}
    places = [i for i in sorted(confidences) if i < MOST]
    out = list(text)
    if hearing is not None and places:
        others = _others("".join(text[i] for i in places), alternatives)
        heard = [
            HeardAs(character=text[i].lower(), confidence=confidences[i], others=other)
            for i, other in zip(places, others, strict=True)
        ]
        for i, one, said in zip(places, heard, hearing.said(heard), strict=True):
            out[i] = text[i] if said == one.character else said
    pieces: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for i, said in enumerate(out):
        pieces.append(said)
        starts += [i] * len(said)
        ends += [i + 1] * len(said)
    return Corrected(
        text="".join(pieces), heard=text, starts=starts, ends=ends, corrections=tuple(_corrections(text, out))
    )


def _confidences(text: str, words: Sequence[SpokenWord]) -> dict[int, float]:
    """The confidence of each character that a recognised word covers, by its place."""
    found: dict[int, float] = {}
    at = 0
    for word in words:
        begin = text.find(word.text, at) if word.text else -1
        if begin < 0:
            continue
        at = begin + len(word.text)
        found.update((i, word.confidence) for i in range(begin, at) if plain(text[i]))
    return found


def _others(heard: str, alternatives: Sequence[str]) -> list[str]:
    """For each character that was heard those that other readings have in its place."""
    others = [""] * len(heard)
    for reading in alternatives:
        other = plain(reading)
        for kind, a, b, c, d in SequenceMatcher(None, heard, other, autojunk=False).get_opcodes():
            if kind == "replace" and b - a == d - c:
                for place, character in zip(range(a, b), other[c:d], strict=True):
                    if character not in others[place]:
                        others[place] += character
    return others


def _corrections(text: str, out: Sequence[str]) -> list[Correction]:
    """Neighbouring changes are one."""
    found: list[Correction] = []
    start = 0
    while start < len(text):
        end = start
        while end < len(text) and out[end] != text[end]:
            end += 1
        if end > start:
            found.append(Correction(start=start, end=end, heard=text[start:end], meant="".join(out[start:end])))
        start = end + 1
    return found
