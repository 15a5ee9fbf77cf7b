"""Finding known words in a text: longest match, one pass, any number of words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

Match = tuple[int, int, str]  # start, end, tag


class Lexicon:
    """Words with a tag each. Words are kept by their first two characters, longest first; one-character words apart."""

    def __init__(self, words: Iterable[tuple[str, str]] = ()) -> None:
        self._by_head: dict[str, list[tuple[str, str]]] = {}
        self._single: dict[str, str] = {}
        for word, tag in words:
            self.add(word, tag)
        for entries in self._by_head.values():
            entries.sort(key=lambda entry: -len(entry[0]))

    def add(self, word: str, tag: str) -> None:
        if len(word) == 1:
            self._single.setdefault(word, tag)
        elif word:
            self._by_head.setdefault(word[:2], []).append((word, tag))

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
