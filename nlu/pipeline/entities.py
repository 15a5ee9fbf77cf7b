"""The entity component: a linear-chain CRF over characters. Sets ``doc.spans["fields"]`` with a raw confidence for each span."""

from __future__ import annotations

import json
import lzma
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pycrfsuite
from spacy.language import Language
from spacy.tokens import Doc, Span

from nlu.pipeline.characters import Reading, read, text_of
from nlu.pipeline.features import FeatureMaker
from nlu.pipeline.vocabulary import feature_maker

SPANS = "fields"
if not Span.has_extension("confidence"):
    Span.set_extension("confidence", default=0.0)


def make_entities(nlp: Language, name: str) -> EntityTagger:
    return EntityTagger()


Language.factory("hotline_entities", default_config={}, func=make_entities)


class EntityTagger:
    def __init__(self) -> None:
        self._model = b""
        self._tagger: Any = None
        self._features: FeatureMaker | None = None
        self.calibration: dict[str, tuple[float, float]] = {}
        self.learned: tuple[tuple[str, str], ...] = ()  # devices and brands of the training material

    @property
    def features(self) -> FeatureMaker:
        if self._features is None:
            self._features = feature_maker(self.learned)
        return self._features

    def set_model(self, model: bytes) -> None:
        """``model`` is a CRFsuite file's content."""
        self._model = model
        self._tagger = pycrfsuite.Tagger()
        self._tagger.open_inmemory(model)

    def __call__(self, doc: Doc) -> Doc:
        found = self.find(read(text_of(doc)))
        spans = []
        for start, end, label, confidence in found:
            span = Span(doc, start, end, label=label)
            span._.confidence = confidence
            spans.append(span)
        doc.spans[SPANS] = spans
        return doc

    def find(self, reading: Reading) -> list[tuple[int, int, str, float]]:
        """(start, end, field, confidence) with offsets of the original text."""
        if self._tagger is None or not reading.text:
            return []
        tagger = self._tagger
        found: list[tuple[int, int, str, float]] = []
        for a, b in _pieces(reading.text):
            piece = Reading(reading.text[a:b], reading.at[a:b], reading.gap[a:b], reading.spaced)
            labels = tagger.tag(self.features(piece))
            for start, end, name in spans_of(labels):
                confidence = self._calibrated(name, [tagger.marginal(labels[i], i) for i in range(start, end)])
                found.append((piece.at[start], piece.at[end - 1] + 1, name, confidence))
        return found

    def _calibrated(self, name: str, marginals: Sequence[float]) -> float:
        raw = span_score(marginals)
        slope, offset = self.calibration.get(name, (1.0, 0.0))
        return 1 / (1 + math.exp(-(slope * raw + offset)))

    def to_disk(self, path: Path, **_: Any) -> None:
        path.mkdir(parents=True, exist_ok=True)
        (path / "crf.bin.xz").write_bytes(lzma.compress(self._model, preset=4))
        (path / "calibration.json").write_text(json.dumps(self.calibration, indent=1, sort_keys=True))
        (path / "words.json").write_text(json.dumps(self.learned, ensure_ascii=False), encoding="utf-8")

    def from_disk(self, path: Path, **_: Any) -> EntityTagger:
        path = Path(path)
        self.set_model(lzma.decompress((path / "crf.bin.xz").read_bytes()))
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


def _pieces(text: str, size: int = 1_500) -> list[tuple[int, int]]:
    """Pieces of at most ``size`` characters, cut after a line end or punctuation where there is one (Viterbi's memory)."""
    pieces, start = [], 0
    while start < len(text):
        end = min(start + size, len(text))
        if end < len(text):
            cut = max(text.rfind("⏎", start + size // 2, end), text.rfind("。", start + size // 2, end))
            end = cut + 1 if cut > 0 else end
        pieces.append((start, end))
        start = end
    return pieces
