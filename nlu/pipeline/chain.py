"""A linear-chain CRF's weights as tables, and its best labels with their probabilities by numpy.

CRFsuite trains; what ships is a table of whole numbers without the weights that say nothing: a third of the size, loaded at once."""

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

from nlu.pipeline.decoding import Decoder
from nlu.pipeline.keys import KeyRows

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
        self.transitions = transitions
        self._decoder = Decoder(self.labels, transitions)
        self._keys = keys
        self._weights = weights
        self._wide = np.int16 if weights.dtype == np.int8 else np.int32  # holds the sum of a character's weights
        self._rows = KeyRows(keys, mixed=True)

    def __len__(self) -> int:
        return len(self._keys)

    def tag(self, stretches: Sequence[Numbers]) -> list[tuple[list[str], NDArray[np.float64]]]:
        """Of each stretch the likeliest labels, and the probability of each of them at its place."""
        return self._decoder.tag(self.scores(stretches))

    def labels_of(self, numbers: Numbers) -> list[str]:
        """The likeliest labels of one stretch."""
        return self.tag([numbers])[0][0]

    def scores(self, stretches: Sequence[Numbers]) -> list[NDArray[np.float32]]:
        """Of each stretch the labels' scores, shape (characters, labels)."""
        if not stretches:
            return []
        if len(stretches) == 1:
            return [self._scores(stretches[0])]
        scores = self._scores(np.concatenate(stretches))
        return np.split(scores, np.cumsum([len(numbers) for numbers in stretches])[:-1])

    def _scores(self, numbers: Numbers) -> NDArray[np.float32]:
        by_template = numbers.T  # as it lies in memory
        rows = self._rows.find(by_template.ravel()).reshape(by_template.shape)
        sums = np.add.reduce(self._weights.take(rows, axis=0), axis=0, dtype=self._wide)
        scores: NDArray[np.float32] = sums * np.float32(UNIT)
        return scores

    def save(self, path: Path) -> None:
        at, label = np.nonzero(self._weights[:-1])
        np.savez_compressed(
            path,
            labels=np.array(json.dumps(self.labels)),
            transitions=self.transitions,
            steps=np.diff(self._keys, prepend=np.uint32(0)),
            counts=np.bincount(at, minlength=len(self._keys)).astype(np.uint8),
            which=label.astype(np.uint8),
            weights=self._weights[at, label],
        )

    @classmethod
    def load(cls, path: Path) -> Chain:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
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
