"""Columns that several models see: one symbol for each character of a text."""

from __future__ import annotations

from collections.abc import Iterable

from nlu.pipeline.lexicon import Match
from nlu.pipeline.words import Words

_LIKELY = ("word_left", "word", "word_right", "kind_left2", "kind_left", "kind", "kind_right", "kind_right2")
_PLACES = {1: "S", 2: "BE", 3: "BIE", 4: "BIIE"}


def tags(n: int, matches: Iterable[Match], nothing: str = "O") -> list[str]:
    """The tags of ``matches``, "B" before the first character's and "I" before the others'."""
    out = [nothing] * n
    for a, b, tag in matches:
        out[a] = "B" + tag
        out[a + 1 : b] = ["I" + tag] * (b - a - 1)
    return out


def likely_words(text: str, everyday: Words) -> dict[str, list[str]]:
    """About the likely word that each character is in: itself, its neighbours, their kinds, the character's place in it."""
    cut = everyday.cut(text)
    names = ["<", *(text[a:b] for a, b, _ in cut), ">"]
    kinds = ["<", "<", *(kind or "?" for _, _, kind in cut), ">", ">"]
    made: dict[str, list[str]] = {name: [] for name in (*_LIKELY, "in_word")}
    for number, (a, b, _) in enumerate(cut):
        symbols = (*names[number : number + 3], *kinds[number : number + 5])
        for name, symbol in zip(_LIKELY, symbols, strict=True):
            made[name] += [symbol] * (b - a)
        made["in_word"] += _PLACES[b - a]
    return made
