"""What is said in requests, as the correction by sound learns it: our written requests as calls, and the names that are known."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence

from nlu.catalogue import shipped
from nlu.corpus import generate
from nlu.corpus import grammar as grammars
from nlu.corpus.examples import literal
from nlu.corpus.grammar import Piece
from nlu.corpus.variants import Variants
from nlu.corpus.written import Written
from nlu.places import divisions
from nlu.text.hearing import Hearing

CALLS = 3  # uses of each written call
GENERATED = 4_000
_NAMES = 2  # uses of each name; what was seen once is forgotten


class _Clearly(Variants):
    """Variants in which nothing is misheard."""

    @staticmethod
    def _noise(pieces: list[Piece], channel: object, rng: random.Random) -> list[Piece]:
        return pieces


def train_hearing(written: Sequence[Written], *, seed: int) -> Hearing:
    """The same for the same seed."""
    return Hearing.trained(_said(written, seed))


def _said(written: Sequence[Written], seed: int) -> Iterator[str]:
    variants = _Clearly(written, grammars.load())
    for record in written:
        rng = random.Random(f"{seed}:said:{record.where}")  # noqa: S311 - repeatable by seed, not secret
        if record.channel == "call":
            yield literal(record).text
            for _ in range(CALLS - 1):
                yield _text(variants.make(record, rng))
        else:
            yield _text(variants.as_call(record, rng) or [])
    for example in generate(seed + 5, GENERATED):
        if example.channel == "call":
            yield example.text
    names = [name for device in shipped().devices for name in device.names] + list(shipped().brands)
    names += [name for name, codes in sorted(divisions().by_name.items()) if min(map(len, codes)) <= 6]
    for name in names:
        yield from [name] * _NAMES


def _text(pieces: Sequence[Piece]) -> str:
    return "".join(text for text, _ in pieces)
