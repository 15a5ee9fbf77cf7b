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

from nlu.pipeline.keys import KeyRows

_SCALED = 16  # steps between two scalings: far from what a double can't hold
_FEW = 1.5  # labels a place that are tried one by one
_SLACK = 1e-3  # of a logarithm, for what floating point loses
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
        self._steps = transitions.tolist()
        self._keys = keys
        self._weights = weights
        self._wide = np.int16 if weights.dtype == np.int8 else np.int32  # holds the sum of a character's weights
        self._rows = KeyRows(keys, mixed=True)
        factors = np.exp(transitions, dtype=np.float64)
        size = len(self.labels)
        self._onward = np.zeros((2 * size, 2 * size))  # one step forward in the first half, one backward in the second
        self._onward[:size, :size] = factors
        self._onward[size:, size:] = factors.T

    def __len__(self) -> int:
        return len(self._keys)

    def tag(self, stretches: Sequence[Numbers]) -> list[tuple[list[str], NDArray[np.float64]]]:
        """Of each stretch the likeliest labels, and the probability of each of them at its place."""
        if not stretches:
            return []
        sizes = [len(numbers) for numbers in stretches]
        table = self._table(stretches, sizes)
        tagged = []
        for at, (chances, likelihood) in enumerate(self._chances(table, sizes)):
            path = self._path(table[: sizes[at], at], chances, likelihood)
            tagged.append(([self.labels[label] for label in path], chances[np.arange(sizes[at]), path]))
        return tagged

    def labels_of(self, numbers: Numbers) -> list[str]:
        """The likeliest labels of one stretch."""
        return self.tag([numbers])[0][0]

    def _table(self, stretches: Sequence[Numbers], sizes: Sequence[int]) -> NDArray[np.float32]:
        """Scores, shape (longest stretch, stretches, labels)."""
        if len(stretches) == 1:
            return self._scores(stretches[0])[:, None]
        scores = self._scores(np.concatenate(stretches))
        table = np.zeros((max(sizes), len(stretches), len(self.labels)), dtype=np.float32)
        end = 0
        for at, size in enumerate(sizes):
            table[:size, at] = scores[end : end + size]
            end += size
        return table

    def _scores(self, numbers: Numbers) -> NDArray[np.float32]:
        by_template = numbers.T  # as it lies in memory
        rows = self._rows.find(by_template.ravel()).reshape(by_template.shape)
        sums = np.add.reduce(self._weights.take(rows, axis=0), axis=0, dtype=self._wide)
        scores: NDArray[np.float32] = sums * np.float32(UNIT)
        return scores

    def _chances(self, table: NDArray[np.float32], sizes: Sequence[int]) -> list[tuple[NDArray[np.float64], float]]:
        """Of each stretch the probability of each label at each place, and the logarithm of that of the likeliest labels together.

        By forward and backward sums, which are made at once: the backward ones begin at each stretch's own end. They are brought to
        one now and then. A sum does not have its own place's score in it yet.
        """
        steps, count, labels = table.shape
        lifted = np.exp(table - table.max(axis=2, keepdims=True), dtype=np.float64)
        own = np.ones((steps, count, 2 * labels))
        own[:, :, :labels] = lifted
        for at, size in enumerate(sizes):
            own[:size, at, labels:] = lifted[:size, at][::-1]
        sums = np.ones_like(own)
        scales = np.zeros((steps, count))  # logarithms, of the forward sums before a place
        now = own[0].copy()
        onward = self._onward
        for t, (sum_, mine) in enumerate(zip(sums[1:], own[1:], strict=True), 1):
            np.dot(now, onward, sum_)
            np.multiply(sum_, mine, now)
            if t % _SCALED == 0:
                halves = now.reshape(count, 2, labels)
                total = halves.sum(axis=2, keepdims=True)
                halves /= total
                scales[t] = np.log(total[:, 0, 0])
        found = []
        for at, size in enumerate(sizes):
            forward = sums[:size, at, :labels] * lifted[:size, at]
            everything = np.log(forward[-1].sum()) + scales[: size - 1, at].sum()
            chances = forward * sums[:size, at, labels:][::-1]
            chances /= chances.sum(axis=1, keepdims=True)
            path = chances.argmax(axis=1)
            score = np.log(lifted[np.arange(size), at, path]).sum() + self._transitions[path[:-1], path[1:]].sum()
            found.append((chances, float(score - everything)))
        return found

    def _path(self, scores: NDArray[np.float32], chances: NDArray[np.float64], together: float) -> NDArray[np.int64]:
        """The likeliest labels together (Viterbi). ``together`` is the logarithm of the probability of the likeliest ones by themselves.

        A label that is less likely by itself than those together is not among the likeliest together: mostly one is left at a place,
        and the best way is looked for only where there are several.
        """
        path: NDArray[np.int64] = chances.argmax(axis=1)
        places, labels = (chances >= np.exp(together - _SLACK)).nonzero()
        if len(labels) > _FEW * len(path):
            return self._path_among_all(scores)
        if len(labels) > len(path):
            several = np.bincount(places)[places] > 1
            choices: dict[int, list[int]] = {}
            for t, label in zip(places[several].tolist(), labels[several].tolist(), strict=True):
                choices.setdefault(t, []).append(label)
            self._choose(path, scores, choices)
        return path

    def _choose(self, path: NDArray[np.int64], scores: NDArray[np.float32], choices: dict[int, list[int]]) -> None:
        """Sets the best of ``choices``, which are given by place in order, in ``path``; all other places stay."""
        steps = self._steps
        ways: dict[int, float] = {}  # how good the best way to each label at a place is
        came: dict[int, dict[int, int]] = {}  # from which label it comes
        for t, here in choices.items():
            own = scores[t].tolist()
            if t == 0:
                ways = {label: own[label] for label in here}
            else:
                if t - 1 not in choices:
                    ways = {int(path[t - 1]): 0.0}
                best = {label: max((way + steps[at][label], at) for at, way in ways.items()) for label in here}
                came[t] = {label: at for label, (_, at) in best.items()}
                ways = {label: own[label] + way for label, (way, _) in best.items()}
            if t + 1 not in choices:
                following = int(path[t + 1]) if t + 1 < len(path) else None
                _, label = max(
                    (way + (0.0 if following is None else steps[at][following]), at) for at, way in ways.items()
                )
                for back in range(t, -1, -1):
                    path[back] = label
                    if back not in came:
                        break
                    label = came[back][label]
                came.clear()

    def _path_among_all(self, scores: NDArray[np.float32]) -> NDArray[np.int64]:
        returning = np.ascontiguousarray(self._transitions.T)
        best = np.empty_like(scores)
        best[0] = scores[0]
        for before, here, own in zip(best, best[1:], scores[1:], strict=False):
            np.add((returning + before).max(axis=1), own, here)
        path = np.empty(len(scores), dtype=np.int64)
        path[-1] = label = int(best[-1].argmax())
        for t in range(len(scores) - 2, -1, -1):
            path[t] = label = int((best[t] + returning[label]).argmax())
        return path

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
