"""How likely one spoken syllable is heard as another: by initials and finals that are near, and by what was counted.

``confusions.json`` are counts of {spoken: {heard: times}} for initials and finals where a small recogniser was wrong; 55 spoken requests of our own,
read by four synthetic voices over a noisy telephone line. The nearness of sounds outweighs them where they are few.
"""

from __future__ import annotations

import json
import math
import re
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

COUNTED = Path(__file__).with_name("confusions.json")
_INITIALS = ("zh", "ch", "sh", *"bpmfdtnlgkhjqxrzcs")
# Pairs that speakers, dialects and the telephone's 3.4 kHz mix up.
_NEAR = frozenset(
    frozenset(pair.split("-"))
    for pair in re.split(
        " ",
        "z-zh c-ch s-sh n-l f-h b-p d-t g-k j-q zh-j ch-q sh-x r-l b-d g-d t-k m-n z-c zh-ch -h -n -l x-s h-k s-c p-t -m -r",
    )
)
_ZERO = {
    "yu": "v", "yue": "ve", "yuan": "van", "yun": "vn", "yi": "i", "yin": "in", "ying": "ing", "you": "iu", "wu": "u", "wei": "ui",
    "wen": "un", "weng": "ueng", "yo": "o",
}  # fmt: skip
_NEVER = -7.0  # logarithm, of an initial or final for one that is none


@lru_cache(maxsize=2_000)
def divided(syllable: str) -> tuple[str, str]:
    """Initial ("" where there is none) and final of a syllable without tone: xue -> x, ve; ying -> "", ing."""
    if syllable in _ZERO:
        return "", _ZERO[syllable]
    if syllable[:1] == "y":
        return "", "i" + syllable[1:]
    if syllable[:1] == "w":
        return "", "u" + syllable[1:]
    for initial in _INITIALS:
        if syllable.startswith(initial):
            final = syllable[len(initial) :]
            return initial, "v" + final[1:] if initial in "jqx" and final[:1] == "u" else final
    return "", syllable


def _alike(one: str, other: str) -> float:
    """Of two finals, 0..1."""
    if one == other:
        return 1.0
    if one.rstrip("g") == other.rstrip("g"):
        return 0.5
    return 0.02 + 0.25 * len(set(one) & set(other)) / max(1, len(set(one) | set(other)))


class Confusion:
    """``heard(spoken, heard)`` is the logarithm of the chance of hearing one syllable for another, where something was heard wrong."""

    def __init__(self, finals: tuple[str, ...], counted: dict[str, Any]) -> None:
        initials = ("", *_INITIALS)
        self._initials = {
            a: _logs({b: 12.0 if a == b else 2.0 if frozenset((a, b)) in _NEAR else 0.4 for b in initials}, more)
            for a in initials
            for more in (counted["initials"].get(a, {}),)
        }
        self._finals = {
            a: _logs({b: 12.0 if a == b else 6 * _alike(a, b) for b in finals}, counted["finals"].get(a, {}))
            for a in finals
        }

    def heard(self, spoken: str, heard: str) -> float:
        (a, b), (c, d) = divided(spoken), divided(heard)
        return self._initials.get(a, {}).get(c, _NEVER) + self._finals.get(b, {}).get(d, _NEVER)


def _logs(before: dict[str, float], counted: dict[str, float]) -> dict[str, float]:
    all_of = {k: v + counted.get(k, 0.0) for k, v in before.items()}
    total = sum(all_of.values())
    return {k: math.log(v / total) for k, v in all_of.items()}


def table(syllables: tuple[str, ...]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """``table[spoken, heard]`` for all pairs of ``syllables``."""
    finals = tuple(sorted({divided(s)[1] for s in syllables}))
    confusion = Confusion(finals, json.loads(COUNTED.read_text(encoding="utf-8")))
    return np.array([[confusion.heard(a, b) for b in syllables] for a in syllables], dtype=np.float32)
