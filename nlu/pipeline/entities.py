"""The entity component: a linear-chain CRF and a network over characters, which decide together.

Sets ``doc.spans["fields"]`` with a confidence for each span, and ``doc._.network_classes`` for the classifier. What the two are wrong in
differs: together they are better than each (measured on requests of authors whom neither had seen).
"""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from spacy.language import Language
from spacy.tokens import Doc, Span

from core.errors import ConfigurationError
from nlu.pipeline.chain import Chain
from nlu.pipeline.characters import Reading, read, text_of
from nlu.pipeline.decoding import Decoder
from nlu.pipeline.features import FeatureMaker
from nlu.pipeline.network import Network
from nlu.pipeline.vocabulary import feature_maker

SPANS = "fields"
CHAIN = "chain.npz"
NETWORK = "network.npz"
NETWORK_SHARE = 0.5  # what the network counts; the CRF counts the rest
LIKELY = 0.5  # a span that is rather wrong than right is left out
LEAST = {"fault": 0.4}  # where a symptom ends is a matter of taste: one cut a word too long still helps
if not Span.has_extension("confidence"):
    Span.set_extension("confidence", default=0.0)
if not Doc.has_extension("network_classes"):
    Doc.set_extension("network_classes", default=None)

Found = tuple[int, int, str, float]  # start, end, field, confidence; offsets of the original text


def make_entities(nlp: Language, name: str) -> EntityTagger:
    return EntityTagger()


Language.factory("hotline_entities", default_config={}, func=make_entities)


class EntityTagger:
    def __init__(self) -> None:
        self._chain: Chain | None = None
        self._network: Network | None = None
        self._decoder: Decoder | None = None
        self._features: FeatureMaker | None = None
        self.calibration: dict[str, tuple[float, float]] = {}
        self.learned: tuple[tuple[str, str], ...] = ()  # devices and brands of the training material

    def take(self, chain: Chain, network: Network | None) -> None:
        """What is to decide. Both know the same labels."""
        self._chain, self._network = chain, network
        transitions = chain.transitions
        if network is not None:
            if network.labels != chain.labels:
                raise ConfigurationError("The network and the CRF were trained for different fields.")
            transitions = (1 - NETWORK_SHARE) * transitions + NETWORK_SHARE * network.transitions
        self._decoder = Decoder(chain.labels, transitions.astype(np.float32))

    @property
    def features(self) -> FeatureMaker:
        if self._features is None:
            self._features = feature_maker(self.learned)
        return self._features

    def __call__(self, doc: Doc) -> Doc:
        found, doc._.network_classes = self.read(read(text_of(doc)))
        spans = []
        for start, end, label, confidence in found:
            span = Span(doc, start, end, label=label)
            span._.confidence = confidence
            spans.append(span)
        doc.spans[SPANS] = spans
        return doc

    def find(self, reading: Reading) -> list[Found]:
        """The fields alone."""
        return self.read(reading)[0]

    def read(self, reading: Reading) -> tuple[list[Found], NDArray[np.float32] | None]:
        """The fields, and the network's scores of the classes where there is a network."""
        if self._chain is None or self._decoder is None or not reading.text:
            return [], None
        numbers = self.features(reading)
        pieces = _pieces(reading.text)
        stretches = [numbers[a:b] for a, b in pieces]
        scores, classes = self._chain.scores(stretches), None
        if self._network is not None:
            others, classes = self._network.read(stretches)
            scores = [
                (1 - NETWORK_SHARE) * one + NETWORK_SHARE * other for one, other in zip(scores, others, strict=True)
            ]
        found: list[Found] = []
        for (begin, _), (labels, chances) in zip(pieces, self._decoder.tag(scores), strict=True):
            for start, end, name in spans_of(labels):
                confidence = self._calibrated(name, chances[start:end].tolist())
                if not self.calibration or confidence >= LEAST.get(name, LIKELY):
                    found.append((reading.at[begin + start], reading.at[begin + end - 1] + 1, name, confidence))
        return found, classes

    def _calibrated(self, name: str, marginals: Sequence[float]) -> float:
        raw = span_score(marginals)
        slope, offset = self.calibration.get(name, (1.0, 0.0))
        return 1 / (1 + math.exp(-(slope * raw + offset)))

    def to_disk(self, path: Path, **_: Any) -> None:
        path.mkdir(parents=True, exist_ok=True)
        if self._chain is not None:
            self._chain.save(path / CHAIN)
        if self._network is not None:
            self._network.save(path / NETWORK)
        (path / "calibration.json").write_text(json.dumps(self.calibration, indent=1, sort_keys=True))
        (path / "words.json").write_text(json.dumps(self.learned, ensure_ascii=False), encoding="utf-8")

    def from_disk(self, path: Path, **_: Any) -> EntityTagger:
        path = Path(path)
        if not (path / CHAIN).exists() or not (path / NETWORK).exists():
            raise ConfigurationError(
                "The model was trained by an older version: train it again with hotline nlu train.", path=str(path)
            )
        self.take(Chain.load(path / CHAIN), Network.load(path / NETWORK))
        words = json.loads((path / "words.json").read_text(encoding="utf-8"))
        self.learned = tuple((word, kind) for word, kind in words)
        kept = json.loads((path / "calibration.json").read_text())
        self.calibration = {name: (float(a), float(b)) for name, (a, b) in kept.items()}
        return self


def span_score(marginals: Sequence[float]) -> float:
    """The log-odds of a span's weakest character: a span is right only when each of its characters is."""
    weakest = min(max(min(marginals), 1e-6), 1 - 1e-6)
    return math.log(weakest / (1 - weakest))


def spans_of(labels: Sequence[str]) -> list[tuple[int, int, str]]:
    """Stretches of B-/I- labels; an I- after another name begins a stretch of its own."""
    spans: list[tuple[int, int, str]] = []
    start, name = 0, ""
    for i, label in enumerate([*labels, "O"]):
        if name and (label[:1] != "I" or label[2:] != name):
            spans.append((start, i, name))
            name = ""
        if label[:1] == "B" or (label[:1] == "I" and not name):
            start, name = i, label[2:]
    return spans


def _pieces(text: str, size: int = 250) -> list[tuple[int, int]]:
    """Pieces of about ``size`` characters, cut behind a line end or punctuation where there is one: they are read side by side."""
    pieces, start = [], 0
    while start < len(text):
        end = min(start + 2 * size, len(text))
        if end < len(text):
            cut = max(text.rfind("⏎", start + size, end), text.rfind("。", start + size, end))
            end = cut + 1 if cut > 0 else end
        pieces.append((start, end))
        start = end
    return pieces
