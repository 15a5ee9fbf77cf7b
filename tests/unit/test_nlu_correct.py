"""Correction by sound: visible, reversible, careful."""

from __future__ import annotations

from nlu.text import corrected, corrections


def test_a_misheard_device_is_corrected_where_it_stands() -> None:
    text = "我家洗衣基不转了"
    found = corrections(text)
    assert [(c.heard, c.meant) for c in found] == [("洗衣基", "洗衣机")]
    assert text[found[0].start : found[0].end] == "洗衣基"
    assert corrected(text) == "我家洗衣机不转了"


def test_spaces_of_a_recogniser_do_not_matter() -> None:
    found = corrections("那个 热 水 气 漏水")
    assert [c.meant for c in found] == ["热水器"]


def test_short_names_need_another_reading() -> None:
    assert corrections("空条坏了") == []
    assert [c.meant for c in corrections("空条坏了", ["空调坏了"])] == ["空调"]


def test_what_is_right_stays() -> None:
    text = "洗衣机和电视机都好好的，朝阳区"
    assert corrections(text) == []
    assert corrected(text) == text
