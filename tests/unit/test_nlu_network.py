"""The network learns what it is shown, its gradients are those of its loss, and what is saved reads like what was trained."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from nlu import network_training
from nlu.network_training import Passed, Shown, field_loss, train_network
from nlu.pipeline.linear import Group
from nlu.pipeline.network import Edges, Floats, Input, Network

LABELS = ["B-x", "I-x", "O"]
INPUTS = [Input(template=0, width=6), Input(template=2, width=3, rarest=2)]
GROUPS = (Group(start=0, end=1, exclusive=False), Group(start=1, end=3, exclusive=True))


def shown(rng: np.random.Generator) -> Shown:
    """A 7 begins a stretch of three; the class says whether there is one."""
    size = int(rng.integers(4, 30))
    numbers = (rng.integers(1, 7, (size, 3)) + np.array([0, 100, 200])).astype(np.uint32)
    labels = np.full(size, 2)
    begins = int(rng.integers(0, size - 3))
    there = bool(rng.integers(0, 2))
    if there:
        numbers[begins, 0] = 7
        labels[begins : begins + 3] = [0, 1, 1]
    return Shown(numbers=numbers, labels=labels, classes=np.array([there, there, not there], dtype=np.float32))


def trained(count: int = 120, epochs: int = 14) -> Network:
    rng = np.random.default_rng(5)
    return train_network(
        [shown(rng) for _ in range(count)],
        LABELS,
        ["any", "there", "not"],
        GROUPS,
        INPUTS,
        seed=3,
        epochs=epochs,
        width=16,
    )


@pytest.fixture(scope="module")
def network(monkeypatch_module: pytest.MonkeyPatch) -> Network:
    monkeypatch_module.setattr(network_training, "AT_ONCE", 60)
    return trained()


@pytest.fixture(scope="module")
def monkeypatch_module() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


def test_it_learns_labels_and_classes(network: Network) -> None:
    rng = np.random.default_rng(6)
    right = there = count = 0
    for _ in range(40):
        one = shown(rng)
        (scores,), classes = network.read([one.numbers])
        right += int((scores.argmax(axis=1) == one.labels).sum())
        count += len(one.labels)
        there += (classes[1] > classes[2]) == bool(one.classes[1])
    assert right / count > 0.97
    assert there >= 36


def test_pieces_of_a_text_are_read_apart_but_judged_together(network: Network) -> None:
    rng = np.random.default_rng(7)
    one, two = shown(rng).numbers, shown(rng).numbers
    both, classes = network.read([one, two])
    for alone, beside in zip((one, two), both, strict=True):
        assert network.read([alone])[0][0] == pytest.approx(beside, abs=1e-4)
    assert classes.shape == (3,)
    single = network.read([one[:1]])[0][0]
    assert single.shape == (1, 3)
    assert np.isfinite(single).all()


def test_a_long_text_is_read_in_parts_as_at_once(network: Network, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(10)
    pieces = [shown(rng).numbers for _ in range(9)]
    at_once, classes = network.read(pieces)
    monkeypatch.setattr("nlu.pipeline.network._AT_ONCE", 40)
    in_parts, judged = network.read(pieces)
    for one, other in zip(at_once, in_parts, strict=True):
        assert one == pytest.approx(other, abs=1e-4)
    assert judged == pytest.approx(classes, abs=1e-4)


def test_unknown_values_are_read_as_one(network: Network) -> None:
    strange, stranger = np.full((2, 3), 900, dtype=np.uint32), np.full((2, 3), 7_000_000, dtype=np.uint32)
    assert np.array_equal(network.read([strange])[0][0], network.read([stranger])[0][0])


def test_what_is_saved_reads_nearly_the_same(network: Network, tmp_path: Path) -> None:
    network.save(tmp_path / "n.npz")
    again = Network.load(tmp_path / "n.npz")
    numbers = shown(np.random.default_rng(8)).numbers
    assert again.read([numbers])[0][0] == pytest.approx(network.read([numbers])[0][0], abs=0.3)
    assert again.labels == LABELS
    assert again.transitions == pytest.approx(network.transitions, abs=0.01)


def test_the_same_examples_give_the_same_network() -> None:
    one, two = trained(20, 2), trained(20, 2)
    for name, value in one.weights.items():
        assert np.array_equal(value, two.weights[name]), name


def test_gradients_are_those_of_the_loss() -> None:
    rng = np.random.default_rng(9)
    sizes = np.array([5, 1, 12])
    rows = rng.integers(0, 4, (18, 2)).astype(np.int32)
    labels = rng.integers(0, 3, 18)
    weights = network_training._begun([3, 3], INPUTS, 8, 3, 3, rng)
    weights["transitions"] = rng.normal(size=(3, 3)).astype(np.float32)
    weights["start"] = rng.normal(size=3).astype(np.float32)
    exact: dict[str, Floats] = {name: value.astype(np.float64) for name, value in weights.items()}
    wanted = np.array([[1, 1, 0], [0, 0, 1], [1, 0, 1]], dtype=np.float32)

    def loss() -> float:
        passed = Passed(exact, rows, Edges(sizes), None)
        total, end = 0.0, 0
        for size in sizes:
            scores, given = passed.scores[end : end + size], labels[end : end + size]
            end += int(size)
            best = _way(exact, scores, given)
            if size <= 5:
                everything = [
                    _way(exact, scores, np.array(way)) for way in itertools.product(range(3), repeat=int(size))
                ]
                total += np.logaddexp.reduce(everything) - best
            else:
                ahead = scores[0] + exact["start"]
                for own in scores[1:]:
                    ahead = np.logaddexp.reduce(ahead[:, None] + exact["transitions"], axis=0) + own
                total += np.logaddexp.reduce(ahead) - best
        classes = 0.0
        for judged, right in zip(passed.classes, wanted, strict=True):
            classes += np.logaddexp(0, -judged[0] if right[0] else judged[0])
            classes += np.logaddexp.reduce(judged[1:]) - judged[1:][int(right[2])]
        return total / 18 + classes / 3

    passed = Passed(exact, rows, Edges(sizes), None)
    missed, ways, start = field_loss(passed.scores, Edges(sizes), labels, exact["transitions"], exact["start"])
    found = passed.back(missed, network_training._judged(passed.classes, wanted, GROUPS))
    found |= {"transitions": ways, "start": start}
    assert set(found) == set(exact)
    for name, gradient in found.items():
        place = tuple(int(rng.integers(0, size)) for size in gradient.shape)
        if name.startswith("table"):
            place = (int(rows[0, int(name[5:])]), 1)
        kept = exact[name][place]
        exact[name][place] = kept + 1e-4
        above = loss()
        exact[name][place] = kept - 1e-4
        below = loss()
        exact[name][place] = kept
        assert gradient[place] == pytest.approx((above - below) / 2e-4, abs=2e-4), name


def _way(weights: dict[str, Floats], scores: Floats, labels: np.ndarray) -> float:
    steps = weights["transitions"][labels[:-1], labels[1:]].sum()
    return float(scores[np.arange(len(labels)), labels].sum() + steps + weights["start"][labels[0]])
