"""Figures, comparison, export of corrections, card: with understanders whose faults are known."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from core.errors import InvalidInput
from nlu.calibration import platt
from nlu.commands import app, export_corrections
from nlu.contract import Context, FieldFound, Intent, Request, Turn, Understanding
from nlu.corpus import generate, read_examples
from nlu.corpus.examples import Example, as_json, write_examples
from nlu.datasheet import card
from nlu.evaluation import compare, score


class Knowing:
    """Says what the labels say; ``drop`` every n-th field to be wrong by a known share."""

    def __init__(self, examples: Sequence[Example], drop: int = 0) -> None:
        self._by_text = {e.text: e for e in examples}
        self._drop = drop
        self._count = 0

    def understand(self, turns: Sequence[Turn], context: Context) -> Understanding:
        example = self._by_text[turns[0].text]
        fields = []
        for f in example.fields:
            self._count += 1
            if self._drop and self._count % self._drop == 0:
                continue
            fields.append(
                FieldFound(
                    name=f.name,
                    turn=0,
                    start=f.start,
                    end=f.end,
                    surface=f.text,
                    value=f.value,
                    confidence=0.9,
                    component="test",
                )
            )
        return Understanding(
            intents=[Intent(name=i, probability=1.0) for i in example.intents],
            urgency=example.urgency,  # type: ignore[arg-type]
            urgency_confidence=1.0,
            sentiment=example.sentiment,  # type: ignore[arg-type]
            sentiment_confidence=1.0,
            requests=[Request(intents=example.intents, fields=fields)],
        )


@pytest.fixture(scope="module")
def examples() -> list[Example]:
    unique = {e.text: e for e in generate(21, 120) if e.text}
    return list(unique.values())


def test_all_right_is_one(examples: list[Example]) -> None:
    scores = score(Knowing(examples), examples)
    assert scores.fields["micro"]["value"].f1.value == 1.0
    assert scores.fields["micro"]["exact"].f1.value == 1.0
    assert scores.intents_exact.value == scores.urgency.value == scores.emergency_recall.value == 1.0
    assert scores.emergency_false.value == 0.0
    assert scores.calibration_error == pytest.approx(0.1, abs=1e-3)
    assert scores.errors == []


def test_a_third_missed_is_seen(examples: list[Example]) -> None:
    scores = score(Knowing(examples, drop=3), examples)
    micro = scores.fields["micro"]["value"]
    assert micro.precision == 1.0
    assert micro.recall == pytest.approx(2 / 3, abs=0.01)
    assert micro.f1.low < micro.f1.value < micro.f1.high
    assert {e["kind"] for e in scores.errors} == {"missed"}


def test_compare_tells_better_from_same(examples: list[Example]) -> None:
    good, bad = score(Knowing(examples), examples), score(Knowing(examples, drop=3), examples)
    verdicts = {d.name: d.verdict for d in compare(bad, good).differences}
    assert verdicts["value F1 micro"] == "better"
    assert {d.name: d.verdict for d in compare(good, bad).differences}["value F1 micro"] == "worse"
    assert {d.name: d.verdict for d in compare(good, good).differences}["value F1 micro"] == "no proven difference"
    with pytest.raises(ValueError, match="same examples"):
        compare(good, score(Knowing(examples), examples[:10]))


def test_card_states_the_figures(examples: list[Example]) -> None:
    text = card(score(Knowing(examples), examples), "test")
    assert "| micro |" in text
    assert f"on {len(examples)} hand-written" in text


def test_corrections_come_back_as_examples(tmp_path: Path, examples: list[Example]) -> None:
    good = as_json(examples[0])
    wrong = json.loads(json.dumps(good))
    wrong["fields"].append({"name": "phone", "start": 0, "end": 3, "text": "not this", "value": "1"})
    out = tmp_path / "reviewed.jsonl"
    assert export_corrections([good, wrong, {"text": "no labels"}], out) == (1, 2)
    assert read_examples(out)[0].text == examples[0].text


def test_a_wrong_file_is_named_by_line(tmp_path: Path) -> None:
    bad = tmp_path / "bad.jsonl"
    bad.write_text('{"id": 1}\n', encoding="utf-8")
    with pytest.raises(InvalidInput, match=r"line 1 of bad\.jsonl"):
        read_examples(bad)


def test_platt_scaling_pulls_an_overconfident_model_down() -> None:
    pairs = [(3.0, i % 2 == 0) for i in range(400)] + [(-3.0, False) for _ in range(100)]
    slope, offset = platt(pairs)
    assert abs(slope * 3.0 + offset) < 0.3


def test_the_command_prints_json(tmp_path: Path, examples: list[Example]) -> None:
    file = tmp_path / "some.jsonl"
    write_examples(file, examples[:15])
    result = CliRunner().invoke(app, ["evaluate", str(file), "--json", "--card", str(tmp_path / "card.md")])
    assert result.exit_code == 0, result.output
    assert json.loads(result.output)["examples"] == 15
    assert (tmp_path / "card.md").is_file()
    sheet = CliRunner().invoke(app, ["datasheet"])
    assert sheet.exit_code == 0
    assert "WTFPL" in sheet.output
