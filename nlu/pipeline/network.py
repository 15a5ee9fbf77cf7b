"""A convolutional network that reads characters: how likely each label is at each of them, and what the whole text wants.

What the features of a character are in common reaches it as one vector; gated convolutions of growing reach (Dauphin et al., 2017;
van den Oord et al., 2016) then let it see fifteen characters to each side. Trained in ``nlu/network_training.py``, read by numpy alone.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nlu.pipeline.keys import KeyRows

Floats = NDArray[np.float32]
Weights = Mapping[str, Floats]

_AT_ONCE = 2_000  # characters, about: what a long text needs at once stays small
_LITTLE = np.float32(1e-6)


@dataclass(frozen=True, kw_only=True)
class Input:
    """One kind of feature that the network reads."""

    template: int  # its column in the numbers
    width: int  # of the vectors that its values are learned as
    rarest: int = 1  # a value that is met less often is not learned
    hidden: float = 0.0  # share of its values that are hidden in training


class Network:
    """``keys`` are the known values of each input, all different. Each layer sees a character and those ``dilations`` to its left and right."""

    def __init__(
        self,
        labels: Sequence[str],
        classes: Sequence[str],
        templates: Sequence[int],
        dilations: Sequence[int],
        keys: Sequence[NDArray[np.uint32]],
        weights: Weights,
    ) -> None:
        self.labels = list(labels)
        self.classes = list(classes)
        self._templates = list(templates)
        self._dilations = list(dilations)
        self._keys = list(keys)
        self.weights = {name: np.ascontiguousarray(value, dtype=np.float32) for name, value in weights.items()}
        self._rows = KeyRows(np.concatenate([*keys]), mixed=True)
        # Vectors and the first layer are one table: a row for each known value, then one for each input's unknown values.
        ways = np.split(
            self.weights["first"], np.cumsum([self.weights[table(i)].shape[1] for i in range(len(keys))])[:-1]
        )
        first = [self.weights[table(i)] @ way for i, way in enumerate(ways)]
        whole = np.concatenate([*(rows[1:] for rows in first), *(rows[:1] for rows in first)])
        self._unit = np.float32((np.abs(whole).max() or 1.0) / np.iinfo(np.int16).max)
        self._first = np.round(whole / self._unit).astype(np.int16)  # half the memory, and as quick to add as floats
        self._unknown = self._rows.none + np.arange(len(keys), dtype=np.int32)[:, None]

    @property
    def transitions(self) -> Floats:
        """Scores of a label behind another, shape (labels, labels)."""
        return self.weights["transitions"]

    def read(self, stretches: Sequence[NDArray[np.uint32]]) -> tuple[list[Floats], Floats]:
        """``stretches`` are the numbers of a text's pieces. Scores of the labels, shape (characters, labels) each; of the classes."""
        weights = self.weights
        found: list[Floats] = []
        means, largest, characters = [], [], 0
        for together in _together(stretches):
            state, edges = self._state(together)
            scores = state @ weights["last"] + weights["last_bias"]
            scores[edges.starts] += weights["start"]
            found += np.split(scores, edges.ends[:-1])
            means.append(state.sum(axis=0))
            largest.append(state.max(axis=0))
            characters += len(state)
        pooled = np.concatenate([sum(means) / np.float32(characters), np.maximum.reduce(largest)])
        return found, pooled @ weights["classes"] + weights["classes_bias"]

    def _state(self, stretches: Sequence[NDArray[np.uint32]]) -> tuple[Floats, Edges]:
        """A vector for each character, the stretches one behind the other."""
        edges = Edges(np.array([len(numbers) for numbers in stretches]))
        numbers = stretches[0] if len(stretches) == 1 else np.concatenate(stretches)
        wanted = numbers.T[self._templates]
        rows = self._rows.find(wanted.ravel()).reshape(wanted.shape)
        rows = np.where(rows == self._rows.none, self._unknown, rows)
        state = np.add.reduce(self._first.take(rows, axis=0), axis=0, dtype=np.int32) * self._unit
        state += self.weights["first_bias"]
        for layer, dilation in enumerate(self._dilations):
            near = around(normed(state)[0], dilation, edges)
            value, gate = halves(near @ self.weights[f"layer{layer}"] + self.weights[f"bias{layer}"])
            state = state + value * open_(gate)
        return normed(state)[0], edges

    def save(self, path: Path) -> None:
        """The vectors in eight bits, the rest in sixteen."""
        kept: dict[str, Any] = {}
        for name, value in self.weights.items():
            if name.startswith("table"):
                scale = float(np.abs(value).max() or 1.0) / 127
                kept[name], kept["scale_" + name] = np.round(value / scale).astype(np.int8), np.array(scale)
            else:
                kept[name] = value.astype(np.float16)
        for number, keys in enumerate(self._keys):
            kept[f"keys{number}"] = np.diff(keys, prepend=np.uint32(0))
        about = {
            "labels": self.labels,
            "classes": self.classes,
            "templates": self._templates,
            "dilations": self._dilations,
        }
        np.savez_compressed(path, about=np.array(json.dumps(about)), **kept)

    @classmethod
    def load(cls, path: Path) -> Network:
        """Raises ValueError where a weight is no number."""
        with path.open("rb") as file, np.load(file, allow_pickle=False) as kept:
            about = json.loads(str(kept["about"]))
            weights = {}
            for name in kept.files:
                if name.startswith("table"):
                    weights[name] = kept[name].astype(np.float32) * np.float32(kept["scale_" + name])
                elif name != "about" and not name.startswith(("keys", "scale_")):
                    weights[name] = kept[name].astype(np.float32)
            if not all(np.isfinite(value).all() for value in weights.values()):
                raise ValueError("a weight of the network is no number")
            keys = [np.cumsum(kept[f"keys{n}"], dtype=np.uint32) for n in range(len(about["templates"]))]
        return cls(about["labels"], about["classes"], about["templates"], about["dilations"], keys, weights)


