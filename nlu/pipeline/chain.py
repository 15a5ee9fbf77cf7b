"""A linear-chain CRF's weights as tables, and its best labels with their probabilities by numpy.

CRFsuite trains; what ships is a table of whole numbers without the weights that say nothing: a third of the size, loaded at once.
Several stretches are read side by side, for a step over one character costs the same for one as for a hundred.
"""

from __future__ import annotations

import ctypes
import json
import re
import tempfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import numpy as np
import pycrfsuite
from numpy.typing import NDArray

_SCALED = 16  # steps between two scalings: far from what a double can't hold
UNIT = 1 / 32  # of a weight; smaller than half of it is nothing
_STATE = re.compile(r"\s*\(0\) (\d+) --> (\S+): (\S+)")
_TRANSITION = re.compile(r"\s*\(1\) (\S+) --> (\S+): (\S+)")

Numbers = NDArray[np.uint32]  # (characters, templates); 0 says nothing


class Chain:
    """``keys`` are sorted feature numbers, ``weights`` (keys + 1, labels) in units, the last row zero."""

    def __init__(
        self,
        labels: Sequence[str],
        transitions: NDArray[np.float32],
        keys: Numbers,
        weights: NDArray[np.int8] | NDArray[np.int16],
    ) -> None:
        self.labels = list(labels)
        self._transitions = transitions
        self._factors = np.exp(transitions, dtype=np.float64)
        self._keys = keys
        self._weights = weights
        self._places, self._probes = _hashed(keys)

    def __len__(self) -> int:
        return len(self._keys)

    def tag(self, stretches: Sequence[Numbers]) -> list[tuple[list[str], NDArray[np.float32]]]:
        """Of each stretch the likeliest labels, and the probability of each of them at its place."""
        if not stretches:
            return []
        table, sizes = self._table(stretches)
        path = self._path(table, sizes)
        chances = np.take_along_axis(self._chances(table, sizes), path[:, :, None], axis=2)[:, :, 0]
        return [
            ([self.labels[label] for label in path[:size, at]], chances[:size, at]) for at, size in enumerate(sizes)
        ]

    def labels_of(self, numbers: Numbers) -> list[str]:
        """The likeliest labels of one stretch."""
        return [self.labels[label] for label in self._path(*self._table([numbers]))[:, 0]]

    def _table(self, stretches: Sequence[Numbers]) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Scores, shape (longest stretch, stretches, labels), and the stretches' lengths."""
        sizes = np.array([len(numbers) for numbers in stretches])
        ends = np.cumsum(sizes)
        scores = self._scores(np.concatenate(stretches))
        table = np.zeros((int(sizes.max()), len(stretches), len(self.labels)), dtype=np.float32)
        for at, (size, end) in enumerate(zip(sizes, ends, strict=True)):
            table[:size, at] = scores[end - size : end]
        return table, sizes

    def _scores(self, numbers: Numbers) -> NDArray[np.float32]:
        flat = numbers.ravel()
        rows = np.full(len(flat), len(self._keys), dtype=np.int64)  # the row of zeros
        open_ = np.arange(len(flat))
        mask = len(self._places) - 1
        for probe in range(self._probes):
            wanted = flat[open_]
            at = self._places[(wanted + np.uint32(probe)) & np.uint32(mask)]
            hit = (at >= 0) & (self._keys[at] == wanted)
            rows[open_[hit]] = at[hit]
            open_ = open_[~hit & (at >= 0)]
            if not len(open_):
                break
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
        """Probability of each label at each place, by forward and backward sums, brought to one now and then."""
        steps = len(table)
        lifted = np.exp(table - table.max(axis=2, keepdims=True), dtype=np.float64)
        forward = np.empty_like(lifted)
        backward = np.ones_like(lifted)
        now = forward[0] = lifted[0]
        onward, returning = self._factors, self._factors.T
        for t in range(1, steps):
            now = (now @ onward) * lifted[t]
            if t % _SCALED == 0:
                now /= now.sum(axis=1, keepdims=True)
            forward[t] = now
        uneven = bool((sizes != steps).any())
        now = backward[-1]
        for t in range(steps - 2, -1, -1):
            now = (lifted[t + 1] * now) @ returning
            if t % _SCALED == 0:
                now /= now.sum(axis=1, keepdims=True)
            if uneven:
                now[sizes - 1 <= t] = 1.0
            backward[t] = now
        both = forward * backward
        chances: NDArray[np.float32] = (both / both.sum(axis=2, keepdims=True)).astype(np.float32)
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
            given = kept["weights"]
            small = not len(given) or int(np.abs(given).max()) <= np.iinfo(np.int8).max
            weights = np.zeros((len(keys) + 1, len(labels)), dtype=np.int8 if small else np.int16)
            weights[np.repeat(np.arange(len(keys), dtype=np.int32), kept["counts"]), kept["which"]] = given
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
        """By CRFsuite's stochastic gradient descent with L2 ``decay``; features seen less than ``rarest`` times are left out.

        It shuffles with the C library's ``rand``, which is set back first: the same examples give the same chain, on one C library.
        """
        ctypes.CDLL(None).srand(1)
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


def _hashed(keys: Numbers) -> tuple[NDArray[np.int32], int]:
    """A table from a key's last bits, or one of the places behind, to its row (-1: none), and how many places must be looked at."""
    size = 1 << max(4, (3 * len(keys)).bit_length())
    places = np.full(size, -1, dtype=np.int32)
    waiting = np.arange(len(keys), dtype=np.int32)
    probes = 0
    while len(waiting):
        at = (keys[waiting] + np.uint32(probes)) & np.uint32(size - 1)
        free = places[at] < 0
        places[at[free]] = waiting[free]
        waiting = waiting[places[at] != waiting]
        probes += 1
    return places, probes
