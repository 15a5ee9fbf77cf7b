"""What was probably said, where a recogniser was not sure: the likeliest text of a noisy channel.

A beam search over characters. What is likely to be said, ``ngrams`` knows of our own requests; how likely it is to be heard as it was heard, ``confusion``
and the recogniser's own confidence tell. What the recogniser was sure of stays, and a text without word confidences is not touched at all.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from pypinyin import Style, lazy_pinyin

from nlu.text.confusion import table
from nlu.text.ngrams import Array, Ngrams

FILE = "hearing.npz"
SURE = 0.97  # a word of this confidence stays
AROUND = 12  # characters to both sides whose confidences tell how well something was heard
HOPELESS = 0.6  # mean confidence around a character; below it a correction only makes fields of what nobody understood
LANGUAGE = 0.8  # weight of what is likely to be said
AGAINST = 0.0  # logarithm, for each character that is changed
BACKED = -1.5  # logarithm, of hearing a character that another reading of the audio has
LOST = -4.5  # logarithm, of a character that was said and not heard
NOISE = -6.0  # logarithm, of any one syllable that nobody said
BEAM, REACH, CHOICES, GUESSED = 32, 12.0, 40, 4
NEGATIONS = frozenset("不没无未别勿莫")  # are neither made nor taken away
_READINGS = 2  # of a character: 长 is chang and zhang
_COMMON = 1.0  # weight of a character's frequency where the choices for a syllable are made
# A letter's name sounds like a syllable; of longer names the first.
_LETTERS = {
    "a": "ei", "b": "bi", "c": "xi", "d": "di", "e": "yi", "f": "ai", "g": "ji", "h": "ai", "i": "ai", "j": "zhei", "k": "kei", "l": "ai",
    "m": "ai", "n": "en", "o": "ou", "p": "pi", "q": "qiu", "r": "a", "s": "ai", "t": "ti", "u": "you", "v": "wei", "w": "da", "x": "ai",
    "y": "wai", "z": "zei",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class HeardAs:
    """One character as it was heard, with the confidence of its word, 0..1, and the ``others`` that other readings have in its place.

    What is ``fixed`` stays.
    """

    character: str
    confidence: float
    others: str = ""
    fixed: bool = False


class Hearing:
    """Pure: the same words give the same text."""

    def __init__(self, tables: dict[str, Array]) -> None:
        self.tables = tables
        self._ngrams = Ngrams(tables)
        self._syllables = tuple(str(tables["syllables"]).split(" "))
        self._number = {s: n for n, s in enumerate(self._syllables)}
        self._heard = table(self._syllables)
        self._readings = tables["readings"].astype(np.int64)
        self._readable = self._readings[:, 0] < len(self._syllables)
        self._never = np.array([0, 1, *(self._ngrams.number[c] for c in sorted(NEGATIONS) if c in self._ngrams.number)])
        self._choices = lru_cache(maxsize=600)(self._choose)

    @classmethod
    def trained(cls, texts: Iterable[str]) -> Hearing:
        """``texts`` are spoken requests; only their Chinese characters, letters and digits count."""
        lines = [plain(text) for text in texts]
        ngrams = Ngrams.trained(lines)
        said: dict[str, Counter[str]] = defaultdict(Counter)
        for line in lines[::2]:
            for character, syllable in zip(line, syllables(line), strict=True):
                said[character][syllable] += 1
        known = sorted({s for counts in said.values() for s in counts if s.isascii() and s.isalpha()})
        number = {s: n for n, s in enumerate(known)}
        readings = np.full((len(ngrams.characters), _READINGS), len(known), dtype=np.uint16)
        for at, character in enumerate(ngrams.characters):
            counts = said.get(character, Counter())
            often = [s for s, n in counts.most_common(_READINGS) if s in number and n * 20 >= counts.total()]
            for place, syllable in enumerate(often or [s for s in syllables(character) if s in number]):
                readings[at, place:] = number[syllable]
        return cls({**ngrams.tables, "syllables": np.array(" ".join(known)), "readings": readings})

    def save(self, file: Path) -> None:
        np.savez_compressed(file, **self.tables)  # type: ignore[arg-type]  # numpy's stub takes no tables by name

    @classmethod
    def load(cls, file: Path) -> Hearing:
        with file.open("rb") as opened, np.load(opened, allow_pickle=False) as kept:
            return cls({name: kept[name] for name in kept.files})

    def _choose(self, heard: int) -> tuple[Array, Array]:
        """The characters that a heard syllable may have been, and the logarithm of the chance to hear them so."""
        spoken = np.where(self._readable[:, None], self._readings, 0)
        chance = np.where(self._readable, self._heard[spoken, heard].max(axis=1), -99.0)
        chance[self._never] = -99.0
        best = np.argsort(-(chance + _COMMON * self._ngrams.single), kind="stable")[:CHOICES]
        return best, chance[best]

    def _options(self, number: int, sound: int, others: str) -> tuple[Array, Array]:
        """The character itself and its choices, and the logarithms of the chances of the choices."""
        options, near = self._choices(sound)
        if others:
            backed = [n for n in self._ngrams.numbers(others) if n not in self._never]
            near = np.where(np.isin(options, backed), np.maximum(near, BACKED), near)
            more = [n for n in backed if n not in options]
            options, near = (
                np.concatenate([options, more]).astype(np.int64),
                np.concatenate([near, [BACKED] * len(more)]),
            )
        kept = options != number
        return np.concatenate([[number], options[kept]]), near[kept]

    def said(self, heard: Sequence[HeardAs]) -> list[str]:
        """For each character that was heard what was probably said instead: itself, another one, several, or nothing."""
        if not heard:
            return []
        means = _means([h.confidence for h in heard])
        text = "".join(h.character for h in heard)
        numbers = self._ngrams.numbers(text)
        sounds = syllables(text)
        # The beam: contexts, logarithms, and for the way back (entry before, characters) of each.
        before, last, score = np.zeros(1, np.int64), np.zeros(1, np.int64), np.zeros(1)
        trail: list[tuple[int, int, tuple[int, ...]]] = [(-1, -1, ())]
        ends = np.zeros(1, np.int64)
        for at, (one, number, sound) in enumerate(zip(heard, numbers, sounds, strict=True)):
            same, wrong, noise = chances(one.confidence, means[at])
            sure = one.fixed or one.confidence >= SURE or means[at] < HOPELESS or sound not in self._number
            sure = sure or number == 1 or one.character in NEGATIONS  # a character nobody counted is rare, not wrong
            lost: tuple[Array, ...] = ()
            if not sure:
                before, last, score, ends, lost = self._with_lost(before, last, score, ends)
                options, near = self._options(number, self._number[sound], one.others)
                channel = np.concatenate([[same], wrong + AGAINST + near])
            else:
                options, channel = np.array([number]), np.zeros(1)
            whole = score[:, None] + channel + LANGUAGE * self._ngrams.chances(before, last, options)
            if not sure:  # the last column: nobody said it
                whole = np.concatenate([whole, (score + noise + NOISE)[:, None]], axis=1)
            flat = whole.ravel()
            order = np.argpartition(-flat, BEAM * 3)[: BEAM * 3] if len(flat) > BEAM * 3 else np.arange(len(flat))
            order = order[np.lexsort((order, -flat[order]))]
            chosen: list[tuple[int, int, int, float]] = []
            seen: set[tuple[int, int]] = set()
            for place in order.tolist():
                value = float(flat[place])
                if value < flat[order[0]] - REACH or len(chosen) == BEAM:
                    break
                row, column = divmod(place, whole.shape[1])
                kept = column == len(options)
                context = (int(before[row]), int(last[row])) if kept else (int(last[row]), int(options[column]))
                if context not in seen:
                    seen.add(context)
                    extra = (int(lost[0][row]),) if len(lost) and lost[0][row] >= 0 else ()
                    output = () if kept else (-1,) if column == 0 else (int(options[column]),)
                    trail.append((int(ends[row]), at, (*extra, *output)))
                    chosen.append((*context, len(trail) - 1, value))
            before, last, ends = (np.array([c[k] for c in chosen], dtype=np.int64) for k in range(3))
            score = np.array([c[3] for c in chosen])
        final = score + LANGUAGE * self._ngrams.chances(before, last, np.zeros(1, np.int64))[:, 0]
        entry = int(ends[int(np.argmax(final))])
        out = [""] * len(heard)
        while entry > 0:
            entry, at, characters = trail[entry]
            out[at] = "".join(heard[at].character if n < 0 else self._ngrams.characters[n] for n in characters)
        return out

    def _with_lost(
        self, before: Array, last: Array, score: Array, ends: Array
    ) -> tuple[Array, Array, Array, Array, tuple[Array]]:
        """The contexts, and the best of them with a likely character behind that was not heard."""
        none = np.full(len(score), -1, np.int64)
        rows: list[int] = []
        guesses: list[int] = []
        for row in range(min(GUESSED, len(score))):
            for guess in self._ngrams.likely(int(last[row])).tolist():
                if guess not in self._never:
                    rows.append(row)
                    guesses.append(guess)
        if not rows:
            return before, last, score, ends, (none,)
        which, guessed = np.array(rows), np.array(guesses, dtype=np.int64)
        chance = self._ngrams.chances(before[which], last[which], guessed[:, None])[:, 0]
        return (
            np.concatenate([before, last[which]]),
            np.concatenate([last, guessed]),
            np.concatenate([score, score[which] + LOST + LANGUAGE * chance]),
            np.concatenate([ends, ends[which]]),
            (np.concatenate([none, guessed]),),
        )


def _means(confidences: Sequence[float]) -> list[float]:
    """The mean confidence around each character."""
    sums = [0.0]
    for confidence in confidences:
        sums.append(sums[-1] + confidence)
    n = len(confidences)
    return [
        (sums[min(n, i + AROUND + 1)] - sums[max(0, i - AROUND)]) / (min(n, i + AROUND + 1) - max(0, i - AROUND))
        for i in range(n)
    ]


RIGHT = (-12.0, 3.3, 13.5)  # of the logistic function: by itself, by the word's confidence, by the mean


def chances(confidence: float, mean: float) -> tuple[float, float, float]:
    """Logarithms of the chances that a character is right, another one, or nothing that was said.

    Counted on spoken requests: a word's confidence tells much, and so does the mean of all: where a whole turn was heard badly, its
    surer words are wrong too.
    """
    right = 1 / (1 + math.exp(-(RIGHT[0] + RIGHT[1] * confidence + RIGHT[2] * mean)))
    nothing = 0.05 * (1 - right)
    return math.log(right), math.log(max(1e-4, 1 - right - nothing)), math.log(max(1e-4, nothing))


def lower(character: str) -> str:
    """One character in lower case, itself where that would be several."""
    small = character.lower()
    return small if len(small) == 1 else character


def plain(text: str) -> str:
    """Chinese characters, letters and digits, lower case."""
    return "".join(c for c in map(lower, text) if "\u4e00" <= c <= "\u9fff" or (c.isascii() and c.isalnum()))


def syllables(text: str) -> list[str]:
    """A syllable without tone for each character, read as words; letters by their names, anything else as it is."""
    out: list[str] = []
    for part in _runs(text):
        if "\u4e00" <= part[0] <= "\u9fff":
            read = lazy_pinyin(part, style=Style.NORMAL)
            out += read if len(read) == len(part) else [lazy_pinyin(c, style=Style.NORMAL)[0] for c in part]
        else:
            out += [_LETTERS.get(c, c) for c in map(lower, part)]
    return out


def _runs(text: str) -> Iterable[str]:
    start = 0
    for i in range(1, len(text) + 1):
        if i == len(text) or ("\u4e00" <= text[i] <= "\u9fff") != ("\u4e00" <= text[start] <= "\u9fff"):
            yield text[start:i]
            start = i