def _together(stretches: Sequence[NDArray[np.uint32]]) -> Iterator[list[NDArray[np.uint32]]]:
    now: list[NDArray[np.uint32]] = []
    characters = 0
    for numbers in stretches:
        if now and characters + len(numbers) > _AT_ONCE:
            yield now
            now, characters = [], 0
        now.append(numbers)
        characters += len(numbers)
    if now:
        yield now


class Edges:
    """Where stretches of ``sizes`` characters that stand one behind the other begin and end."""

    def __init__(self, sizes: NDArray[np.int64]) -> None:
        self.sizes = sizes
        self.ends = np.cumsum(sizes)
        self.starts = self.ends - sizes
        self._near: dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}

    def near(self, reach: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The places within ``reach`` of a stretch's beginning, and of its end."""
        if reach not in self._near:
            both = list(zip(self.starts, self.ends, strict=True))
            self._near[reach] = (
                np.concatenate([np.arange(a, min(a + reach, b)) for a, b in both]),
                np.concatenate([np.arange(max(a, b - reach), b) for a, b in both]),
            )
        return self._near[reach]


def table(number: int) -> str:
    """The name of an input's vectors among the weights; the first row is that of unknown values."""
    return f"table{number}"


def normed(state: Floats) -> tuple[Floats, Floats]:
    """Each character's vector brought to length one a dimension (Zhang and Sennrich, 2019), and by what it was multiplied."""
    by = 1 / np.sqrt(np.einsum("nh,nh->n", state, state)[:, None] / np.float32(state.shape[1]) + _LITTLE)
    return state * by, by


def around(state: Floats, dilation: int, edges: Edges) -> Floats:
    """Beside each character's vector those of its neighbours ``dilation`` away, zeros beyond the stretch; three times as wide."""
    width = state.shape[1]
    out = np.zeros((len(state), 3 * width), dtype=state.dtype)
    out[dilation:, :width] = state[:-dilation]
    out[:, width : 2 * width] = state
    out[:-dilation, 2 * width :] = state[dilation:]
    heads, tails = edges.near(dilation)
    out[heads, :width] = 0
    out[tails, 2 * width :] = 0
    return out


def halves(both: Floats) -> tuple[Floats, Floats]:
    width = both.shape[1] // 2
    return both[:, :width], both[:, width:]


def open_(gate: Floats) -> Floats:
    """How far a gate is open: the logistic function."""
    out: Floats = np.tanh(gate * np.float32(0.5)) * np.float32(0.5) + np.float32(0.5)
    return out
