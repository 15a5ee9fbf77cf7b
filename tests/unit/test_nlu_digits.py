"""Spoken numbers and the written form with its offsets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nlu.corpus.slots import spoken_number
from nlu.text import number, written_form


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("三百二十", "320"),
        ("一百零五", "105"),
        ("二百五", "250"),
        ("十二", "12"),
        ("二十", "20"),
        ("幺零四", "104"),
        ("一零零三", "1003"),
        ("一千零一", "1001"),
        ("两万三", "23000"),
        ("两万零三", "20003"),
    ],
)
def test_numbers(said: str, meant: str) -> None:
    assert number(said) == meant


@given(st.integers(0, 99_999))
def test_what_is_said_by_value_is_understood(n: int) -> None:
    assert number(spoken_number(n)) == str(n)


@pytest.mark.parametrize("text", ["", "百货", "三五百", "路"])
def test_no_number(text: str) -> None:
    assert number(text) is None


def test_written_form_keeps_the_way_back() -> None:
    spoken = "电话幺三九零零一二三四五六三号楼二百五十号一点都不凉"
    written = written_form(spoken)
    assert written.text == "电话139001234563号楼250号一点都不凉"
    at = written.text.index("250")
    start, end = written.span(at, at + 3)
    assert spoken[start:end] == "二百五十"
    at = written.text.index("1390")
    assert spoken[slice(*written.span(at, at + 4))] == "幺三九零"


@given(st.text(alphabet="幺三八零一二十百号楼室点你好a1 ", max_size=60))
def test_every_written_character_has_a_place(spoken: str) -> None:
    written = written_form(spoken)
    assert len(written.starts) == len(written.ends) == len(written.text)
    assert all(0 <= a < b <= len(spoken) for a, b in zip(written.starts, written.ends, strict=True))
    assert list(written.starts) == sorted(written.starts)
