"""A linear classifier over sparse text features: logistic regression, served as one table of weights."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from nlu.pipeline.keys import KeyRows
from nlu.pipeline.symbols import grams, points

_LONGEST = 3  # characters of a stretch of text that is a feature


class LinearClasses:
    """Scores of ``labels`` for a bag of features; several groups of labels share the table. Score = bias-free log-odds.

    ``weights`` has shape (features ``names``, labels), in units of ``scale``.
    """

    def __init__(
        self,
        labels: Sequence[str],
        names: Sequence[str],
        weights: NDArray[np.float32] | NDArray[np.int8],
        scale: float = 1.0,
    ) -> None:
        self.labels = list(labels)
        self._names = "\0".join(names)
        self._weights = weights
        self._scale = np.float32(scale)
        lengths = np.array([len(name) for name in names], dtype=np.int64)
        short = (lengths <= _LONGEST).nonzero()[0]
        self._short = KeyRows(np.array([_key(names[row]) for row in short.tolist()], dtype=np.uint64))
        self._rows_of_short = np.append(short, -1)
        self._long = {names[row]: row for row in (lengths > _LONGEST).nonzero()[0].tolist()}

    def scores(self, text: str, others: Iterable[str]) -> NDArray[np.float32]:
        """One score for each label, of all stretches of ``text`` of up to three characters and of the features ``others``."""
        names = set(others)
        short = np.array([_key(name) for name in names if len(name) <= _LONGEST], dtype=np.uint64)
        found = self._short.find(np.concatenate([grams(points(text), _LONGEST).ravel(), short]))
        rows = np.unique(found[found != self._short.none])
        long = [row for row in map(self._long.get, names) if row is not None]
        picked = self._weights.take([*self._rows_of_short.take(rows).tolist(), *long], axis=0)
        total: NDArray[np.float32] = picked.sum(axis=0, dtype=np.float32) * self._scale
        return total

    def save(self, path: Path) -> None:
        scale = float(np.abs(self._weights).max(initial=0) or 1.0) / 127
        np.savez_compressed(
            path,
            labels=np.array(json.dumps(self.labels)),
            names=np.frombuffer(self._names.encode(), dtype=np.uint8),
            weights=np.round(self._weights / scale).astype(np.int8),  # 8 bits: a tenth of the size, same figures
            scale=np.array(scale * float(self._scale)),
        )

    @classmethod
    def load(cls, path: Path) -> LinearClasses:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            names = kept["names"].tobytes().decode().split("\0")
            return cls(json.loads(str(kept["labels"])), names, kept["weights"], float(kept["scale"]))


def _key(name: str) -> int:
    """The number of a short feature, as ``grams`` has it."""
    key = 0
    for at, character in enumerate(name):
        key |= min(ord(character), 0xFFFF) << (16 * at)
    return key


@dataclass(frozen=True, kw_only=True)
class Group:
    """Neighbouring labels of the table. ``exclusive``: exactly one is true (softmax), else each by itself (sigmoid)."""

    start: int
    end: int
    exclusive: bool


def train_linear(
    bags: Sequence[Sequence[str]],
    targets: NDArray[np.float32],
    labels: Sequence[str],
    groups: Sequence[Group],
    *,
    seed: int,
    epochs: int = 12,
    rate: float = 0.12,
    decay: float = 2e-6,
    rarest: int = 3,
    unseen: float = 0.6,
    progress: Callable[[float], None] = lambda _: None,
) -> LinearClasses:
    """Logistic regression of all labels at once by AdaGrad (Duchi et al., 2011), weights averaged over the last epochs.

    ``targets`` has shape (examples, labels), values 0 or 1. Features seen in fewer than ``rarest`` examples are left out; each time an
    example is looked at, a share ``unseen`` of its features is covered, so that no few of them carry the decision.
    """
    counts: dict[str, int] = {}
    for bag in bags:
        for name in bag:
            counts[name] = counts.get(name, 0) + 1
    rows = {name: i for i, name in enumerate(sorted(n for n, c in counts.items() if c >= rarest))}
    indices = [np.array(sorted(rows[n] for n in bag if n in rows), dtype=np.int64) for bag in bags]
    weights = np.zeros((len(rows), len(labels)), dtype=np.float32)
    squares = np.full_like(weights, 1e-2)
    kept = np.zeros_like(weights)
    rng = np.random.default_rng(seed)
    averaged = 0
    shown = np.float32(1 / (1 - unseen))
    for epoch in range(epochs):
        for n in rng.permutation(len(bags)):
            row = indices[n][rng.random(len(indices[n])) >= unseen]
            if not len(row):
                continue
            error = probabilities(weights[row].sum(axis=0) * shown, groups) - targets[n]
            gradient = error[None, :] * shown + decay * len(bags) * weights[row]
            squares[row] += gradient * gradient
            weights[row] -= rate * gradient / np.sqrt(squares[row])
        if epoch >= epochs // 2:
            kept += weights
            averaged += 1
        progress((epoch + 1) / epochs)
    kept /= max(1, averaged)
    strong = np.abs(kept).max(axis=1) > 0.01 if len(kept) else np.zeros(0, dtype=bool)
    names = [name for name, i in rows.items() if strong[i]]
    return LinearClasses(labels, names, kept[[rows[n] for n in names]])


def probabilities(scores: NDArray[np.float32], groups: Sequence[Group]) -> NDArray[np.float32]:
    out = np.empty_like(scores)
    for group in groups:
        part = scores[group.start : group.end]
        if group.exclusive:
            lifted = np.exp(part - part.max())
            out[group.start : group.end] = lifted / lifted.sum()
        else:
            out[group.start : group.end] = 1 / (1 + np.exp(-np.clip(part, -30, 30)))
    return out
