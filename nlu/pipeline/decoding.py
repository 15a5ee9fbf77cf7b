"""The likeliest labels of characters whose scores are known, and how probable each of them is.

Several stretches are read side by side, for a step over one character costs the same for one as for a hundred.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

_SCALED = 16  # steps between two scalings: far from what a double can't hold
_FEW = 1.5  # labels a place that are tried one by one
_SLACK = 1e-3  # of a logarithm, for what floating point loses


class Decoder:
    """``transitions`` are the scores of a label behind another, shape (labels, labels)."""

    def __init__(self, labels: Sequence[str], transitions: NDArray[np.float32]) -> None:
        self.labels = list(labels)
        self._transitions = transitions
        self._steps = transitions.tolist()
        factors = np.exp(transitions, dtype=np.float64)
        size = len(self.labels)
        self._onward = np.zeros((2 * size, 2 * size))  # one step forward in the first half, one backward in the second
        self._onward[:size, :size] = factors
        self._onward[size:, size:] = factors.T

    def tag(self, stretches: Sequence[NDArray[np.float32]]) -> list[tuple[list[str], NDArray[np.float64]]]:
        """Of each stretch the likeliest labels, and the probability of each of them at its place.

        Given are the labels' scores, shape (characters, labels); no stretch is empty.
        """
        if not stretches:
            return []
        sizes = [len(scores) for scores in stretches]
        table = side_by_side(stretches, sizes)
        tagged = []
        for at, (chances, likelihood) in enumerate(self._chances(table, sizes)):
            path = self._path(table[: sizes[at], at], chances, likelihood)
            tagged.append(([self.labels[label] for label in path], chances[np.arange(sizes[at]), path]))
        return tagged

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


def side_by_side(stretches: Sequence[NDArray[np.float32]], sizes: Sequence[int]) -> NDArray[np.float32]:
    """Shape (longest stretch, stretches, labels), zeros behind the shorter ones."""
    if len(stretches) == 1:
        return stretches[0][:, None]
    table = np.zeros((max(sizes), len(stretches), stretches[0].shape[1]), dtype=np.float32)
    for at, (size, scores) in enumerate(zip(sizes, stretches, strict=True)):
        table[:size, at] = scores
    return table
