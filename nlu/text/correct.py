"""Correction by sound: what a recogniser heard to what the catalogue and the divisions know. Visible and reversible.

A stretch is corrected only when it sounds exactly like a known name of three or more syllables, is written otherwise, and is no known
name itself; shorter names need an alternative reading of the same audio that has them. Offsets are those of the given text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from nlu.catalogue import shipped
from nlu.places import divisions
from nlu.text.sound import sound, sounds


@dataclass(frozen=True, kw_only=True)
class Correction:
    """``text[start:end]`` was ``heard``; ``meant`` sounds the same. ``score`` 0..1."""

    start: int
    end: int
    heard: str
    meant: str
    score: float


@lru_cache(maxsize=1)
def _known() -> tuple[dict[tuple[str, ...], str], frozenset[str]]:
    names = [n for d in shipped().devices for n in d.names] + list(shipped().brands)
    names += [d.name for d in divisions().by_code.values() if len(d.code) <= 6 and len(d.name) >= 3]
    by_sound: dict[tuple[str, ...], str] = {}
    for name in names:
        if len(name) >= 2 and all("\u4e00" <= c <= "\u9fff" for c in name):
            by_sound.setdefault(sounds(name), name)
    return by_sound, frozenset(names)


def corrections(text: str, alternatives: Sequence[str] = ()) -> list[Correction]:
    """From left to right, the longest first, none overlapping. ``alternatives`` are other readings of the same audio."""
    by_sound, names = _known()
    kept = [(i, c) for i, c in enumerate(text) if not c.isspace()]
    heard = [sound(c) for _, c in kept]
    found: list[Correction] = []
    at = 0
    while at < len(kept):
        for length in range(min(10, len(kept) - at), 1, -1):
            written = "".join(c for _, c in kept[at : at + length])
            meant = by_sound.get(tuple(heard[at : at + length]))
            if written in names:
                at += length - 1
                break
            if meant is None or meant == written:
                continue
            backed = any(meant in other.replace(" ", "") for other in alternatives)
            if length < 3 and not backed:
                continue
            start, end = kept[at][0], kept[at + length - 1][0] + 1
            found.append(
                Correction(start=start, end=end, heard=text[start:end], meant=meant, score=0.95 if backed else 0.8)
            )
            at += length - 1
            break
        at += 1
    return found


def corrected(text: str, alternatives: Sequence[str] = ()) -> str:
    """The text with its corrections applied."""
    for correction in reversed(corrections(text, alternatives)):
        text = text[: correction.start] + correction.meant + text[correction.end :]
    return text
