"""Correction by sound: a recogniser's text as it was probably said. Visible and reversible: each place keeps what was heard.

Only where a recogniser tells how sure it was of its words; a typed text has no such words and is never touched.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

from nlu.contract import SpokenWord
from nlu.text.hearing import HeardAs, Hearing, lower, plain

MOST = 1_000  # characters of a request that are corrected; what follows stays as it was heard
ALTERNATIVES, SHORT = (
    3,
    200,
)  # other readings that count, and characters of them and of the turn at most: comparing is cubic
LEAP = 12  # characters between words; what is farther away is another word
UNTOUCHED = {
    "contact_name",
    "phone",
    "serial",
    "order",
    "model",
}  # an answer to one of these is what counts has seen least of
_NAMED = re.compile("姓|叫|联系人|名字是")
_NAME = 3  # characters behind that stay


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

    ``corrections`` are stretches of changed characters, each within one word; ``tried`` says how many characters were looked at.
    """

    text: str
    heard: str
    said: Sequence[str]
    starts: Sequence[int]
    ends: Sequence[int]
    corrections: tuple[Correction, ...]
    tried: int

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
    hearing: Hearing | None,
    text: str,
    words: Sequence[SpokenWord],
    alternatives: Sequence[str] = (),
    *,
    expects: str = "",
    most: int = MOST,
) -> Corrected:
    """``text`` as it was probably said, each line by itself; ``words`` cover it in order, ``alternatives`` are other readings of the same audio.

    ``expects`` names the field that was asked for, ``most`` the characters that are looked at.
    """
    out = list(text)
    confidences: dict[int, float] = {}
    begins: set[int] = set()
    if hearing is not None and expects not in UNTOUCHED and any(_sure(word) < 1 for word in words):
        confidences, begins = _confidences(text, words)
    if "\n" in text or len(text) > SHORT:  # whose line another reading is of nobody tells
        alternatives = ()
    tried = start = 0
    for line in text.split("\n") if hearing is not None and confidences else ():
        places = [i for i in range(start, start + len(line)) if i in confidences][: max(0, most - tried)]
        start += len(line) + 1
        tried += len(places)
        others = _others("".join(lower(text[i]) for i in places), alternatives)
        names = _names(text, places)
        heard = [
            HeardAs(character=lower(text[i]), confidence=confidences[i], others=other, fixed=i in names)
            for i, other in zip(places, others, strict=True)
        ]
        for i, one, said in zip(places, heard, hearing.said(heard) if hearing else (), strict=True):
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
        tried=tried,
    )


def _sure(word: SpokenWord) -> float:
    """A word's confidence, 0..1; a word that has none is sure."""
    return 1.0 if math.isnan(word.confidence) else min(1.0, max(0.0, word.confidence))


def _names(text: str, places: Sequence[int]) -> set[int]:
    """The places behind what tells a name: names are too many to be counted."""
    line = "".join(text[i] for i in places)
    return {i for match in _NAMED.finditer(line) for i in places[match.end() : match.end() + _NAME]}


def _confidences(text: str, words: Sequence[SpokenWord]) -> tuple[dict[int, float], set[int]]:
    """The confidence of each character that a recognised word covers, by its place; and where words begin."""
    found: dict[int, float] = {}
    begins: set[int] = set()
    at = skipped = 0
    for word in words:
        begin = text.find(word.text, at, at + skipped + LEAP + len(word.text)) if word.text else -1
        if begin < 0:
            skipped += len(word.text)
            continue
        at, skipped = begin + len(word.text), 0
        begins.add(begin)
        found.update((i, _sure(word)) for i in range(begin, at) if plain(text[i]))
    return found, begins


def _others(heard: str, alternatives: Sequence[str]) -> list[str]:
    """For each character that was heard those that other readings have in its place."""
    others = [""] * len(heard)
    for reading in alternatives[:ALTERNATIVES]:
        if len(reading) > SHORT:
            continue
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
