"""What the address benchmark takes for the same division."""

from __future__ import annotations

import pytest

from benchmarks.nlu_address import divisions_found, same


@pytest.mark.parametrize(
    ("wanted", "said", "level", "equal"),
    [
        ("杭州", "杭州市", "city", True),
        ("凉山州", "凉山彝族自治州", "city", True),
        ("凉山彝族自治州", "凉山彝族自治州", "city", True),
        ("广西", "广西壮族自治区", "prov", True),
        ("上海", "上海市", "city", True),
        ("陵水县", "陵水黎族自治县", "district", True),
        ("余杭", "临平区", "district", False),
        ("下城区", "拱墅区", "district", False),
        ("杭州市", "", "city", False),
    ],
)
def test_same(wanted: str, said: str, level: str, equal: bool) -> None:
    assert same(wanted, said, level) is equal


def test_a_former_name_counts_as_it_was_said() -> None:
    assert divisions_found(["杭州市下城区武林路1号", "好的"]) == [["浙江省", "杭州市", "下城区"], ["", "", ""]]
