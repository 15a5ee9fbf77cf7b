"""Training the network: labels and classes together, by Adam (Kingma and Ba, 2015), the weights averaged over the last steps.

The labels' loss is a conditional random field's, so that the network learns where stretches begin and end; at first each character's
own, which is quicker and enough to begin with. Everything is computed by one thread's numpy, in one order: the same examples give
the same network, up to what a processor's kernels round.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from thinc.api import Adam, NumpyOps

from core.errors import InvalidInput
from nlu.pipeline.linear import Group
from nlu.pipeline.network import Edges, Floats, Input, Network, around, halves, normed, open_, table

WIDTH = 96  # of a character's vector within the network
DILATIONS = (1, 2, 4, 8)  # of the layers: together they reach fifteen characters to each side
RATE, DECAY = 0.002, 0.02
AT_ONCE = 2_500  # characters a step
LONGEST = 500  # characters of a text; what follows is left out
ALONE = 1  # epochs in which each character's label is learned by itself
CLASSES = 0.1  # what the classes' loss counts beside the labels'
HIDDEN_VECTORS, HIDDEN_STATE = 0.15, 0.25  # dropout (Srivastava et al., 2014)
LARGEST = 1.0  # length of a gradient


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One text as the network sees it."""

    numbers: NDArray[np.uint32]  # (characters, templates)
    labels: NDArray[np.int64]  # (characters,)
    classes: Floats  # (classes,), 0 or 1


def train_network(
    shown: Sequence[Shown],
    labels: Sequence[str],
    classes: Sequence[str],
    groups: Sequence[Group],
    inputs: Sequence[Input],
    *,
    seed: int,
    epochs: int,
    width: int = WIDTH,
    progress: Callable[[float], None] = lambda _: None,
) -> Network:
    """``progress`` is told the share done, 0..1, after every step. Raises InvalidInput when there is nothing to learn from."""
    shown = [_begin_of(one) for one in shown if len(one.labels)]
    if not shown:
        raise InvalidInput("There is no text to learn from.")
    rng = np.random.default_rng(seed)
    found_keys = [_known(shown, one) for one in inputs]
    values, counts = np.unique(np.concatenate(found_keys), return_counts=True)
    keys = [np.setdiff1d(known, values[counts > 1]) for known in found_keys]  # the rare two that are the same by chance
    rows = [_rows(one.numbers, inputs, keys) for one in shown]
    weights = _begun([len(k) for k in keys], inputs, width, len(labels), len(classes), rng)
    adam = Adam(RATE, L2=DECAY, L2_is_weight_decay=True, grad_clip=0, use_averages=True)
    steps = epochs * len(_steps(shown, np.random.default_rng(seed)))
    step = 0
    for epoch in range(epochs):
        for together in _steps(shown, rng):
            step += 1
            adam.learn_rate = RATE * min(1, step / 200) * (1 - 0.95 * min(1, step / steps))
            seen = np.concatenate([rows[i] for i in together])
            for number, one in enumerate(inputs):
                if one.hidden:
                    seen[rng.random(len(seen)) < one.hidden, number] = 0
            edges = Edges(np.array([len(rows[i]) for i in together]))
            passed = Passed(weights, seen, edges, rng)
            wanted = np.concatenate([shown[i].labels for i in together])
            found: dict[str, Floats] = {}
            if epoch < ALONE:
                missed = _softmax(passed.scores)
                missed[np.arange(len(wanted)), wanted] -= 1
                missed /= np.float32(len(wanted))
            else:
                missed, found["transitions"], found["start"] = field_loss(
                    passed.scores, edges, wanted, weights["transitions"], weights["start"]
                )
            judged = _judged(passed.classes, np.stack([shown[i].classes for i in together]), groups)
            found |= passed.back(missed, judged * np.float32(CLASSES))
            length = np.sqrt(sum(float(np.vdot(g, g)) for g in found.values()))
            for name, gradient in found.items():
                gradient *= np.float32(min(1.0, LARGEST / length))
                weights[name], _ = adam((0, name), weights[name], gradient)
            progress(step / steps)
    averaged = {name: adam.averages.get((0, name), value) for name, value in weights.items()}
    return Network(labels, classes, [one.template for one in inputs], DILATIONS, keys, averaged)


def _begin_of(one: Shown) -> Shown:
    return Shown(numbers=one.numbers[:LONGEST], labels=one.labels[:LONGEST], classes=one.classes)


def _known(shown: Sequence[Shown], one: Input) -> NDArray[np.uint32]:
    values, counts = np.unique(np.concatenate([s.numbers[:, one.template] for s in shown]), return_counts=True)
    found: NDArray[np.uint32] = values[(counts >= one.rarest) & (values > 0)]
    return found


