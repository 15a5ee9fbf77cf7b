"""A chain's tables say what CRFsuite says; templates number the same things the same way."""

from __future__ import annotations

import itertools
import random
from pathlib import Path

import numpy as np
import pycrfsuite
import pytest

from nlu.pipeline.chain import UNIT, Chain, Numbers
from nlu.pipeline.templates import Templates

SPEC = [[("char", 0)], [("char", -1)], [("char", 1)], [("char", -1), ("char", 0)], [("mark", 0), ("char", 1)]]


def sentence(rng: random.Random) -> tuple[str, list[str]]:
    """Letters, of which a capital begins a name that goes on until the next digit."""
    text, labels, inside = "", [], False
    for _ in range(rng.randrange(1, 30)):
        c = rng.choice("abcdeAB12")
        inside = c.isupper() or (inside and not c.isdigit())
        labels.append("B-x" if c.isupper() else "I-x" if inside else "O")
        text += c
    return text, labels


def numbers(text: str) -> Numbers:
    made: Numbers = Templates(SPEC)({"char": list(text), "mark": ["m" if c.isdigit() else "" for c in text]})
    return made


def trained(count: int = 300) -> Chain:
    rng = random.Random(1)
    return Chain.trained(
        [(numbers(text), labels) for text, labels in (sentence(rng) for _ in range(count))], epochs=20, decay=0.01
    )


def test_an_empty_first_symbol_says_nothing_and_neighbours_matter() -> None:
    found = numbers("a1b")
    assert found.shape == (3, 5)
    assert (found[:, 4] == 0).tolist() == [True, False, True]
    assert (found[:, :4] != 0).all()
    assert len(set(found[:, 0].tolist())) == 3
    assert found[0, 0] != numbers("ba")[0, 0]
    assert found[0, 0] == numbers("ba")[1, 0]  # the same character, wherever it stands
    assert found[0, 3] != numbers("ba")[1, 3]


def test_numbers_are_the_same_on_every_machine() -> None:
    assert numbers("a1").tolist() == numbers("a1").tolist()
    assert numbers("a")[0, 0] == 477995562


def test_it_learns_and_reads_several_stretches_as_it_reads_one() -> None:
    chain = trained()
    rng = random.Random(2)
    texts = [sentence(rng) for _ in range(40)]
    together = chain.tag([numbers(text) for text, _ in texts])
    right = 0
    for (text, labels), (found, chances) in zip(texts, together, strict=True):
        alone, sure = chain.tag([numbers(text)])[0]
        assert alone == found == chain.labels_of(numbers(text))
        assert np.allclose(sure, chances, atol=1e-4)
        assert ((chances > 0) & (chances <= 1.0001)).all()
        right += sum(a == b for a, b in zip(labels, found, strict=True))
    assert right / sum(len(text) for text, _ in texts) > 0.9
    assert chain.tag([]) == []


def test_the_same_examples_give_the_same_chain() -> None:
    first, second = trained(40), trained(40)
    assert np.array_equal(first._keys, second._keys)
    assert np.array_equal(first._weights, second._weights)
    assert np.array_equal(first.transitions, second.transitions)


def test_its_labels_and_chances_are_crfsuites(tmp_path: Path) -> None:
    rng = random.Random(3)
    trainer = pycrfsuite.Trainer(algorithm="l2sgd", verbose=False)
    for text, labels in (sentence(rng) for _ in range(200)):
        trainer.append([[str(v) for v in row if v] for row in numbers(text).tolist()], labels)
    trainer.set_params({"c2": 0.01, "max_iterations": 15, "feature.possible_transitions": True})
    trainer.train(str(tmp_path / "m"))
    theirs = pycrfsuite.Tagger()
    theirs.open(str(tmp_path / "m"))
    theirs.dump(str(tmp_path / "words"))
    with (tmp_path / "words").open() as lines:
        ours = Chain._read(sorted(theirs.labels()), lines)
    for text, _ in (sentence(rng) for _ in range(30)):
        row = numbers(text)
        labels = theirs.tag([[str(v) for v in each if v] for each in row.tolist()])
        found, chances = ours.tag([row])[0]
        assert found == labels
        assert chances == pytest.approx([theirs.marginal(labels[i], i) for i in range(len(text))], abs=0.05)


def test_it_is_kept_without_loss(tmp_path: Path) -> None:
    chain = trained(60)
    chain.save(tmp_path / "chain.npz")
    again = Chain.load(tmp_path / "chain.npz")
    row = numbers("aAbc1dB2")
    first, second = chain.tag([row])[0], again.tag([row])[0]
    assert first[0] == second[0]
    assert np.array_equal(first[1], second[1])
    assert len(again) == len(chain) > 10
    assert pytest.approx(0.03125) == UNIT


@pytest.mark.parametrize("strength", [1, 20, 120])
def test_the_path_is_the_best_of_all_and_its_chances_are_exact(strength: int) -> None:
    rng = np.random.default_rng(strength)
    keys = np.arange(1, 41, dtype=np.uint32) * np.uint32(99_000_001)
    weights = np.vstack([rng.integers(-strength, strength + 1, size=(40, 3)), np.zeros((1, 3))]).astype(np.int8)
    chain = Chain(["O", "B-x", "I-x"], rng.normal(size=(3, 3)).astype(np.float32), keys, weights)
    for length in (1, 2, 3, 6):
        for _ in range(20):
            row = rng.choice(keys, size=(length, 2))
            scores = chain._scores(row)
            ways = np.array(list(itertools.product(range(3), repeat=length)))
            each = scores[np.arange(length), ways].sum(axis=1) + chain.transitions[ways[:, :-1], ways[:, 1:]].sum(
                axis=1
            )
            chance = np.exp(each - each.max()) / np.exp(each - each.max()).sum()
            best = ways[each.argmax()]
            labels, chances = chain.tag([row])[0]
            assert labels == [chain.labels[label] for label in best]
            assert chances == pytest.approx([chance[ways[:, t] == best[t]].sum() for t in range(length)], abs=1e-5)
            assert chain._decoder._path_among_all(scores).tolist() == best.tolist()
