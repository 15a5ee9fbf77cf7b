"""The component for intents (several at once), urgency and sentiment. Sets ``doc._.classes``.

It reads character n-grams of the text with the found fields replaced by one sign each, so that no name, street or number of the
training material can vote, and a few signs of its own: what was found, which fault sounds dangerous. Where there is a network, what that
thinks of the text counts too.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc

from nlu.contract import INTENTS
from nlu.pipeline.characters import read, text_of
from nlu.pipeline.danger import danger_signs
from nlu.pipeline.entities import SPANS
from nlu.pipeline.linear import Group, LinearClasses
from nlu.pipeline.signs import signs

URGENCIES = ("emergency", "high", "normal")
SENTIMENTS = ("negative", "neutral", "positive")
LABELS = [
    *(f"any:{i}" for i in INTENTS),
    *(f"main:{i}" for i in INTENTS),
    *(f"urgency:{u}" for u in URGENCIES),
    *(f"sentiment:{s}" for s in SENTIMENTS),
]
GROUPS = (
    Group(start=0, end=12, exclusive=False),
    Group(start=12, end=24, exclusive=True),
    Group(start=24, end=27, exclusive=True),
    Group(start=27, end=30, exclusive=True),
)
_SIGNS = {
    "contact_name": "Ⓝ",
    "phone": "Ⓟ",
    "address": "Ⓐ",
    "device": "Ⓓ",
    "brand": "Ⓑ",
    "model": "Ⓜ",
    "serial": "Ⓢ",
    "fault_code": "Ⓒ",
    "time": "Ⓣ",
    "order": "Ⓞ",
}
FILE = "classes.npz"
NETWORK_SHARE = 0.4  # what the network counts; the n-grams count the rest

if not Doc.has_extension("classes"):
    Doc.set_extension("classes", default=None)


@dataclass(frozen=True, kw_only=True)
class Classes:
    """Probabilities: of each intent by itself, of each as the main one, of urgencies and sentiments."""

    intents: dict[str, float]
    main: dict[str, float]
    urgency: dict[str, float]
    sentiment: dict[str, float]


Field = tuple[int, int, str]  # start, end, name


_SQUEEZED = str.maketrans(dict.fromkeys("0123456789零一二三四五六七八九幺十百千", "0"))
_PLAIN = str.maketrans(dict.fromkeys(",。⏎、;:!?…~.", ""))
_READ = 1_500  # characters


def bag(text: str, fields: Sequence[Field]) -> list[str]:
    """The features of one text: its stretches of up to three characters, and the others."""
    plain, others = told(text, fields)
    return [*others.union(plain[i : i + length] for i in range(len(plain)) for length in (1, 2, 3))]


def told(text: str, fields: Sequence[Field]) -> tuple[str, set[str]]:
    """What of a text goes into its features by stretches, and the other features. Fields but faults are replaced by their sign; a
    fault is kept between marks."""
    masked = []
    at = 0
    faults = []
    for start, end, name in sorted(fields):
        if start < at:
            continue
        masked.append(text[at:start])
        if name == "fault":
            faults.append(text[start:end])
            masked.append("Ⓕ" + text[start:end] + "Ⓕ")
        else:
            masked.append(_SIGNS[name])
        at = end
    masked.append(text[at:])
    reading = read("".join(masked)).text
    squeezed = reading.translate(_SQUEEZED)
    plain = squeezed.translate(_PLAIN)
    out = {"1", "^" + plain[:2], "^" + plain[:3], "$" + plain[-2:]}
    counts: dict[str, int] = {}
    for _, _, name in fields:
        counts[name] = counts.get(name, 0) + 1
    out.update(f"#{name}" for name in counts)
    out.add(f"#faults{min(counts.get('fault', 0), 2)}")
    out.add(f"#len{min(len(plain) // 20, 6)}")
    if "!!" in squeezed or "?!" in squeezed or "??" in squeezed:
        out.add("#marks")
    out.update(f"!{sign}" for sign in danger_signs(reading))
    families = signs(reading[:_READ])
    out.update(f"~{sign}" for sign in families)
    plain_families = sorted(f for f in families if f[-1] not in "+^")
    out.update(f"~{a}&{b}" for i, a in enumerate(plain_families) for b in plain_families[i + 1 :])
    broken = "fault" if counts.get("fault") or counts.get("fault_code") else "nofault"
    out.update(f"~{a}&{broken}" for a in plain_families)
    out.add(f"~{broken}&{'visit' if 'visit' in families else '-'}{'price' if 'price' in families else '-'}")
    out.update(f"!f{sign}" for fault in faults for sign in danger_signs(read(fault).text))
    return plain[:_READ], out


def make_classes(nlp: Language, name: str) -> Classifier:
    return Classifier()


Language.factory("hotline_classes", default_config={}, func=make_classes)


class Classifier:
    def __init__(self) -> None:
        self.model: LinearClasses | None = None

    def __call__(self, doc: Doc) -> Doc:
        text = text_of(doc)
        spans = doc.spans.get(SPANS, [])
        fields = [(s.start, s.end, s.label_) for s in spans]
        doc._.classes = self.classify(text, fields, doc._.network_classes)
        return doc

    def classify(self, text: str, fields: Sequence[Field], network: NDArray[np.float32] | None = None) -> Classes:
        """``network``: scores of ``LABELS`` (log-odds) by the network."""
        scores = (
            np.zeros(len(LABELS), dtype=np.float32) if self.model is None else self.model.scores(*told(text, fields))
        )
        if network is not None:
            scores = (1 - NETWORK_SHARE) * scores + NETWORK_SHARE * network
        each = scores.tolist()
        return Classes(
            intents={
                i: 1 / (1 + math.exp(-max(-30.0, min(30.0, score)))) for i, score in zip(INTENTS, each, strict=False)
            },
            main=_softmax(INTENTS, each[12:24]),
            urgency=_softmax(URGENCIES, each[24:27]),
            sentiment=_softmax(SENTIMENTS, each[27:30]),
        )

    def to_disk(self, path: Path, **_: Any) -> None:
        path.mkdir(parents=True, exist_ok=True)
        if self.model is not None:
            self.model.save(path / FILE)

    def from_disk(self, path: Path, **_: Any) -> Classifier:
        self.model = LinearClasses.load(Path(path) / FILE)
        return self


def _softmax(names: Sequence[str], scores: Sequence[float]) -> dict[str, float]:
    top = max(scores)
    parts = [math.exp(score - top) for score in scores]
    total = sum(parts)
    return {name: part / total for name, part in zip(names, parts, strict=True)}


def labels_of(intents: Iterable[str], main: str, urgency: str, sentiment: str) -> set[str]:
    """The true labels of an example in the classifier's table."""
    return {*(f"any:{i}" for i in intents), f"main:{main}", f"urgency:{urgency}", f"sentiment:{sentiment}"}
