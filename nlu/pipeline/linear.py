"""A linear classifier over sparse text features: trained as a maximum-entropy model, served as one table of weights."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pycrfsuite
from numpy.typing import NDArray


class LinearClasses:
    """Scores of ``labels`` for a bag of features; several groups of labels share the table. Score = bias-free log-odds."""

    def __init__(self, labels: Sequence[str], rows: dict[str, int], weights: NDArray[np.float32]) -> None:
        self.labels = list(labels)
        self._rows = rows
        self._weights = weights  # (features, labels)

    def scores(self, features: Iterable[str]) -> NDArray[np.float32]:
        """One score for each label, shape (labels,)."""
        rows = [row for row in map(self._rows.get, features) if row is not None]
        if not rows:
            return np.zeros(len(self.labels), dtype=np.float32)
        return self._weights[rows].sum(axis=0, dtype=np.float32)

    def save(self, path: Path) -> None:
        names = sorted(self._rows, key=self._rows.__getitem__)
        scale = float(np.abs(self._weights).max() or 1.0) / 127
        np.savez_compressed(
            path,
            labels=np.array(json.dumps(self.labels)),
            names=np.frombuffer("\0".join(names).encode(), dtype=np.uint8),
            weights=np.round(self._weights / scale).astype(np.int8),  # 8 bits: a tenth of the size, same figures
            scale=np.array(scale),
        )

    @classmethod
    def load(cls, path: Path) -> LinearClasses:
        with np.load(path, allow_pickle=False) as kept:
            names = kept["names"].tobytes().decode().split("\0")
            weights = kept["weights"].astype(np.float32) * np.float32(kept["scale"])
            return cls(json.loads(str(kept["labels"])), {name: i for i, name in enumerate(names)}, weights)


def train_binary(bags: Sequence[Sequence[str]], targets: Sequence[bool], *, c1: float, c2: float) -> dict[str, float]:
    """Weights of a two-class maximum-entropy model: feature -> log-odds for true."""
    table = _train(bags, ["1" if t else "0" for t in targets], c1=c1, c2=c2)
    names = {name for name, _ in table}
    return {name: table.get((name, "1"), 0.0) - table.get((name, "0"), 0.0) for name in names}


def train_multi(bags: Sequence[Sequence[str]], targets: Sequence[str], *, c1: float, c2: float) -> dict[tuple[str, str], float]:
    """Weights of a many-class maximum-entropy model: (feature, label) -> weight."""
    return _train(bags, targets, c1=c1, c2=c2)


def _train(bags: Sequence[Sequence[str]], targets: Sequence[str], *, c1: float, c2: float) -> dict[tuple[str, str], float]:
    trainer = pycrfsuite.Trainer(algorithm="lbfgs", verbose=False)
    for bag, target in zip(bags, targets, strict=True):
        trainer.append([list(bag)], [target])
    trainer.set_params({"c1": c1, "c2": c2, "max_iterations": 120, "feature.minfreq": 3})
    with tempfile.TemporaryDirectory() as scratch:
        path = str(Path(scratch) / "model")
        trainer.train(path)
        tagger: Any = pycrfsuite.Tagger()
        tagger.open(path)
        features: dict[tuple[str, str], float] = dict(tagger.info().state_features)
        tagger.close()
    return features
