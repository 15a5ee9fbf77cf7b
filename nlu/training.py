"""Training: corpus by seed -> CRF, network, classifier, address parser -> one spaCy pipeline on disk.

The network takes longest; the CRF, the calibration and the address parser are trained meanwhile in a second process.
"""

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
from numpy.typing import NDArray

from nlu.address_training import train_address
from nlu.beside import Beside, tell
from nlu.calibration import calibration, judged
from nlu.corpus import Example, generate
from nlu.corpus.examples import literal, vary
from nlu.corpus.written import Written
from nlu.corpus.written import load as load_written
from nlu.hearing_training import train_hearing
from nlu.network_training import Shown, train_network
from nlu.pipeline import address_parts, characters, classes, entities  # noqa: F401 - registers the components
from nlu.pipeline.chain import Chain, Numbers
from nlu.pipeline.characters import read
from nlu.pipeline.entities import EntityTagger
from nlu.pipeline.features import INPUTS
from nlu.pipeline.linear import LinearClasses, train_linear
from nlu.pipeline.network import Network
from nlu.pipeline.vocabulary import feature_maker, reading_form
from nlu.text.hearing import FILE

Progress = Callable[[str, float], None]  # what is done, share 0..1
EPOCHS = 20  # L-BFGS was far from its end after forty rounds that took longer
DECAY = 0.1  # L2
NETWORK_EPOCHS = 10
QUICK, NETWORK_QUICK = 10, 4  # epochs where a model only shall show how sure it may be
GENERATED = 1_000  # examples of the grammar
HIDDEN = 0.4  # share of known devices and brands that an example's reading shall not know
_DOING = ("training the network", "training the rest")  # while the network is not done, and then
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


_FIRST_NAMES = frozenset(
    ["小明", "小红", "小强", "小华", "小丽", "小芳", "小刚", "小军", "小燕", "小龙"]
)  # which also are brands


def learned_words(examples: Iterable[Example]) -> tuple[tuple[str, str], ...]:
    """Devices and brands of ``examples`` that are labelled in at least half of the places where their words stand."""
    kinds: dict[str, str] = {}
    labelled: Counter[str] = Counter()
    texts = []
    for example in examples:
        texts.append(read(example.text).text)
        for field in example.fields:
            word = reading_form(field.text)
            if (
                field.name in ("device", "brand")
                and 2 <= len(word) <= 10
                and "不" not in word
                and word not in _FIRST_NAMES
            ):
                kinds[word] = "dev" if field.name == "device" else "brand"
                labelled[word] += 1
    everything = "\n".join(texts)
    return tuple(sorted((w, kinds[w]) for w, n in labelled.items() if n * 2 >= everything.count(w)))


Learned = tuple[tuple[str, str], ...]


def seen(examples: Sequence[Example], seed: int, learned: Learned) -> Iterator[tuple[Example, Numbers, list[str]]]:
    """What the models see of each example that is not empty, and the labels. ``learned`` are words known besides the catalogue's."""
    maker = feature_maker(learned)
    for number, example in enumerate(examples):
        reading = read(example.text)
        rng = random.Random(f"{seed}:hide:{number}")  # noqa: S311 - repeatable by seed, not secret
        if reading.text:
            yield example, maker(reading, hidden_words(example, rng, HIDDEN)), labels_for(example, reading.at)


def train_chain(examples: Sequence[Example], seed: int, learned: Learned, epochs: int = EPOCHS) -> Chain:
    return Chain.trained(
        ((numbers, labels) for _, numbers, labels in seen(examples, seed, learned)), epochs=epochs, decay=DECAY
    )


def train_reader(
    examples: Sequence[Example],
    seed: int,
    learned: Learned,
    epochs: int = NETWORK_EPOCHS,
    progress: Callable[[float], None] = lambda _: None,
) -> Network:
    """The network, for the labels that the CRF learns from the same examples. ``progress`` is told the share done."""
    read_ = list(seen(examples, seed, learned))
    labels = sorted({label for _, _, given in read_ for label in given})
    numbered = {label: number for number, label in enumerate(labels)}
    shown = [
        Shown(numbers=numbers, labels=np.array([numbered[label] for label in given]), classes=_target(example))
        for example, numbers, given in read_
    ]
    return train_network(
        shown, labels, classes.LABELS, classes.GROUPS, INPUTS, seed=seed, epochs=epochs, progress=progress
    )


def calibrate(written: Sequence[Written], seed: int, count: int) -> dict[str, tuple[float, float]]:
    """Trains models on every other hand-written request and looks how right they are on those between."""
    known, unknown = written[::2], written[1::2]
    half = EntityTagger()
    half.learned = learned_words(map(literal, known))
    examples = [*vary(known, seed, 1), *generate(seed + 1, count // 2)]
    half.take(
        train_chain(examples, seed, half.learned, QUICK), train_reader(examples, seed, half.learned, NETWORK_QUICK)
    )
    return calibration(judged(half, [literal(record) for record in unknown]))


def _target(example: Example) -> NDArray[np.float32]:
    given = classes.labels_of(example.intents, example.intents[0], example.urgency, example.sentiment)
    return np.array([label in given for label in classes.LABELS], dtype=np.float32)


def train_classes(examples: Sequence[Example], progress: Progress, *, seed: int) -> LinearClasses:
    bags = [classes.bag(e.text, [(f.start, f.end, f.name) for f in e.fields]) for e in examples]
    targets = np.stack([_target(e) for e in examples])
    return train_linear(
        bags,
        targets,
        classes.LABELS,
        classes.GROUPS,
        seed=seed,
        progress=lambda share: progress("training classes", 0.05 + 0.1 * share),
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
    with Beside(2) as beside:
        reader = beside.submit(train_reader, examples, seed, tagger.learned, NETWORK_EPOCHS, tell)
        sure = beside.submit(calibrate, written, seed, count)
        chain = beside.submit(train_chain, examples, seed, tagger.learned)
        address = beside.submit(_address, seed, count * 3 // 2, times * 2)
        # The classifier learns in seconds, so it may see more of the generated material than the others have time for.
        classifier.model = train_classes([*examples, *generate(seed + 3, count * 3)], progress, seed=seed)
        beside.follow(lambda share: progress(_DOING[share >= 1], 0.15 + 0.8 * share))
        tagger.take(chain.result(), reader.result())
        tagger.calibration = sure.result()
        parser.chain = address.result()
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
    train_hearing(written, seed=seed).save(out / FILE)
    progress("written", 1.0)
    return out


def _address(seed: int, count: int, times: int) -> Chain:
    return train_address(lambda *_: None, seed=seed, count=count, times=times)
