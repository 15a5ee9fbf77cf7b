"""Training of the address parser: generated lines and those labelled by hand -> the CRF's table."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from nlu.corpus import address_written
from nlu.corpus import grammar as grammars
from nlu.corpus.address_lines import address_lines
from nlu.corpus.addresses import Part
from nlu.pipeline.address_features import address_features
from nlu.pipeline.chain import Chain, Numbers
from nlu.pipeline.characters import read

GENERATED = 1_500  # lines of the generator
TIMES = 4  # uses of each hand-written line: once as it stands, the others with their divisions told otherwise
EPOCHS = 12
DECAY = 6.0

Progress = Callable[[str, float], None]


def example(parts: Sequence[Part]) -> tuple[Numbers, list[str]]:
    """What the parser sees of an address, and the B-/I- label of each character of its reading."""
    text = "".join(words for words, _ in parts)
    tags = [("B-" if i == 0 else "I-") + name for words, name in parts for i in range(len(words))]
    reading = read(text)
    return address_features()(reading), [tags[i] for i in reading.at]


def train_address(
    progress: Progress,
    *,
    seed: int,
    count: int = GENERATED,
    written: Sequence[Sequence[Part]] | None = None,
    times: int = TIMES,
    epochs: int = EPOCHS,
) -> Chain:
    """``count`` lines are generated; ``written`` are the hand-written ones (by default all that ship), each used ``times`` times."""
    progress("training addresses", 0.0)
    lines = [list(parts) for parts in (address_written.load() if written is None else written)]
    examples = [
        example(parts)
        for parts in (*address_lines(seed, count, grammars.load()), *address_written.vary(lines, seed, times))
    ]
    random.Random(seed).shuffle(examples)  # noqa: S311 - repeatable by seed, not secret
    return Chain.trained(
        examples, epochs=epochs, decay=DECAY, progress=lambda share: progress("training addresses", share)
    )
