"""Words of everyday Chinese: where the likeliest ones begin and end, and of what kind they are. A feature, never a token boundary.

Kept as one compressed file, models/nlu/words.json.xz: {kind and frequency: the one-character words, then the others}. Source: the
dictionary of jieba (github.com/fxsjy/jieba, MIT), without names of persons and rare words.
"""

from __future__ import annotations

import json
import lzma
from collections.abc import Iterable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nlu.location import model_root
from nlu.pipeline.keys import KeyRows
from nlu.pipeline.symbols import Column, grams, number, points

_LONGEST = 4
_UNKNOWN = -16.0  # a character that is no word
_NEVER = -1e9
_HALVES = 2  # frequencies are kept as twice their natural logarithm
_TOTAL = 17.9  # logarithm of all words' frequencies


class Words:
    """``words`` are (word, kind, logarithm of its probability). Of a word that is there twice the likelier counts."""

    def __init__(self, words: Iterable[tuple[str, str, float]]) -> None:
        known = sorted((entry for entry in words if 0 < len(entry[0]) <= _LONGEST), key=lambda entry: -entry[2])
        known.sort(key=lambda entry: len(entry[0]))
        pieces = [[word for word, _, _ in known if len(word) == length] for length in range(1, _LONGEST + 1)]
        keys, first = np.unique(
            np.concatenate([_keys(piece, n) for n, piece in enumerate(pieces, 1)]), return_index=True
        )
        self._rows = KeyRows(keys)
        kinds = {kind: number(kind) for _, kind, _ in known}
        self._kinds = np.array([*(kinds[kind] for _, kind, _ in known), number("?")], dtype=np.uint64)[[*first, -1]]
        self._weights = np.array([*(weight for _, _, weight in known), _NEVER])[[*first, -1]]

    def cut(self, text: str) -> tuple[NDArray[np.int64], Column]:
        """How long the likeliest words that cover ``text`` are, and the numbers of their kinds ("?": unknown characters)."""
        n = len(text)
        rows = self._rows.find(grams(points(text), _LONGEST).ravel()).reshape(_LONGEST, n)
        weights = self._weights.take(rows)
        weights[0][rows[0] == self._rows.none] = _UNKNOWN
        after = after2 = after3 = after4 = 0.0  # how good the best words are from one, two ... characters behind on
        sizes = []
        for one, two, three, four in weights[:, ::-1].T.tolist():
            top, size = one + after, 1
            if (way := two + after2) > top:
                top, size = way, 2
            if (way := three + after3) > top:
                top, size = way, 3
            if (way := four + after4) > top:
                top, size = way, 4
            sizes.append(size)
            after, after2, after3, after4 = top, after, after2, after3
        sizes.reverse()
        starts = []
        at = 0
        while at < n:
            starts.append(at)
            at += sizes[at]
        begin = np.array(starts, dtype=np.int64)
        lengths = np.diff(begin, append=n)
        return lengths, self._kinds.take(rows[lengths - 1, begin])


def _keys(words: list[str], length: int) -> NDArray[np.uint64]:
    """The keys of words of one length, as ``grams`` has them."""
    return grams(points("".join(words)), length)[length - 1, ::length]


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
