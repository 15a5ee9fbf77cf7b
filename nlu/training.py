"""Training: corpus by seed -> CRF, classifier -> one spaCy pipeline on disk. Progress goes to the given callback."""

from __future__ import annotations

import hashlib
import json
import random
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import spacy

from nlu.address_training import train_address
from nlu.calibration import calibration, judged
from nlu.corpus import Example, generate
from nlu.corpus.examples import literal, vary
from nlu.corpus.written import Written
from nlu.corpus.written import load as load_written
from nlu.pipeline import address_parts, characters, classes, entities  # noqa: F401 - registers the components
from nlu.pipeline.chain import Chain, Numbers
from nlu.pipeline.characters import read
from nlu.pipeline.entities import EntityTagger
from nlu.pipeline.linear import LinearClasses, train_linear
from nlu.pipeline.vocabulary import feature_maker, reading_form

Progress = Callable[[str, float], None]  # what is done, share 0..1
EPOCHS = 20  # L-BFGS was far from its end after forty rounds that took longer
DECAY = 0.1  # L2
QUICK = 10  # epochs where a model only shall show how sure it may be
GENERATED = 1_000  # examples of the grammar
HIDDEN = 0.4  # share of known devices and brands that an example's reading shall not know
TIMES = 2  # uses of each hand-written request: once as it stands, the others varied


def labels_for(example: Example, at: Sequence[int]) -> list[str]:
    """B-/I-/O labels, one for each character of the reading whose offsets are ``at``."""
    tags = ["O"] * len(example.text)
    for field in example.fields:
        tags[field.start] = "B-" + field.name
        for i in range(field.start + 1, field.end):
            tags[i] = "I-" + field.name
    labels: list[str] = []
    previous = -1
    for i in at:
        tag = tags[i]
        if tag[0] == "I" and previous >= 0 and not labels[-1].endswith(tag[1:]):
            tag = "B" + tag[1:]
        labels.append(tag)
        previous = i
    return labels


def hidden_words(example: Example, rng: random.Random, share: float) -> set[str]:
    """Known words that this example's reading shall not know, so that the model learns to go by context too."""
    hidden = set()
    for field in example.fields:
        if field.name in ("device", "brand") and rng.random() < share:
            hidden.add(reading_form(field.text))
    return hidden


def learned_words(examples: Iterable[Example]) -> tuple[tuple[str, str], ...]:
    """Devices and brands of ``examples`` that are labelled in at least half of the places where their words stand."""
    kinds: dict[str, str] = {}
    labelled: Counter[str] = Counter()
    texts = []
    for example in examples:
        texts.append(read(example.text).text)
        for field in example.fields:
            word = reading_form(field.text)
            if field.name in ("device", "brand") and 2 <= len(word) <= 10 and "不" not in word:
                kinds[word] = "dev" if field.name == "device" else "brand"
                labelled[word] += 1
    everything = "\n".join(texts)
    return tuple(sorted((w, kinds[w]) for w, n in labelled.items() if n * 2 >= everything.count(w)))


def train_entities(
    examples: Sequence[Example],
    progress: Progress,
    *,
    seed: int,
    learned: tuple[tuple[str, str], ...] = (),
    epochs: int = EPOCHS,
) -> Chain:
    """``learned`` are words it may know besides the catalogue's."""
    maker = feature_maker(learned)

    def seen() -> Iterator[tuple[Numbers, list[str]]]:
        for number, example in enumerate(examples):
            reading = read(example.text)
            rng = random.Random(f"{seed}:hide:{number}")  # noqa: S311 - repeatable by seed, not secret
            if reading.text:
                yield maker(reading, hidden_words(example, rng, HIDDEN)), labels_for(example, reading.at)
            if number % 500 == 0:
                progress("training entities" if number else "reading examples", 0.1 + 0.2 * number / len(examples))

    chain = Chain.trained(seen(), epochs=epochs, decay=DECAY)
    progress("entities trained", 0.7)
    return chain


def calibrate(
    progress: Progress, written: Sequence[Written], *, seed: int, count: int
) -> dict[str, tuple[float, float]]:
    """Trains a model on every other hand-written request and looks how right it is on those between."""
    seen, unseen = written[::2], written[1::2]
    half = EntityTagger()
    half.learned = learned_words(map(literal, seen))
    examples = [*vary(seen, seed, 1), *generate(seed + 1, count // 2)]
    half.chain = train_entities(examples, lambda *_: None, seed=seed, learned=half.learned, epochs=QUICK)
    progress("calibrating", 0.8)
    return calibration(judged(half, [literal(record) for record in unseen]))


def train_classes(examples: Sequence[Example], progress: Progress, *, seed: int) -> LinearClasses:
    bags = [classes.bag(e.text, [(f.start, f.end, f.name) for f in e.fields]) for e in examples]
    targets = np.array(
        [
            [label in classes.labels_of(e.intents, e.intents[0], e.urgency, e.sentiment) for label in classes.LABELS]
            for e in examples
        ],
        dtype=np.float32,
    )
    return train_linear(
        bags,
        targets,
        classes.LABELS,
        classes.GROUPS,
        seed=seed,
        progress=lambda share: progress("training classes", 0.8 + 0.15 * share),
    )


def train(
    out: Path,
    *,
    seed: int = 7,
    count: int = GENERATED,
    times: int = TIMES,
    extra: Sequence[Example] = (),
    progress: Progress = lambda *_: None,
    version: str = "1.0",
) -> Path:
    """Trains and writes the pipeline to ``out``; returns ``out``.

    ``count`` examples are generated, each hand-written request is used ``times`` times, reviewed tickets (``extra``) as often.
    """
    written = load_written()
    examples = [*generate(seed, count), *vary(written, seed, times)]
    for _ in range(times):
        examples.extend(extra)
    random.Random(seed).shuffle(examples)  # noqa: S311 - repeatable by seed, not secret
    progress("corpus made", 0.05)
    nlp = spacy.blank("zh", config={"nlp": {"tokenizer": {"@tokenizers": "hotline.characters.v1"}}})
    tagger: Any = nlp.add_pipe("hotline_entities")
    classifier: Any = nlp.add_pipe("hotline_classes")
    parser: Any = nlp.add_pipe("hotline_address")
    tagger.learned = learned_words([*map(literal, written), *extra])
    tagger.chain = train_entities(examples, progress, seed=seed, learned=tagger.learned)
    tagger.calibration = calibrate(progress, written, seed=seed, count=count)
    # The classifier learns in seconds, so it may see more of the generated material than the CRF has time for.
    classifier.model = train_classes([*examples, *generate(seed + 3, count * 3)], progress, seed=seed)
    parser.chain = train_address(progress, seed=seed, count=count * 3 // 2, times=times * 2)
    fingerprint = hashlib.sha256(json.dumps([e.text for e in examples], ensure_ascii=False).encode()).hexdigest()[:16]
    nlp.meta.update(
        {
            "name": "hotline_nlu",
            "version": version,
            "license": "Apache-2.0",
            "description": f"seed {seed}, {len(examples)} examples, corpus {fingerprint}",
        }
    )
    out.mkdir(parents=True, exist_ok=True)
    nlp.to_disk(out, exclude=["vocab"])
    progress("written", 1.0)
    return out
