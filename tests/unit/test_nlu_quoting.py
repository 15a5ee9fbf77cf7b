"""Quoted mail gives no fields."""

from __future__ import annotations

import pytest

from nlu.quoting import quoted, unquoted

MARKS = [
    "------------------ 原始邮件 ------------------\n发件人: 客服\n旧地址",
    "-----Original Message-----\nFrom: a\nSent: b\n旧地址",
    "在 2026年3月1日 10:00，王专员 写道：\n> 旧地址",
    "> 旧地址\n> 电话13700223344",
    "发件人：客服\n日期：2026-01-02\n主题：派工\n旧地址",
]


@pytest.mark.parametrize("mark", MARKS)
def test_what_follows_the_mark_is_blanked(mark: str) -> None:
    text = "你好，空调不制冷了。\n\n王芳\n\n" + mark
    blank = unquoted(text)
    assert len(blank) == len(text)
    assert "空调不制冷" in blank
    assert "旧地址" not in blank


def test_plain_text_quotes_nothing() -> None:
    assert quoted("空调坏了\n温度>30度\n请来修") == []
