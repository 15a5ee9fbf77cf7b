"""A linear-chain CRF's weights as tables, and its best labels with their probabilities by numpy.

CRFsuite trains; what ships is a table of whole numbers without the weights that say nothing: a third of the size, loaded at once.
Several stretches are read side by side, for a step over one character costs the same for one as for a hundred.
"""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pycrfsuite
from numpy.typing import NDArray

UNIT = 1 / 32  # of a weight; smaller than half of it is nothing
_STATE = re.compile(r"\s*\(0\) (\d+) --> (\S+): (\S+)")
_TRANSITION = re.compile(r"\s*\(1\) (\S+) --> (\S+): (\S+)")

Numbers = NDArray[np.uint32]  # (characters, templates); 0 says nothing


class Chain:
    """``keys`` are sorted feature numbers, ``weights`` (keys + 1, labels) in units, the last row zero."""

    def __init__(
        self, labels: Sequence[str], transitions: NDArray[np.float32], keys: Numbers, weights: NDArray[np.int16]
    ) -> None:
        self.labels = list(labels)
        self._transitions = transitions
        self._factors = np.exp(transitions)
        self._keys = keys
        self._weights = weights

    def __len__(self) -> int:
        return len(self._keys)

    def tag(self, stretches: Sequence[Numbers]) -> list[tuple[list[str], NDArray[np.float32]]]:
        """Of each stretch the likeliest labels, and the probability of each of them at its place."""
        if not stretches:
            return []
        sizes = np.array([len(numbers) for numbers in stretches])
        ends = np.cumsum(sizes)
        scores = self._scores(np.concatenate(stretches))
        table = np.zeros((int(sizes.max()), len(stretches), len(self.labels)), dtype=np.float32)
        for at, (size, end) in enumerate(zip(sizes, ends, strict=True)):
            table[:size, at] = scores[end - size : end]
        path = self._path(table, sizes)
        chances = np.take_along_axis(self._chances(table, sizes), path[:, :, None], axis=2)[:, :, 0]
        return [
            ([self.labels[label] for label in path[:size, at]], chances[:size, at]) for at, size in enumerate(sizes)
        ]

    def _scores(self, numbers: Numbers) -> NDArray[np.float32]:
        flat = numbers.ravel()
        at = np.searchsorted(self._keys, flat)
        at[at == len(self._keys)] = 0
        rows = np.where(self._keys[at] == flat, at, len(self._keys)) if len(self._keys) else at
        picked = self._weights[rows].reshape(*numbers.shape, len(self.labels))
        scores: NDArray[np.float32] = picked.sum(axis=1, dtype=np.int32) * np.float32(UNIT)
        return scores

    def _path(self, table: NDArray[np.float32], sizes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Viterbi; a stretch that has ended keeps its score, each label coming from itself."""
        steps, count, labels = table.shape
        came = np.empty((steps, count, labels), dtype=np.int64)
        best = table[0].copy()
        itself = np.arange(labels)
        uneven = bool((sizes != steps).any())
        for t in range(1, steps):
            ways = best[:, :, None] + self._transitions
            came[t] = ways.argmax(axis=1)
            after = ways.max(axis=1) + table[t]
            if uneven:
                over = sizes <= t
                came[t, over] = itself
                after[over] = best[over]
            best = after
        path = np.empty((steps, count), dtype=np.int64)
        path[-1] = best.argmax(axis=1)
        each = np.arange(count)
        for t in range(steps - 1, 0, -1):
            path[t - 1] = came[t, each, path[t]]
        return path

    def _chances(self, table: NDArray[np.float32], sizes: NDArray[np.int64]) -> NDArray[np.float32]:
        """Probability of each label at each place, by forward and backward sums, each step scaled to one."""
        steps = len(table)
        lifted = np.exp(table - table.max(axis=2, keepdims=True))
        forward = np.empty_like(lifted)
        backward = np.ones_like(lifted)
        forward[0] = lifted[0]
        for t in range(1, steps):
            now = (forward[t - 1] @ self._factors) * lifted[t]
            forward[t] = now / now.sum(axis=1, keepdims=True)
        returning = self._factors.T
        uneven = bool((sizes != steps).any())
        for t in range(steps - 2, -1, -1):
            now = (lifted[t + 1] * backward[t + 1]) @ returning
            now /= now.sum(axis=1, keepdims=True)
            if uneven:
                now[sizes - 1 <= t] = 1.0
            backward[t] = now
        both = forward * backward
        chances: NDArray[np.float32] = both / both.sum(axis=2, keepdims=True)
        return chances

    def save(self, path: Path) -> None:
        at, label = np.nonzero(self._weights[:-1])
        np.savez_compressed(
            path,
            labels=np.array(json.dumps(self.labels)),
            transitions=self._transitions,
            steps=np.diff(self._keys, prepend=np.uint32(0)),
            counts=np.bincount(at, minlength=len(self._keys)).astype(np.uint8),
            which=label.astype(np.uint8),
            weights=self._weights[at, label],
        )

    @classmethod
    def load(cls, path: Path) -> Chain:
        with np.load(path, allow_pickle=False) as kept:
            labels = json.loads(str(kept["labels"]))
            keys = np.cumsum(kept["steps"], dtype=np.uint32)
            weights = np.zeros((len(keys) + 1, len(labels)), dtype=np.int16)
            weights[np.repeat(np.arange(len(keys)), kept["counts"]), kept["which"]] = kept["weights"]
            return cls(labels, kept["transitions"], keys, weights)

    @classmethod
    def trained(
        cls,
        examples: Iterable[tuple[Numbers, Sequence[str]]],
        *,
        epochs: int,
        decay: float,
        rarest: int = 2,
        progress: Callable[[float], None] = lambda _: None,
    ) -> Chain:
        """By CRFsuite's stochastic gradient descent with L2 ``decay``; features seen less than ``rarest`` times are left out."""
        trainer = pycrfsuite.Trainer(algorithm="l2sgd", verbose=False)
        for numbers, labels in examples:
            trainer.append([[str(v) for v in row if v] for row in numbers.tolist()], labels)
        trainer.set_params(
            {"c2": decay, "max_iterations": epochs, "feature.minfreq": rarest, "feature.possible_transitions": True}
        )
        with tempfile.TemporaryDirectory() as scratch:
            model = Path(scratch) / "crf"
            trainer.train(str(model))
            progress(0.95)
            tagger = pycrfsuite.Tagger()
            tagger.open(str(model))
            words = Path(scratch) / "words"
            tagger.dump(str(words))
            with words.open(encoding="utf-8") as lines:
                return cls._read(sorted(tagger.labels()), lines)

    @classmethod
    def _read(cls, labels: Sequence[str], lines: Iterable[str]) -> Chain:
        """Reads CRFsuite's dump."""
        number = {label: i for i, label in enumerate(labels)}
        transitions = np.zeros((len(labels), len(labels)), dtype=np.float32)
        found: list[tuple[int, int, int]] = []
        for line in lines:
            if state := _STATE.match(line):
                weight = round(float(state[3]) / UNIT)
                if weight:
                    found.append((int(state[1]), number[state[2]], weight))
            elif way := _TRANSITION.match(line):
                transitions[number[way[1]], number[way[2]]] = float(way[3])
        table = np.array(found, dtype=np.int64).reshape(-1, 3)
        keys, rows = np.unique(table[:, 0], return_inverse=True)
        weights = np.zeros((len(keys) + 1, len(labels)), dtype=np.int16)
        weights[rows, table[:, 1]] = table[:, 2]
        return cls(labels, transitions, keys.astype(np.uint32), weights)
