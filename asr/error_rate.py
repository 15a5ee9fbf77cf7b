"""Character error rate: (insertions + deletions + substitutions) / characters of the reference.

What is compared: Chinese characters, letters (case folded) and digits; spaces and punctuation are not speech. Digits are
compared as they are read one by one: 1, 一 and 幺 count as the same, as do 0, 零 and 〇, 2 and 两 don't (两 is a word
of its own). A number written 1800 is compared with 一八零零, digit by digit; 一千八百 keeps its 千 and 百, for a reader of 1800
might have said either and the transcript should hold what was said.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

SAME = str.maketrans("0123456789〇幺", "零一二三四五六七八九零一")


@dataclass(frozen=True, kw_only=True)
class ErrorRate:
    """Counts of one or many utterances. ``rate`` is None without a reference character."""

    utterances: int = 0
    characters: int = 0
    insertions: int = 0
    deletions: int = 0
    substitutions: int = 0

    @property
    def errors(self) -> int:
        return self.insertions + self.deletions + self.substitutions

    @property
    def rate(self) -> float | None:
        return self.errors / self.characters if self.characters else None

    def __add__(self, other: ErrorRate) -> ErrorRate:
        return ErrorRate(
            utterances=self.utterances + other.utterances,
            characters=self.characters + other.characters,
            insertions=self.insertions + other.insertions,
            deletions=self.deletions + other.deletions,
            substitutions=self.substitutions + other.substitutions,
        )


def total(rates: Iterable[ErrorRate]) -> ErrorRate:
    return sum(rates, ErrorRate())


def comparable(text: str) -> str:
    """The characters that count, in one form."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(SAME)
    return "".join(character for character in folded if unicodedata.category(character)[0] in "LN")


def compare(reference: str, heard: str) -> ErrorRate:
    """The cheapest alignment (Levenshtein); of equally cheap ones the one with most substitutions."""
    wanted, got = comparable(reference), comparable(heard)
    # Per cell: errors, insertions, deletions, substitutions; the first decides, ties prefer the diagonal.
    row = [(n, n, 0, 0) for n in range(len(got) + 1)]
    for line, character in enumerate(wanted, 1):
        above, row = row, [(line, 0, line, 0)]
        for column, other in enumerate(got, 1):
            diagonal = above[column - 1]
            if character == other:
                row.append(diagonal)
                continue
            up, left = above[column], row[column - 1]
            if diagonal[0] <= up[0] and diagonal[0] <= left[0]:
                row.append((diagonal[0] + 1, diagonal[1], diagonal[2], diagonal[3] + 1))
            elif up[0] <= left[0]:
                row.append((up[0] + 1, up[1], up[2] + 1, up[3]))
            else:
                row.append((left[0] + 1, left[1] + 1, left[2], left[3]))
    _, insertions, deletions, substitutions = row[-1]
    return ErrorRate(
        utterances=1,
        characters=len(wanted),
        insertions=insertions,
        deletions=deletions,
        substitutions=substitutions,
    )
