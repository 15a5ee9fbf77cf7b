"""Texts as they are spoken: numbers written out, clauses where a speaker takes breath."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tts.clauses import LONGEST, clauses, counted, grouped
from tts.phonemes import phonemes


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "浙江省杭州市西湖区文三路128号翠苑小区3幢2单元502室",
            "浙江省杭州市西湖区|文三路一百二十八号|翠苑小区三幢二单元|五零二室",
        ),
        ("上海市浦东新区张杨路505号12楼B座1203", "上海市浦东新区|张杨路五百零五号十二楼|B座幺二零三"),
        ("新疆维吾尔自治区乌鲁木齐市天山区解放北路1号", "新疆维吾尔自治区|乌鲁木齐市天山区|解放北路一号"),
        ("高新南七道Ｒ２-Ａ栋3-2-501", "高新南七道R二杠A栋|三杠二杠五零幺"),
        ("城市花园18号楼", "城市花园十八号楼"),
        ("丈八东路", "丈八东路"),
        ("王建国", "王建国"),
        ("13912340001", "幺三九、幺二三四、零零零幺"),
        ("电话13912340001，找李女士", "电话|幺三九、幺二三四、零零零幺|找李女士"),
        ("文三路😀\x00\n<8>号", "文三路|八号"),
        ("，。 ", ""),
        ("", ""),
    ],
)
def test_a_text_is_cut_where_a_speaker_takes_breath(text: str, said: str) -> None:
    assert clauses(text) == [clause for clause in said.split("|") if clause]


@pytest.mark.parametrize(
    ("number", "groups"),
    [
        ("13912340001", "139 1234 0001"),
        ("02886655432", "028 8665 5432"),
        ("057186655432", "0571 8665 5432"),
        ("4008009000", "400 800 9000"),
        ("86655432", "8665 5432"),
        ("1234567", "123 4567"),
        ("123456", "123 456"),
        ("12345", "12 345"),
        ("119", "119"),
    ],
)
def test_numbers_are_told_in_their_groups(number: str, groups: str) -> None:
    assert " ".join(grouped(number)) == groups


@given(st.text("0123456789", min_size=1, max_size=30))
def test_no_digit_is_lost_and_no_group_is_long(number: str) -> None:
    groups = grouped(number)
    assert "".join(groups) == number
    assert all(1 <= len(group) <= 4 for group in groups)


def test_counting() -> None:
    told = {0: "零", 10: "十", 11: "十一", 20: "二十", 101: "一百零一", 110: "一百一十", 1001: "一千零一"}
    told |= {1010: "一千零一十", 5005: "五千零五", 9999: "九千九百九十九", 1100: "一千一百", 2: "二"}
    assert {number: counted(number) for number in told} == told


@given(st.text(max_size=300))
def test_every_text_gives_clauses_that_a_voice_can_take(text: str) -> None:
    for clause in clauses(text):
        assert 0 < len(clause) <= LONGEST
        assert len(phonemes(clause)) <= 400


@given(st.text("杭州市西湖区文三路号室省县幢单元街道小A ，", min_size=1, max_size=200))
def test_nothing_of_an_address_is_lost(text: str) -> None:
    whole = "".join(clauses(text))
    for sign in "杭州市西湖区文三路号室省县幢单元街道小A":
        assert whole.count(sign) == text.count(sign)
