"""The error rate counts what was misheard, not how a number was written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from asr.error_rate import ErrorRate, compare, total


@pytest.mark.parametrize(
    ("reference", "heard", "insertions", "deletions", "substitutions"),
    [
        ("空调不制冷", "空调不制冷", 0, 0, 0),
        ("空调不制冷", "空调部制冷了", 1, 0, 1),
        ("空调不制冷", "空调冷", 0, 2, 0),
        ("空调不制冷", "", 0, 5, 0),
        ("电话138", "电话 一 三 八", 0, 0, 0),
        ("幺三八零", "一三八〇", 0, 0, 0),
        ("两台", "二台", 0, 0, 1),
        ("E4，故障。", "e 4 故障", 0, 0, 0),
        ("Ｅ４故障", "E四故障", 0, 0, 0),
    ],
)
def test_errors_are_counted(reference: str, heard: str, insertions: int, deletions: int, substitutions: int) -> None:
    found = compare(reference, heard)
    assert (found.insertions, found.deletions, found.substitutions) == (insertions, deletions, substitutions)


def test_rates_add_up_over_utterances() -> None:
    both = total([compare("空调", "空"), compare("不制冷了", "不制冷了")])
    assert (both.utterances, both.characters, both.rate) == (2, 6, pytest.approx(1 / 6))
    assert ErrorRate().rate is None


@given(st.text("甲乙丙丁", max_size=8), st.text("甲乙丙丁", max_size=8))
def test_counts_explain_the_difference_in_length(reference: str, heard: str) -> None:
    found = compare(reference, heard)
    assert len(heard) - len(reference) == found.insertions - found.deletions
    assert found.errors >= abs(len(heard) - len(reference))
    assert (found.errors == 0) == (reference == heard)
    assert found.errors == compare(heard, reference).errors
