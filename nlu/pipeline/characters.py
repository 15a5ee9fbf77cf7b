"""Characters as tokens, and the reading that the models see: one symbol a character, spaces left out, offsets kept.

A character tokenizer can't misalign a span; a word segmenter does (4 % of fields). spaCy's own character segmenter makes no
token of a space, so a space becomes a visible character of the same length first.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import spacy
from spacy.tokens import Doc
from spacy.vocab import Vocab

VISIBLE_SPACE = "␣"
VISIBLE_BREAK = "⏎"
_BACK = str.maketrans({VISIBLE_SPACE: " ", VISIBLE_BREAK: "\n"})
_SPACES = {" ", "\t", "\u3000", "\xa0", "\u200b", "\u2009", "\u2002", "\u2003"}


class CharacterTokenizer:
    """Every character one token; white space becomes visible so that offsets and token numbers agree."""

    def __init__(self, vocab: Vocab) -> None:
        self.vocab = vocab

    def __call__(self, text: str) -> Doc:
        words = [VISIBLE_BREAK if c == "\n" else VISIBLE_SPACE if c.isspace() else c for c in text]
        return Doc(self.vocab, words=words, spaces=[False] * len(words))

    def to_disk(self, path: Any, **_: Any) -> None:
        """Nothing to keep: there is nothing learned here."""

    def from_disk(self, path: Any, **_: Any) -> CharacterTokenizer:
        return self

    def to_bytes(self, **_: Any) -> bytes:
        return b""

    def from_bytes(self, _: bytes, **__: Any) -> CharacterTokenizer:
        return self


def text_of(doc: Doc) -> str:
    """The text as it was given, but for the kind of a space."""
    return str(doc.text).translate(_BACK)


def make_tokenizer() -> Callable[[spacy.language.Language], CharacterTokenizer]:
    return lambda nlp: CharacterTokenizer(nlp.vocab)


spacy.registry.tokenizers("hotline.characters.v1", func=make_tokenizer)


@dataclass(frozen=True, slots=True)
class Reading:
    """What a model reads: ``text`` has one symbol for each kept character, ``at`` its offset, ``gap`` whether a space came before.

    ``spaced`` is true for a recogniser's output, where a space stands between all words and therefore says nothing.
    """

    text: str
    at: list[int]
    gap: list[bool]
    spaced: bool


def symbol(character: str) -> str:
    """One symbol: lower case, half width, line ends visible, emoji and foreign scripts each one sign."""
    if character in "\n\r\u2028":
        return "⏎"
    if character < " ":
        return "☺"
    plain = unicodedata.normalize("NFKC", character)
    if len(plain) != 1:
        return "☺" if unicodedata.category(character)[0] == "S" else plain[0].lower() if plain else "☺"
    plain = plain.lower()
    if len(plain) != 1:
        return "☺"
    if "\u4e00" <= plain <= "\u9fff" or plain.isascii():
        return plain
    category = unicodedata.category(plain)
    if category[0] == "P":
        return {"，": ",", "。": "。", "“": '"', "”": '"', "‘": "'", "’": "'"}.get(plain, plain)
    if category in {"Mn", "Me", "Cf"}:
        return "☺"
    return "文" if category[0] == "L" else "☺"


class _Symbols(dict[int, str | None]):
    """The symbol of each code point, for ``str.translate``; of a space none."""

    def __missing__(self, point: int) -> str | None:
        if len(self) >= _KEPT:
            self.clear()
        found = self[point] = None if chr(point) in _SPACES else symbol(chr(point))
        return found


SYMBOLS = _Symbols()
_KEPT = 20_000  # symbols
_SPACE = re.compile(f"[{''.join(sorted(_SPACES))}]+")


def read(text: str) -> Reading:
    kept = text.translate(SYMBOLS)
    at: list[int] = []
    gap: list[bool] = []
    begin = spaces = 0
    for start, end in [*(match.span() for match in _SPACE.finditer(text)), (len(text), len(text))]:
        at += range(begin, start)
        if start > begin:
            gap.append(begin > 0)
            gap += [False] * (start - begin - 1)
        begin = end
        spaces += end - start
    return Reading(kept, at, gap, spaces > 4 and spaces * 3.2 > len(kept))
