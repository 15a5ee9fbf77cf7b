"""Which characters follow which in requests: a trigram model of characters, made of our own training texts, kept as small tables.

Interpolated Kneser-Ney (Chen and Goodman 1998, §2.7) with one discount; trigrams and bigrams that were seen once are left out, their share goes to the
lower order. Logarithms are natural.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import pairwise
from typing import Any

import numpy as np

DISCOUNT = 0.75
LEAST = 3  # occurrences of a character that is known
_STEP = 1 / 16  # logarithms are kept in bytes
_EDGE = "\n"  # number 0: begin and end of a text; any unknown character is number 1
_UNKNOWN = "\0"

Array = np.ndarray[Any, np.dtype[Any]]


class Ngrams:
    """``characters[n]`` is character number n. All tables are sorted by code, so that they are read by binary search."""

    def __init__(self, tables: Mapping[str, Array]) -> None:
        self.tables = dict(tables)
        self.characters = "".join(map(chr, tables["characters"]))
        self.number = {c: n for n, c in enumerate(self.characters)}
        self._size = len(self.characters)
        self.single: Array = -tables["single"].astype(np.float32) * _STEP
        self._single_rest: Array = -tables["single_rest"].astype(np.float32) * _STEP
        firsts = np.repeat(np.arange(self._size), tables["pairs_of"].astype(np.int64))
        self._pairs: Array = firsts * self._size + tables["pair_last"]
        self._pair: Array = -tables["pair"].astype(np.float32) * _STEP
        self._pair_rest: Array = -tables["pair_rest"].astype(np.float32) * _STEP
        self._triples: Array = (
            np.repeat(np.arange(len(self._pairs)), tables["triples_of"].astype(np.int64)) * self._size
        )
        self._triples = self._triples + tables["triple_last"]
        self._triple: Array = -tables["triple"].astype(np.float32) * _STEP
        order = np.lexsort((-self._pair, firsts))
        starts = np.concatenate([[0], np.cumsum(tables["pairs_of"], dtype=np.int64)])
        self._likely = [tables["pair_last"][order[a : min(a + 4, b)]] for a, b in pairwise(starts)]

    def numbers(self, text: str) -> list[int]:
        return [self.number.get(c, 1) for c in text]

    def likely(self, last: int) -> Array:
        """The few characters that most often follow one."""
        return self._likely[last]

    def chances(self, before: Array, last: Array, following: Array) -> Array:
        """Logarithms of the chance of each of ``following`` (a row for each context, or one row for all) behind ``before``, ``last``."""
        context = before * self._size + last
        at = np.minimum(np.searchsorted(self._pairs, context), len(self._pairs) - 1)
        known = self._pairs[at] == context
        if following.ndim == 1:  # many contexts end alike
            ends, which = np.unique(last, return_inverse=True)
            two = self._behind(ends, following)[which]
        else:
            two = self._behind(last, following)
        codes = at[:, None] * self._size + following
        place = np.minimum(np.searchsorted(self._triples, codes), len(self._triples) - 1)
        seen = (self._triples[place] == codes) & known[:, None]
        return np.asarray(
            np.where(seen, self._triple[place], np.where(known, self._pair_rest[at], 0.0)[:, None] + two), np.float32
        )

    def _behind(self, last: Array, following: Array) -> Array:
        """The same by one character before."""
        codes = last[:, None] * self._size + following
        place = np.minimum(np.searchsorted(self._pairs, codes), len(self._pairs) - 1)
        fewer = self._single_rest[last][:, None] + self.single[following]
        return np.where(self._pairs[place] == codes, self._pair[place], fewer)

    @classmethod
    def trained(cls, texts: Iterable[str]) -> Ngrams:
        """The same texts in the same order give the same tables."""
        lines = list(texts)
        counts = Counter("".join(lines))
        kept = sorted(c for c, n in counts.items() if n >= LEAST)
        characters = [_EDGE, _UNKNOWN, *kept]
        number = {c: n for n, c in enumerate(characters)}
        size = len(characters)
        ids = np.fromiter((x for line in lines for x in (0, 0, *(number.get(c, 1) for c in line), 0)), dtype=np.int64)
        # A triple ends at each character behind the two edges that begin a text.
        inside = np.ones(len(ids), dtype=bool)
        starts = np.flatnonzero((ids[:-1] == 0) & (ids[1:] == 0))
        inside[starts] = inside[starts + 1] = False
        ends = np.flatnonzero(inside)
        triples, n3 = np.unique((ids[ends - 2] * size + ids[ends - 1]) * size + ids[ends], return_counts=True)
        # Lower orders count in how many surroundings something stood, not how often.
        pairs, n2 = np.unique(triples % (size * size), return_counts=True)
        n1 = np.bincount(pairs % size, minlength=size).astype(float) + 0.5
        one = n1 / n1.sum()
        two, rest1 = _order(pairs // size, n2, one[pairs % size], np.ones(len(pairs), dtype=bool), size)
        contexts, where = np.unique(triples // size, return_inverse=True)
        lower = two[np.searchsorted(pairs, triples % (size * size))]
        keep = n3 >= 2
        three, rest2 = _order(where, n3, lower, keep, len(contexts))
        # Pairs are kept that were seen twice, or are the context of a triple.
        needed = np.zeros(len(pairs), dtype=bool)
        of_pair = np.searchsorted(pairs, contexts)
        found = (of_pair < len(pairs)) & (pairs[np.minimum(of_pair, len(pairs) - 1)] == contexts)
        with_triples = np.unique(where[keep])
        needed[of_pair[with_triples][found[with_triples]]] = True
        needed |= n2 >= 2
        rest1 = _rest(pairs // size, two, one[pairs % size], needed, size)
        chosen = pairs[needed]
        pair_rest = np.ones(len(chosen))
        at = np.searchsorted(contexts, chosen)
        has = (at < len(contexts)) & (contexts[np.minimum(at, len(contexts) - 1)] == chosen)
        pair_rest[has] = rest2[at[has]]
        mine = np.searchsorted(chosen, triples[keep] // size)
        real = (mine < len(chosen)) & (chosen[np.minimum(mine, len(chosen) - 1)] == triples[keep] // size)
        tables = {
            "characters": np.array([ord(c) for c in characters], dtype=np.uint32),
            "single": _packed(one),
            "single_rest": _packed(rest1),
            "pairs_of": np.bincount(chosen // size, minlength=size).astype(np.uint16),
            "pair_last": (chosen % size).astype(np.uint16),
            "pair": _packed(two[needed]),
            "pair_rest": _packed(pair_rest),
            "triples_of": np.bincount(mine[real], minlength=len(chosen)).astype(np.uint16),
            "triple_last": (triples[keep][real] % size).astype(np.uint16),
            "triple": _packed(three[keep][real]),
        }
        return cls(tables)


def _order(context: Array, count: Array, lower: Array, keep: Array, contexts: int) -> tuple[Array, Array]:
    """Chances of one order's entries, discounted and filled up with the lower order, and what each context leaves to the lower one."""
    total = np.bincount(context, weights=count, minlength=contexts)
    kinds = np.bincount(context, minlength=contexts)
    with np.errstate(divide="ignore", invalid="ignore"):
        free = np.where(total > 0, DISCOUNT * kinds / total, 1.0)
    chance = np.maximum(count - DISCOUNT, 0) / total[context] + free[context] * lower
    return chance, _rest(context, chance, lower, keep, contexts)


def _rest(context: Array, chance: Array, lower: Array, keep: Array, contexts: int) -> Array:
    """The factor for the lower order behind each context, so that its chances sum to one."""
    used = np.bincount(context[keep], weights=chance[keep], minlength=contexts)
    below = np.bincount(context[keep], weights=lower[keep], minlength=contexts)
    return np.asarray(np.maximum(1 - used, 1e-4) / np.maximum(1 - below, 1e-4))


def _packed(chance: Array) -> Array:
    return np.asarray(np.clip(np.round(-np.log(np.maximum(chance, 1e-9)) / _STEP), 0, 255).astype(np.uint8))
