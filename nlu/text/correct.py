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
    """``starts[i]``/``ends[i]`` give the heard text's offsets of character i of ``text``; ``said`` what each heard character became.

    ``corrections`` are stretches of changed characters, each within one word.
    """

    text: str
    heard: str
    said: Sequence[str]
    starts: Sequence[int]
    ends: Sequence[int]
    corrections: tuple[Correction, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """The stretch of the heard text that the corrected stretch ``[start, end)``, which must not be empty, came from."""
        return self.starts[start], max(self.ends[start:end])

    def within(self, start: int, end: int, *, edges: bool = False) -> list[Correction]:
        """The corrections of the heard text's stretch ``[start, end)``, cut at its bounds.

        What was left out at its edge counts as well, and with ``edges`` anything that was changed there; spaces between don't part them.
        """
        first, last = start, end
        while first > 0 and self.heard[first - 1].isspace():
            first -= 1
        while last < len(self.heard) and self.heard[last].isspace():
            last += 1
        found: list[Correction] = []
        for c in self.corrections:
            if c.start < end and start < c.end:
                a, b = max(start, c.start), min(end, c.end)
                found.append(Correction(start=a, end=b, heard=self.heard[a:b], meant="".join(self.said[a:b])))
            elif c.start <= last and first <= c.end and (edges or not c.meant):
                found.append(c)
        return found


def corrected(
    hearing: Hearing | None, text: str, words: Sequence[SpokenWord], alternatives: Sequence[str] = ()
) -> Corrected:
    """``text`` as it was probably said; ``words`` cover it in order, ``alternatives`` are other readings of the same audio."""
    whole = hearing is not None and any(word.confidence < 1 for word in words)
    confidences, begins = _confidences(text, words) if whole else ({}, set())
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
        text="".join(pieces),
        heard=text,
        said=out,
        starts=starts,
        ends=ends,
        corrections=tuple(_corrections(text, out, begins)),
    )


def _confidences(text: str, words: Sequence[SpokenWord]) -> tuple[dict[int, float], set[int]]:
    """The confidence of each character that a recognised word covers, by its place; and where words begin."""
    found: dict[int, float] = {}
    begins: set[int] = set()
    at = 0
    for word in words:
        begin = text.find(word.text, at) if word.text else -1
        if begin < 0:
            continue
        at = begin + len(word.text)
        begins.add(begin)
        found.update((i, word.confidence) for i in range(begin, at) if plain(text[i]))
    return found, begins


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


def _corrections(text: str, out: Sequence[str], begins: set[int]) -> list[Correction]:
    """Neighbouring changes within a word are one."""
    found: list[Correction] = []
    start = 0
    while start < len(text):
        end = start
        while end < len(text) and out[end] != text[end] and (end == start or end not in begins):
            end += 1
        if end > start:
            found.append(Correction(start=start, end=end, heard=text[start:end], meant="".join(out[start:end])))
        start = max(end, start + 1)
    return found
