"""Who is dictating is not cut off; who says yes is answered at once."""

from __future__ import annotations

import pytest

from asr.endpointing import STRATEGIES, Heard, strategy
from core.errors import InvalidInput


def heard(text: str, pause: int, *, model: bool = False) -> Heard:
    return Heard(text=text, silence=pause, quiet=pause, length=3_000, model=model)


PAUSES_OF_CALLERS = 2_500  # ms, 95th percentile within a dictated number or address


@pytest.mark.parametrize(
    ("name", "text", "pause", "ends"),
    [
        ("free", "我家 空调 不 制冷", 600, False),
        ("free", "我家 空调 不 制冷", 1_000, True),
        ("digits", "一 三 八", PAUSES_OF_CALLERS, False),
        ("digits", "一 三 八", 3_000, True),
        ("digits", "一 三 八 零 零 零 零 一 二 三 四", 800, True),
        ("digits", "电话 幺三八 零零零零 幺二三四", 800, True),
        ("digits", "电话 幺三八 零零零零 幺二三", 800, False),
        ("digits", "一 三 八 嗯 零 零 零 零 一 二 三 四", PAUSES_OF_CALLERS, False),
        ("address", "南京 市 中山 路", PAUSES_OF_CALLERS, False),
        ("address", "南京 市 中山 路 八 号 三 零 二 室", 1_600, True),
        ("address", "南京 市 中山 路", 2_800, True),
        ("yesno", "是 的", 350, True),
        ("yesno", "不是 我 说 的 是 另外 一 个", 350, False),
        ("yesno", "不是 我 说 的 是 另外 一 个", 700, True),
    ],
)
def test_an_utterance_ends(name: str, text: str, pause: int, ends: bool) -> None:
    assert strategy(name).ends(heard(text, pause)) is ends


@pytest.mark.parametrize(("name", "ends"), [("free", True), ("yesno", True), ("digits", False), ("address", False)])
def test_the_models_own_endpoint_counts_only_where_a_cut_does_no_harm(name: str, ends: bool) -> None:
    assert strategy(name).ends(heard("一 三 八", 500, model=True)) is ends


@pytest.mark.parametrize("name", STRATEGIES)
def test_noise_that_hides_the_silence_ends_an_utterance_later_but_does(name: str) -> None:
    assert strategy(name).ends(Heard(text="好", silence=0, quiet=6_000, length=8_000, model=False))


@pytest.mark.parametrize(("name", "ends"), [("yesno", True), ("free", False), ("digits", False), ("address", False)])
def test_only_a_yes_or_no_is_asked_for_before_its_words_have_come(name: str, ends: bool) -> None:
    spoke = Heard(text="", silence=350, quiet=1_000, length=0, model=False, voiced=300)
    assert strategy(name).ends(spoke) is ends
    assert not strategy(name).ends(Heard(text="", silence=9_000, quiet=9_000, length=0, model=False, voiced=40))


def test_words_that_still_come_keep_an_utterance_open() -> None:
    assert not strategy("free").ends(Heard(text="好", silence=1_000, quiet=200, length=8_000, model=False))


def test_an_unknown_strategy_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidInput, match="free, digits, address, yesno"):
        strategy("poetry")
