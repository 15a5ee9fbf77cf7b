"""Finding known words in a text: longest match, one pass, any number of words and of lexica."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Set
from operator import add

Match = tuple[int, int, str]  # start, end, tag


class Lexicon:
    """Words with a tag each. Words are kept by their first two characters, longest first; one-character words apart."""

    def __init__(self, words: Iterable[tuple[str, str]] = ()) -> None:
        self._by_head: dict[str, list[tuple[str, str]]] = {}
        self._single: dict[str, str] = {}
        for word, tag in words:
            if len(word) == 1:
                self._single.setdefault(word, tag)
            elif word:
                self._by_head.setdefault(word[:2], []).append((word, tag))
        for entries in self._by_head.values():
            entries.sort(key=lambda entry: -len(entry[0]))

    def matches(self, text: str, hidden: frozenset[str] | set[str] = frozenset()) -> Iterator[Match]:
        """Longest matches from left to right, none overlapping. ``hidden`` words are not known this time (training)."""
        i, n = 0, len(text)
        by_head, single = self._by_head, self._single
        while i < n:
            for word, tag in by_head.get(text[i : i + 2], ()):
                if text.startswith(word, i) and word not in hidden:
                    yield i, i + len(word), tag
                    i += len(word)
                    break
            else:
                if text[i] in single and text[i] not in hidden:
                    yield i, i + 1, single[text[i]]
                i += 1


class Lexica:
    """Several lexica by name, whose matches are found together: a place where no word of any begins is looked at once."""

    def __init__(self, lexica: Mapping[str, Lexicon]) -> None:
        self._names = list(lexica)
        self._heads: dict[str, list[tuple[int, list[tuple[str, str]]]]] = {}
        for number, lexicon in enumerate(lexica.values()):
            for head, entries in lexicon._by_head.items():
                self._heads.setdefault(head, []).append((number, entries))
            for word, tag in lexicon._single.items():
                self._heads.setdefault(word, []).append((number, [(word, tag)]))

    def matches(
        self, text: str, hidden: Set[str] = frozenset(), hiding: Set[str] = frozenset()
    ) -> dict[str, list[Match]]:
        """Of each lexicon what its ``matches`` has. ``hidden`` words are not known to those that ``hiding`` names."""
        found: list[list[Match]] = [[] for _ in self._names]
        ends = [0] * len(found)
        hides = [hidden if name in hiding else () for name in self._names]
        heads = self._heads.get
        pairs = map(heads, map(add, text, text[1:] + "\0"))
        for at, (pair, single) in enumerate(zip(pairs, map(heads, text), strict=True)):
            if pair is None and single is None:
                continue
            for number, entries in (*(pair or ()), *(single or ())):
                if ends[number] > at:
                    continue
                for word, tag in entries:
                    if text.startswith(word, at) and word not in hides[number]:
                        ends[number] = at + len(word)
                        found[number].append((at, ends[number], tag))
                        break
        return dict(zip(self._names, found, strict=True))