def _rows(
    numbers: NDArray[np.uint32], inputs: Sequence[Input], keys: Sequence[NDArray[np.uint32]]
) -> NDArray[np.int32]:
    """Of each character and input the row of its vector; 0 of an unknown one."""
    rows = np.zeros((len(numbers), len(inputs)), dtype=np.int32)
    for number, (one, known) in enumerate(zip(inputs, keys, strict=True)):
        if len(known):
            wanted = numbers[:, one.template]
            at = np.minimum(np.searchsorted(known, wanted), len(known) - 1)
            rows[:, number] = np.where(known[at] == wanted, at + 1, 0)
    return rows


def _begun(
    sizes: Sequence[int], inputs: Sequence[Input], width: int, labels: int, classes: int, rng: np.random.Generator
) -> dict[str, Floats]:
    def even(reads: int, gives: int) -> Floats:
        out: Floats = (rng.uniform(-1, 1, (reads, gives)) / np.sqrt(reads)).astype(np.float32)
        return out

    weights = {
        table(n): rng.normal(0, 0.3, (size + 1, one.width)).astype(np.float32)
        for n, (size, one) in enumerate(zip(sizes, inputs, strict=True))
    }
    weights["first"] = even(sum(one.width for one in inputs), width)
    for layer in range(len(DILATIONS)):
        weights[f"layer{layer}"] = even(3 * width, 2 * width)
        weights[f"bias{layer}"] = np.zeros(2 * width, dtype=np.float32)
    weights |= {"last": even(width, labels), "classes": even(2 * width, classes)}
    for name, size in (("first", width), ("last", labels), ("classes", classes)):
        weights[f"{name}_bias"] = np.zeros(size, dtype=np.float32)
    weights["transitions"] = np.zeros((labels, labels), dtype=np.float32)
    weights["start"] = np.zeros(labels, dtype=np.float32)
    return weights


def _steps(shown: Sequence[Shown], rng: np.random.Generator) -> list[list[int]]:
    """Which texts are read together: such of about one length, in any order."""
    sizes = np.array([len(s.labels) for s in shown])
    order = np.argsort(sizes + rng.random(len(sizes)) * 10, kind="stable")
    steps: list[list[int]] = []
    now: list[int] = []
    characters = 0
    for i in order.tolist():
        if now and characters + sizes[i] > AT_ONCE:
            steps.append(now)
            now, characters = [], 0
        now.append(i)
        characters += int(sizes[i])
    steps += [now] if now else []
    return [steps[i] for i in rng.permutation(len(steps))]


class Passed:
    """One pass through the network, remembered for the way back. ``rng`` None: nothing is dropped."""

    def __init__(
        self, weights: dict[str, Floats], rows: NDArray[np.int32], edges: Edges, rng: np.random.Generator | None
    ) -> None:
        self._weights, self._rows, self._edges = weights, rows, edges
        self._kept: list[Floats | None] = []
        self._rng = rng
        self._inputs = [weights[table(n)].shape[1] for n in range(rows.shape[1])]
        vectors = np.concatenate([weights[table(n)][rows[:, n]] for n in range(rows.shape[1])], axis=1)
        self._vectors = self._dropped(vectors, HIDDEN_VECTORS)
        state = self._vectors @ weights["first"] + weights["first_bias"]
        self._layers: list[tuple[Floats, Floats, Floats, Floats, Floats]] = []
        for layer, dilation in enumerate(DILATIONS):
            plain, by = normed(state)
            near = around(plain, dilation, edges)
            value, gate = halves(near @ weights[f"layer{layer}"] + weights[f"bias{layer}"])
            gate = open_(gate)
            self._layers.append((plain, by, near, value, gate))
            state = state + self._dropped(value * gate, HIDDEN_STATE)
        self._plain, self._by = normed(state)
        self._state = self._dropped(self._plain, HIDDEN_STATE)
        self.scores = self._state @ weights["last"] + weights["last_bias"]
        sizes = edges.sizes[:, None].astype(np.float32)
        means = np.add.reduceat(self._state, edges.starts, axis=0) / sizes
        self._pooled = np.concatenate([means, np.maximum.reduceat(self._state, edges.starts, axis=0)], axis=1)
        self.classes = self._pooled @ weights["classes"] + weights["classes_bias"]

    def _dropped(self, values: Floats, share: float) -> Floats:
        if self._rng is None:
            self._kept.append(None)
            return values
        kept = (self._rng.random(values.shape, dtype=np.float32) >= share) * np.float32(1 / (1 - share))
        self._kept.append(kept)
        return values * kept

    def _dropped_back(self, gradient: Floats) -> Floats:
        kept = self._kept.pop()
        return gradient if kept is None else gradient * kept

    def back(self, scores: Floats, classes: Floats) -> dict[str, Floats]:
        """Gradients of all weights but the transitions' and the start's; given are those of ``scores`` and ``classes``."""
        weights, edges, width = self._weights, self._edges, self._state.shape[1]
        found = {
            "last": self._state.T @ scores,
            "last_bias": scores.sum(axis=0),
            "classes": self._pooled.T @ classes,
            "classes_bias": classes.sum(axis=0),
        }
        state: Floats = scores @ weights["last"].T
        means, largest = halves(classes @ weights["classes"].T)
        state += np.repeat(means / edges.sizes[:, None].astype(np.float32), edges.sizes, axis=0)
        which = self._state == np.repeat(self._pooled[:, width:], edges.sizes, axis=0)
        state += which * np.repeat(largest, edges.sizes, axis=0)
        state = _normed_back(self._dropped_back(state), self._plain, self._by)
        for layer in range(len(DILATIONS) - 1, -1, -1):
            plain, by, near, value, gate = self._layers[layer]
            product: Floats = self._dropped_back(state)
            both = np.concatenate([product * gate, product * value * gate * (1 - gate)], axis=1)
            found[f"layer{layer}"] = near.T @ both
            found[f"bias{layer}"] = both.sum(axis=0)
            inner: Floats = _around_back(both @ weights[f"layer{layer}"].T, DILATIONS[layer], edges)
            state += _normed_back(inner, plain, by)
        found["first"] = self._vectors.T @ state
        found["first_bias"] = state.sum(axis=0)
        vectors = self._dropped_back(state @ weights["first"].T)
        ops = NumpyOps()
        for number, part in enumerate(np.split(vectors, np.cumsum(self._inputs)[:-1], axis=1)):
            gradient = np.zeros_like(weights[table(number)])
            ops.scatter_add(gradient, np.ascontiguousarray(self._rows[:, number]), np.ascontiguousarray(part))
            found[table(number)] = gradient
        return found


