"""Money and prices: exact, and the same for the same work."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

import settlement
from core.errors import InvalidInput
from settlement.book import PriceBook, read_book
from settlement.money import percent, share, show, yuan
from settlement.pricing import Work, price

ZONE = ZoneInfo("Asia/Shanghai")
CONTENT = yaml.safe_load((Path(settlement.__file__).parent / "prices" / "2026.yaml").read_text("utf-8"))
BOOK: PriceBook = read_book(CONTENT)
FRIDAY = datetime(2026, 11, 20, 10, 0, tzinfo=ZONE)


def work(**options: Any) -> Work:
    return Work(**{"at": FRIDAY, "zone": ZONE, "service": "repair", "device": "air_conditioner", "km": 3.0, **options})


def lines(**options: Any) -> list[tuple[str, int, str]]:
    return [(line.code, line.amount, line.payer) for line in price(work(**options), BOOK).lines]


def test_halves_go_to_the_even_fen() -> None:
    assert [share(n, Decimal("0.5")) for n in (1, 2, 3, 5, 7)] == [0, 1, 2, 2, 4]
    assert percent(999, 10) == 100
    assert percent(-5, 10) == 0
    assert (yuan("12.50"), yuan(80), yuan(0.1)) == (1250, 8000, 10)
    assert (show(123450), show(-5), show(0)) == ("¥1,234.50", "-¥0.05", "¥0.00")
    for wrong in ("12.345", "x", "", "NaN", "Infinity", "1e30", None):
        with pytest.raises(InvalidInput):
            yuan(wrong)


def test_labour_travel_and_parts() -> None:
    assert lines() == [("L-AC-REPAIR", 12000, "customer")]
    assert lines(km=12.0, parts=[("P-CAP-35", 2)]) == [
        ("L-AC-REPAIR", 12000, "customer"),
        ("TRAVEL", 3000, "customer"),
        ("P-CAP-35", 12000, "customer"),
    ]
    assert lines(km=None)[1] == ("TRAVEL", 3000, "customer")
    assert lines(km=999.0)[1] == ("TRAVEL", 20000, "customer")
    assert lines(device="", service="repair") == [("L-STANDARD", 10000, "customer")]
    assert lines(labour=["L-CLEAN", "L-STANDARD"]) == [
        ("L-CLEAN", 16000, "customer"),
        ("L-STANDARD", 10000, "customer"),
    ]
    with pytest.raises(InvalidInput):
        lines(parts=[("P-NONE", 1)])


def test_night_and_holidays_cost_more() -> None:
    assert lines(at=datetime(2026, 11, 20, 19, 59, tzinfo=ZONE)) == lines()
    assert ("S-NIGHT", 3600, "customer") in lines(at=datetime(2026, 11, 20, 20, 0, tzinfo=ZONE))
    assert ("S-NIGHT", 3600, "customer") in lines(at=datetime(2026, 11, 20, 7, 59, tzinfo=ZONE))
    assert ("S-HOLIDAY", 6000, "customer") in lines(at=datetime(2026, 10, 1, 10, 0, tzinfo=ZONE))
    assert lines(at=datetime(2026, 2, 14, 10, 0, tzinfo=ZONE)) == lines()  # a make-up day is a working day


def test_warranty() -> None:
    until = datetime(2026, 12, 1, tzinfo=UTC)
    parts = [("P-CAP-35", 1), ("P-R32-500", 1)]
    covered = price(work(warranty_until=until, km=12.0, parts=parts), BOOK)
    assert (covered.total("manufacturer"), covered.total("customer")) == (21000, 12000)  # refrigerant is a consumable
    broken = price(work(warranty_until=until, parts=parts, cause="customer"), BOOK)
    assert (broken.total("manufacturer"), broken.because["zh"]) == (0, "在保修期内，但属人为损坏，不予保修")
    late = price(work(warranty_until=datetime(2026, 11, 1, tzinfo=UTC)), BOOK)
    assert (late.total("manufacturer"), late.because["en"]) == (0, "the warranty ended on 2026-11-01")
    assert price(work(), BOOK).because["en"] == "no warranty is on record, the customer pays"


def test_discount_and_extra_fee() -> None:
    assert lines(level="vip", extra_fee=5005, extra_fee_for="高空作业")[-2:] == [
        ("EXTRA", 5005, "customer"),
        ("D-vip", -1700, "customer"),  # 10 % of 170.05 is 17.005: half to even
    ]


@given(
    st.lists(st.tuples(st.sampled_from(sorted(BOOK.parts)), st.integers(1, 99)), max_size=8),
    st.booleans(),
    st.sampled_from(["", "vip"]),
    st.sampled_from(["", "customer", "defect"]),
    st.integers(0, 10**7),
    st.floats(0, 300),
)
def test_every_line_has_one_payer_and_nothing_is_lost(
    parts: list[tuple[str, int]], warranty: bool, level: str, cause: str, extra: int, km: float
) -> None:
    until = datetime(2027, 1, 1, tzinfo=UTC) if warranty else None
    priced = price(work(parts=parts, warranty_until=until, level=level, cause=cause, extra_fee=extra, km=km), BOOK)
    assert priced.total("customer") + priced.total("manufacturer") == sum(line.amount for line in priced.lines)
    assert priced.total("customer") >= 0
    assert priced.total("manufacturer") >= 0
    if not warranty or cause == "customer":
        assert priced.total("manufacturer") == 0


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"labour": [{"code": "L"}]}, "labour L"),
        ({"labour": []}, "labour and travel"),
        ({"parts": [{"code": "P", "name": {"zh": "x"}, "price": -1}]}, "part P"),
        ({"parts": [{"code": "P", "name": {"zh": "x"}, "price": 1}] * 2}, "part P"),
        ({"parts": [{"code": "P", "name": {"zh": "x"}, "price": "1.999"}]}, "two decimals"),
        ({"surcharges": [{"code": "S", "name": {"zh": "x"}, "percent": 5000}]}, "surcharge S"),
        ({"surcharges": [{"code": "S", "name": {"zh": "x"}, "percent": 5, "hours": "8-20"}]}, "surcharge S"),
        ({"valid_from": "soon"}, "valid_from"),
        ({"travel": [{"up_to_km": "far", "price": 1}]}, "travel"),
    ],
)
def test_a_broken_book_is_named(change: dict[str, Any], place: str) -> None:
    with pytest.raises(InvalidInput, match=place):
        read_book({**CONTENT, **change})
