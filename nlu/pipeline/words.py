"""Words of everyday Chinese: where the likeliest ones begin and end, and of what kind they are. A feature, never a token boundary.

Kept as one compressed file, models/nlu/words.json.xz: {kind and frequency: the one-character words, then the others}. Source: the
dictionary of jieba (github.com/fxsjy/jieba, MIT), without names of persons and rare words.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable
from functools import lru_cache

from nlu.location import model_root

_LONGEST = 4
_UNKNOWN = -16.0  # a character that is no word
_HALVES = 2  # frequencies are kept as twice their natural logarithm
_TOTAL = 17.9  # logarithm of all words' frequencies


class Words:
    """``words`` are (word, kind, logarithm of its probability)."""

    def __init__(self, words: Iterable[tuple[str, str, float]]) -> None:
        self._words: dict[str, tuple[float, str]] = {}
        self._heads: set[str] = set()
        for word, kind, weight in words:
            if weight > self._words.get(word, (-99.0, ""))[0]:
                self._words[word] = (weight, kind)
                self._heads.update(word[:n] for n in range(2, len(word)))
        self._heads.update(w[:2] for w in self._words if len(w) > 1)

    def cut(self, text: str) -> list[tuple[int, int, str]]:
        """The likeliest words (start, end, kind) that cover ``text``; what no word covers is single characters of kind ""."""
        n = len(text)
        words, heads = self._words, self._heads
        best = [0.0] * (n + 1)
        ends = [0] * n
        kinds = [""] * n
        for i in range(n - 1, -1, -1):
            weight, kind = words.get(text[i], (_UNKNOWN, ""))
            top, end = weight + best[i + 1], i + 1
            for j in range(i + 2, min(i + _LONGEST, n) + 1):
                piece = text[i:j]
                found = words.get(piece)
                if found is not None and found[0] + best[j] > top:
                    top, end, kind = found[0] + best[j], j, found[1]
                if piece not in heads:
                    break
            best[i], ends[i], kinds[i] = top, end, kind
        out = []
        i = 0
        while i < n:
            out.append((i, ends[i], kinds[i]))
            i = ends[i]
        return out


@lru_cache(maxsize=1)
def words() -> Words:
    """The shipped dictionary."""
    kept: dict[str, str] = json.loads(lzma.decompress((model_root() / "words.json.xz").read_bytes()))
    entries: list[tuple[str, str, float]] = []
    for key, members in kept.items():
        kind, weight = key[0], int(key[1:]) / _HALVES - _TOTAL
        singles, *longer = members.split(" ")
        entries.extend((word, kind, weight) for word in (*singles, *longer) if word)
    return Words(entries)
