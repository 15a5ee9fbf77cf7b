"""What those see who need not see it: nothing to call, nowhere to go, and texts of the same length."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ticketing import masking


@pytest.mark.parametrize(
    ("plain", "shown"),
    [
        ("13812345678", "138****5678"),
        ("+8613812345678", "+86138****5678"),
        ("010-62345678", "010-****5678"),
        ("幺三八一二三四五六七八", "幺三八****五六七八"),
        ("12345", "***45"),
        ("", ""),
    ],
)
def test_a_telephone_number_keeps_head_and_tail(plain: str, shown: str) -> None:
    assert masking.phone(plain) == shown


@pytest.mark.parametrize(
    ("plain", "kept"),
    [
        ("北京市朝阳区望京街9号院3号楼", "北京市朝阳区"),
        ("浙江省杭州市西湖区文三路90号", "浙江省杭州市西湖区"),
        ("新疆维吾尔自治区昌吉回族自治州昌吉市延安北路", "新疆维吾尔自治区昌吉回族自治州昌吉市"),
        ("万科小区3号楼2单元", "万科"),
        ("望京街9号", "望"),
    ],
)
def test_an_address_keeps_its_divisions(plain: str, kept: str) -> None:
    assert masking.address(plain) == kept + "*" * (len(plain) - len(kept))


def test_a_text_loses_numbers_addresses_and_mail_but_not_dates_and_ticket_numbers() -> None:
    text = "我是王强，电话138 1234 5678，住望京街9号，li.lei@example.com，单号HT261120-0007，2026-11-20 14:30"
    shown = masking.text(text, [("address", "望京街9号")])
    assert len(shown) == len(text)
    for secret in ("1234 56", "望京街9号", "li.lei"):
        assert secret not in shown
    for kept in ("HT261120-0007", "2026-11-20 14:30", "@example.com", "王强", "5678"):
        assert kept in shown


def test_spoken_numbers_and_the_words_of_a_call_are_covered_alike() -> None:
    text = "电话是幺三八零零一三八零零零"
    words = [["电话", 0, 300, 0.9, 0, "customer"], ["是", 300, 400, 0.9, 2, "customer"]]
    words += [[text[i], i * 200, i * 200 + 150, 0.9, i, "customer"] for i in range(3, len(text))]
    covered = masking.text(text)
    assert covered == "电话是幺三八****八零零零"
    shown = masking.words(words, covered)
    assert "".join(word[0] for word in shown) == covered
    assert shown[4][1:] == words[4][1:]


def test_a_span_is_covered_where_no_pattern_sees_it() -> None:
    assert masking.text("到九号来", spans=[("address", 1, 3)]) == "到**来"
    assert masking.text("短", spans=[("address", 0, 99), ("phone", -1, 1)]) == "短"


def test_of_an_address_only_the_divisions_meaning_stays() -> None:
    resolved = {
        "value": "北京市朝阳区望京街9号",
        "score": 0.9,
        "details": {"province": "北京市", "code": "110105", "road": "望京街", "latitude": 39.99},
    }
    shown = masking.meaning("address", resolved)
    assert shown == {
        "value": "北京市朝阳区*****",
        "score": 0.9,
        "details": {"province": "北京市", "code": "110105"},
    }
    assert masking.meaning("device", resolved) == resolved


def test_an_event_tells_a_correction_without_the_number() -> None:
    shown = masking.details({"name": "phone", "before": "13812345678", "after": "13912345678", "field": 3})
    assert shown == {"name": "phone", "before": "138****5678", "after": "139****5678", "field": 3}
    assert masking.details({"reason": "打13812345678没人接"}) == {"reason": "打138****5678没人接"}


@given(st.text(max_size=60), st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.text(max_size=60))
def test_no_mobile_number_survives_in_any_text(before: str, number: str, after: str) -> None:
    text = before + number + after
    shown = masking.text(text)
    assert len(shown) == len(text)
    assert number not in shown


@given(st.text(max_size=80))
def test_masking_never_lengthens_and_never_fails(value: str) -> None:
    assert len(masking.text(value, [("address", value)], [("phone", 0, len(value))])) == len(value)
    assert len(masking.phone(value)) == len(masking.address(value)) == len(value)
    masking.identity("openid", value)
