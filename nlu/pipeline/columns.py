"""Columns that several models see: one symbol for each character of a text, or the symbol's number."""

from __future__ import annotations

import zlib
from collections.abc import Iterable

import numpy as np

from nlu.pipeline.lexicon import Match
from nlu.pipeline.symbols import NUMBERS, Column, column
from nlu.pipeline.words import Words

_EDGE = column(["<"])
_END = column([">"])
_SINGLE, _BEGIN, _INSIDE, _LAST = column("SBIE")
_PLACES = {1: (b"S",), 2: (b"B", b"E"), 3: (b"B", b"I", b"E"), 4: (b"B", b"I", b"I", b"E")}


def tags(n: int, matches: Iterable[Match], nothing: str = "O") -> list[str]:
    """The tags of ``matches``, "B" before the first character's and "I" before the others'."""
    out = [nothing] * n
    for a, b, tag in matches:
        out[a] = "B" + tag
        out[a + 1 : b] = ["I" + tag] * (b - a - 1)
    return out


def tag_numbers(n: int, matches: Iterable[Match], nothing: str = "O") -> Column:
    """The numbers of what ``tags`` has."""
    out = np.full(n, NUMBERS[nothing], dtype=np.uint64)
    for a, b, tag in matches:
        out[a] = NUMBERS["B" + tag]
        if b - a > 1:
            out[a + 1 : b] = NUMBERS["I" + tag]
    return out


def likely_words(text: str, everyday: Words, *, edges: bool = False) -> dict[str, Column]:
    """About the likely word that each character is in: itself, its neighbours, their kinds, the character's place in it.

    With ``edges`` also that place and the word as one symbol, without the word where it has three characters or more.
    """
    lengths, kinds = everyday.cut(text)
    ends = np.cumsum(lengths)
    begins = ends - lengths
    cut = [text[a:b].encode("utf-8", "surrogatepass") for a, b in zip(begins.tolist(), ends.tolist(), strict=True)]
    words = np.concatenate([_EDGE, np.array(list(map(zlib.crc32, cut)), dtype=np.uint64), _END])
    kinds = np.concatenate([_EDGE, _EDGE, kinds, _END, _END])
    of = np.repeat(np.arange(len(lengths)), lengths)
    places = np.full(len(text), _INSIDE)
    places[ends - 1] = _LAST
    places[begins] = np.where(lengths == 1, _SINGLE, _BEGIN)
    made = {
        "word_left": words.take(of),
        "word": words.take(of + 1),
        "word_right": words.take(of + 2),
        "kind_left2": kinds.take(of),
        "kind_left": kinds.take(of + 1),
        "kind": kinds.take(of + 2),
        "kind_right": kinds.take(of + 3),
        "kind_right2": kinds.take(of + 4),
        "in_word": places,
    }
    if edges:
        made["edge"] = np.array(
            [
                zlib.crc32(place + word if length < 3 else place)
                for word, length in zip(cut, lengths.tolist(), strict=True)
                for place in _PLACES[length]
            ],
            dtype=np.uint64,
        )
    return made
