"""Training: corpus by seed -> CRF, classifier -> one spaCy pipeline on disk. Progress goes to the given callback."""

from __future__ import annotations

import hashlib
import json
import random
import tempfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pycrfsuite
import spacy

from nlu.corpus import Example, generate
from nlu.pipeline import characters, classes, entities  # noqa: F401 - registers the components
from nlu.pipeline.characters import read
from nlu.pipeline.entities import EntityTagger
from nlu.pipeline.linear import LinearClasses, train_binary, train_multi
from nlu.pipeline.vocabulary import feature_maker, reading_form

Progress = Callable[[str, float], None]  # what is done, share 0..1
ENTITY_PARAMETERS: dict[str, Any] = {"c1": 0.06, "c2": 0.02, "max_iterations": 90, "feature.minfreq": 2, "feature.possible_transitions": True, "epsilon": 1e-4}


def labels_for(example: Example, at: Sequence[int]) -> list[str]:
    """B-/I-/O labels, one for each character of the reading whose offsets are ``at``."""
    tags = ["O"] * len(example.text)
    for field in example.fields:
        tags[field.start] = "B-" + field.name
        for i in range(field.start + 1, field.end):
            tags[i] = "I-" + field.name
    labels = []
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


def train_entities(examples: Sequence[Example], progress: Progress, *, seed: int) -> bytes:
    maker = feature_maker()
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    for number, example in enumerate(examples):
        reading = read(example.text)
        rng = random.Random(f"{seed}:hide:{number}")
        if reading.text:
            trainer.append(maker(reading, hidden_words(example, rng, 0.3)), labels_for(example, reading.at))
        if number % 500 == 0:
            progress("reading examples", 0.25 * number / len(examples))
    trainer.set_params(ENTITY_PARAMETERS)
    progress("training entities", 0.3)
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "crf"
        trainer.train(str(path))
        progress("entities trained", 0.8)
        return path.read_bytes()


def train_classes(examples: Sequence[Example], progress: Progress) -> LinearClasses:
    bags = [classes.bag(e.text, [(f.start, f.end, f.name) for f in e.fields]) for e in examples]
    columns: dict[str, dict[str, float]] = {}
    for number, label in enumerate(label for label in classes.LABELS if label.startswith("any:")):
        columns[label] = train_binary(bags, [label[4:] in e.intents for e in examples], c1=0.1, c2=0.1)
        progress("training intents", 0.8 + 0.1 * number / 12)
    for group, values in (
        ("main", [e.intents[0] for e in examples]),
        ("urgency", [e.urgency for e in examples]),
        ("sentiment", [e.sentiment for e in examples]),
    ):
        table = train_multi(bags, values, c1=0.1, c2=0.1)
        for (name, value), weight in table.items():
            columns.setdefault(f"{group}:{value}", {})[name] = weight
        progress(f"training {group}", 0.92)
    names = sorted({name for column in columns.values() for name in column})
    rows = {name: i for i, name in enumerate(names)}
    weights = np.zeros((len(names), len(classes.LABELS)), dtype=np.float32)
    for i, label in enumerate(classes.LABELS):
        for name, weight in columns.get(label, {}).items():
            weights[rows[name], i] = weight
    return LinearClasses(classes.LABELS, rows, weights)


def train(
    out: Path, *, seed: int = 7, count: int = 10_000, extra: Sequence[Example] = (), progress: Progress = lambda *_: None, version: str = "1.0"
) -> Path:
    """Trains and writes the pipeline to ``out``; returns ``out``. ``extra`` are reviewed tickets, weighted four-fold."""
    examples = list(generate(seed, count))
    for _ in range(4):
        examples.extend(extra)
    random.Random(seed).shuffle(examples)
    progress("corpus made", 0.05)
    nlp = spacy.blank("zh", config={"nlp": {"tokenizer": {"@tokenizers": "hotline.characters.v1"}}})
    tagger: Any = nlp.add_pipe("hotline_entities")
    classifier: Any = nlp.add_pipe("hotline_classes")
    tagger.set_model(train_entities(examples, progress, seed=seed))
    classifier.model = train_classes(examples, progress)
    fingerprint = hashlib.sha256(json.dumps([e.text for e in examples], ensure_ascii=False).encode()).hexdigest()[:16]
    nlp.meta.update(
        {"name": "hotline_nlu", "version": version, "license": "Apache-2.0", "description": f"seed {seed}, {len(examples)} examples, corpus {fingerprint}"}
    )
    out.mkdir(parents=True, exist_ok=True)
    nlp.to_disk(out, exclude=["vocab"])
    progress("written", 1.0)
    return out


__all__ = ["EntityTagger", "train", "zlib"]
