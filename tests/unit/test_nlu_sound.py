"""Characters and words sound as pypinyin reads them, folded."""

from __future__ import annotations

import pytest
from pypinyin import Style, lazy_pinyin

from nlu.text.sound import distance, fold, sound, sounds


@pytest.mark.parametrize(
    "word",
    [
        "空调",
        "重庆",
        "银行",
        "行走",
        "音乐",
        "快乐的人",
        "长大",
        "长度很长",
        "热水器",
        "女士绿洲",
        "嗯",
        "呣",
        "一行白鹭上青天",
    ],
)
def test_words_are_read_as_words(word: str) -> None:
    assert sounds(word) == tuple(map(fold, lazy_pinyin(word, style=Style.NORMAL)))
    assert [sound(c) for c in word] == [fold(lazy_pinyin(c, style=Style.NORMAL)[0]) for c in word]


def test_what_is_not_chinese_sounds_like_itself() -> None:
    assert sound("x") == "x"
    assert sounds("a空") == ("a", "kong")
    assert sounds("") == ()


def test_folding_leaves_out_what_is_confused() -> None:
    assert sounds("知") == sounds("资") == ("zi",)
    assert sounds("冰") == sounds("宾")
    assert distance("空条", "空调") == 0.0
