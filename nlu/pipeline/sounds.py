"""Known words found by their sound: 空条 sounds like 空调. A feature for the entity model."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Set
from itertools import pairwise

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

    def matches(self, text: str, hidden: Set[str] = frozenset()) -> Iterator[Match]:
        """Longest matches by sound from left to right; the tag tells the length, for two syllables often mean nothing."""
        heard = [SOUND[c] for c in text]
        end = 0
        for i, known in enumerate(map(self._by_head.get, pairwise(heard))):
            if known is None or i < end:
                continue
            for syllables, word, tag in known:
                behind = i + len(syllables)
                if tuple(heard[i:behind]) == syllables and word not in hidden:
                    yield i, behind, f"{tag}{min(len(syllables), 4)}{'' if text[i:behind] == word else '~'}"
                    end = behind
                    break
