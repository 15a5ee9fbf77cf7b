"""Known words found by their sound: 空条 sounds like 空调. A feature for the entity model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from nlu.pipeline.lexicon import Match
from nlu.text.sound import SOUND, sounds


class SoundLexicon:
    """Words of two or more Chinese characters by the sounds of their first two."""

    def __init__(self, words: Iterable[tuple[str, str]]) -> None:
        self._by_head: dict[tuple[str, str], list[tuple[tuple[str, ...], str, str]]] = {}
        for word, tag in words:
            if len(word) >= 2 and all("\u4e00" <= c <= "\u9fff" for c in word):
                heard = sounds(word)
                self._by_head.setdefault((heard[0], heard[1]), []).append((heard, word, tag))
        for entries in self._by_head.values():
            entries.sort(key=lambda entry: -len(entry[0]))

    def matches(self, text: str, hidden: frozenset[str] = frozenset()) -> Iterator[Match]:
        """Longest matches by sound from left to right; the tag tells the length, for two syllables often mean nothing."""
        heard = [SOUND[c] for c in text]
        i, n = 0, len(text)
        while i < n - 1:
            for syllables, word, tag in self._by_head.get((heard[i], heard[i + 1]), ()):
                end = i + len(syllables)
                if end <= n and tuple(heard[i:end]) == syllables and word not in hidden:
                    yield i, end, f"{tag}{min(len(syllables), 4)}{'' if text[i:end] == word else '~'}"
                    i = end
                    break
            else:
                i += 1