def _normed_back(gradient: Floats, plain: Floats, by: Floats) -> Floats:
    out: Floats = (gradient - plain * (gradient * plain).mean(axis=1, keepdims=True)) * by
    return out


def _around_back(gradient: Floats, dilation: int, edges: Edges) -> Floats:
    width = gradient.shape[1] // 3
    heads, tails = edges.near(dilation)
    gradient[heads, :width] = 0
    gradient[tails, 2 * width :] = 0
    out = gradient[:, width : 2 * width].copy()
    out[:-dilation] += gradient[dilation:, :width]
    out[dilation:] += gradient[:-dilation, 2 * width :]
    return out


def _softmax(scores: Floats) -> Floats:
    lifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    out: Floats = lifted / lifted.sum(axis=1, keepdims=True)
    return out


def _judged(scores: Floats, wanted: Floats, groups: Sequence[Group]) -> Floats:
    """The gradient of the classes' loss a text."""
    out = np.empty_like(scores)
    for group in groups:
        part = scores[:, group.start : group.end]
        out[:, group.start : group.end] = _softmax(part) if group.exclusive else open_(part)
    out -= wanted
    out /= np.float32(len(scores))
    return out


def field_loss(
    scores: Floats, edges: Edges, labels: NDArray[np.int64], transitions: Floats, start: Floats
) -> tuple[Floats, Floats, Floats]:
    """Gradients of a linear chain's negative log-likelihood a character: of its scores, its transitions, its first labels' scores."""
    count, steps, width = len(edges.sizes), int(edges.sizes.max()), scores.shape[1]
    there = np.arange(steps)[:, None] < edges.sizes[None]
    at = np.where(there, edges.starts[None] + np.arange(steps)[:, None], 0)
    lifted = np.exp((scores - scores.max(axis=1, keepdims=True)).astype(np.float64))[at]
    onward = np.exp(transitions.astype(np.float64))
    forward = np.empty((steps, count, width))
    backward = np.ones((steps, count, width))
    now = lifted[0] * np.exp(start.astype(np.float64))
    forward[0] = now = now / now.sum(axis=1, keepdims=True)
    for t in range(1, steps):
        after = (now @ onward) * lifted[t]
        after /= after.sum(axis=1, keepdims=True)
        forward[t] = now = np.where(there[t][:, None], after, now)
    now = backward[-1]
    for t in range(steps - 2, -1, -1):
        before = (lifted[t + 1] * now) @ onward.T
        before /= before.sum(axis=1, keepdims=True)
        backward[t] = now = np.where(there[t + 1][:, None], before, 1.0)
    chances = forward * backward
    chances /= chances.sum(axis=2, keepdims=True)
    expected = np.zeros((width, width))
    for t in range(1, steps):
        left, right = forward[t - 1][there[t]], (lifted[t] * backward[t])[there[t]]
        expected += (left / ((left @ onward) * right).sum(axis=1, keepdims=True)).T @ right
    expected *= onward
    inside = np.ones(len(labels), dtype=bool)
    inside[edges.starts] = False
    inside = inside[1:]
    np.add.at(expected, (labels[:-1][inside], labels[1:][inside]), -1)
    first = chances[0].sum(axis=0)
    np.add.at(first, labels[edges.starts], -1)
    missed = chances.transpose(1, 0, 2)[there.T].astype(np.float32)
    missed[np.arange(len(labels)), labels] -= 1
    by = np.float32(1 / len(labels))
    return missed * by, expected.astype(np.float32) * by, first.astype(np.float32) * by
