"""What training does besides learning: rounding of weights, words it may know."""

from __future__ import annotations

from pathlib import Path

import pycrfsuite
import pytest

from nlu.corpus.examples import Example, Label
from nlu.training import learned_words, rounded


def test_rounded_weights_are_a_model_that_says_the_same(tmp_path: Path) -> None:
    trainer = pycrfsuite.Trainer(verbose=False)
    for _ in range(5):
        trainer.append([["a"], ["b"], ["c"]], ["X", "Y", "O"])
        trainer.append([["b"], ["a"]], ["Y", "X"])
    trainer.train(str(tmp_path / "m"))
    model = (tmp_path / "m").read_bytes()
    small = rounded(model)
    assert len(small) == len(model)
    assert small != model
    tagger, other = pycrfsuite.Tagger(), pycrfsuite.Tagger()
    tagger.open_inmemory(model)
    other.open_inmemory(small)
    assert other.tag([["a"], ["b"], ["c"]]) == tagger.tag([["a"], ["b"], ["c"]]) == ["X", "Y", "O"]
    for weight in other.info().state_features.values():
        assert weight * 128 == pytest.approx(round(weight * 128), abs=1e-3)
    with pytest.raises(ValueError, match="CRFsuite"):
        rounded(b"something else" * 10)


def test_learned_words_are_those_mostly_meant() -> None:
    def example(text: str, *labels: tuple[str, str]) -> Example:
        fields = tuple(
            Label(name=name, start=text.index(words), end=text.index(words) + len(words), text=words)
            for name, words in labels
        )
        return Example(
            id="x",
            channel="form",
            text=text,
            intents=("repair",),
            urgency="normal",
            sentiment="neutral",
            fields=fields,
        )

    given = [
        example("双喜高压锅漏气", ("brand", "双喜"), ("device", "高压锅")),
        example("高压锅坏了", ("device", "高压锅")),
        example("双喜临门"),
        example("双喜双喜"),
    ]
    assert learned_words(given) == (("高压锅", "dev"),)
