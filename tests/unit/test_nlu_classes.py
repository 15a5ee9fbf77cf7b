"""A text's features: what is read of it at once says the same as its features one by one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nlu.pipeline.characters import read
from nlu.pipeline.classes import bag, told
from nlu.pipeline.linear import LinearClasses

TEXT = "洗衣机不转 1 次，漏水！!急 ^漏水^ 😀"
FIELDS = [(0, 3, "device"), (3, 5, "fault")]


def test_stretches_and_other_features_are_told_apart() -> None:
    plain, others = told(TEXT, FIELDS)
    assert plain == "df不转f0次漏水急^漏水^☺"  # the signs of fields as the reading shows them
    assert {"1", "#device", "#fault", "#faults1", "~hurry"} <= others
    assert {"漏", "漏水", "水急", *others} <= set(bag(TEXT, FIELDS))


def test_scores_are_the_sums_of_the_features_weights(tmp_path: Path) -> None:
    names = [*sorted(bag(TEXT, FIELDS))[::2], "nowhere", "无"]
    rng = np.random.default_rng(1)
    model = LinearClasses(["a", "b"], names, rng.normal(size=(len(names), 2)).astype(np.float32))
    rows = [row for row, name in enumerate(names) if name in set(bag(TEXT, FIELDS))]
    assert 10 < len(rows) < len(names)
    assert model.scores(*told(TEXT, FIELDS)) == pytest.approx(model._weights[rows].sum(axis=0), abs=1e-5)
    assert model.scores("", []).tolist() == [0.0, 0.0]
    model.save(tmp_path / "c.npz")
    again = LinearClasses.load(tmp_path / "c.npz")
    assert again.scores(*told(TEXT, FIELDS)) == pytest.approx(model.scores(*told(TEXT, FIELDS)), abs=0.5)
    again.save(tmp_path / "d.npz")
    assert np.load(tmp_path / "c.npz")["scale"] == pytest.approx(np.load(tmp_path / "d.npz")["scale"])


@pytest.mark.parametrize("text", ["", "a", " a", "a ", "  ", "空 调\u3000Ａ\nb\u200b😀 ", "一 二 三 四 五 六"])
def test_a_reading_keeps_offsets_and_gaps(text: str) -> None:
    reading = read(text)
    assert len(reading.text) == len(reading.at) == len(reading.gap)
    spaces = set(range(len(text))) - set(reading.at)
    assert all(text[i] in " \u3000\u200b" for i in spaces)
    assert reading.gap == [at - 1 in spaces for at in reading.at]
    assert reading.spaced == (len(spaces) > 4)
