"""What training does besides learning: the words that a model may know, processes beside it, models that are not whole."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from core.errors import ConfigurationError
from nlu.beside import Beside, tell
from nlu.corpus.examples import Example, Label
from nlu.location import model_path
from nlu.training import learned_words, train_chain, train_reader
from nlu.understander import PipelineUnderstander


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


def test_the_crf_and_the_network_know_the_same_labels() -> None:
    one = Example(
        id="x",
        channel="form",
        text="我姓王 空调坏了",
        intents=("repair",),
        urgency="normal",
        sentiment="neutral",
        fields=(
            Label(name="contact_name", start=2, end=3, text="王"),  # never longer than one character
            Label(name="device", start=4, end=6, text="空调"),
        ),
    )
    examples = [one] * 4
    chain, network = train_chain(examples, 1, (), 2), train_reader(examples, 1, (), 1)
    assert chain.labels == network.labels == ["B-contact_name", "B-device", "I-device", "O"]


def _half() -> int:
    tell(0.5)
    return os.getpid()


def test_what_is_done_beside_is_told_and_given_back() -> None:
    told: list[float] = []
    with Beside(1) as beside:
        future = beside.submit(_half)
        beside.follow(told.append)
        assert future.result() != os.getpid()
    assert told[-1] == 0.5


def test_what_fails_beside_is_raised_at_once_and_ends_the_rest() -> None:
    begin = time.monotonic()
    with pytest.raises(ZeroDivisionError), Beside(2) as beside:
        beside.submit(time.sleep, 600)
        beside.submit(divmod, 1, 0)
        beside.follow(lambda _: None)
    assert time.monotonic() - begin < 300


@pytest.mark.parametrize(
    "file",
    [
        "hotline_entities/network.npz",
        "hotline_entities/chain.npz",
        "hotline_classes/classes.npz",
        "hotline_address/chain.npz",
        "hotline_entities/words.json",
        "hearing.npz",
        "config.cfg",
    ],
)
@pytest.mark.parametrize("how", ["half", "empty"])
def test_a_damaged_model_is_said_to_be(tmp_path: Path, file: str, how: str) -> None:
    model = tmp_path / "model"
    shipped = model_path()
    for path in shipped.rglob("*"):
        if path.is_file():
            copy = model / path.relative_to(shipped)
            copy.parent.mkdir(parents=True, exist_ok=True)
            copy.symlink_to(path)
    data = (model / file).read_bytes()
    (model / file).unlink()
    (model / file).write_bytes(data[: len(data) // 2] if how == "half" else b"")
    with pytest.raises(ConfigurationError, match="damaged"):
        PipelineUnderstander(model)


def test_a_model_without_its_network_is_of_an_older_version(tmp_path: Path) -> None:
    from nlu.pipeline.entities import EntityTagger

    (tmp_path / "chain.npz").symlink_to(model_path() / "hotline_entities" / "chain.npz")
    with pytest.raises(ConfigurationError, match="older version"):
        EntityTagger().from_disk(tmp_path)
