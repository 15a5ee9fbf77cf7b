"""Hand-written requests: how they are read, and that variants keep their labels in place."""

from __future__ import annotations

from pathlib import Path

import pytest

from core.errors import InvalidInput
from nlu.corpus import written
from nlu.corpus.examples import literal, vary

SOME = """# a comment
[call repair+complaint high negative]
喂 我家{device=热水器}{fault=点不着火}都说了三遍了 电话{phone=幺三七零零二二三三四四}

[email enquiry normal neutral]
主题：问价
.
您好，{brand=格力}{device=空调}加氟多少钱？
.
{contact_name=周一鸣}
{phone=13700223344}
"""


def records(tmp_path: Path, text: str = SOME) -> list[written.Written]:
    path = tmp_path / "some.txt"
    path.write_text(text, encoding="utf-8")
    return written.load([path])


def test_heads_lines_and_labels(tmp_path: Path) -> None:
    call, mail = map(literal, records(tmp_path))
    assert (call.channel, call.intents, call.urgency, call.sentiment) == (
        "call",
        ("repair", "complaint"),
        "high",
        "negative",
    )
    assert call.id == "some.txt:2"
    assert [(f.name, f.text, f.value) for f in call.fields] == [
        ("device", "热水器", "热水器"),
        ("fault", "点不着火", "点不着火"),
        ("phone", "幺三七零零二二三三四四", "13700223344"),
    ]
    assert mail.text == "主题：问价\n\n您好，格力空调加氟多少钱？\n\n周一鸣\n13700223344"
    for example in (call, mail):
        assert all(example.text[f.start : f.end] == f.text for f in example.fields)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[call repair normal neutral]\n你好\n\n[fax repair normal neutral]\n你好\n", r"some\.txt:4.*fax"),
        ("[call mending normal neutral]\n你好\n", r"some\.txt:1.*mending"),
        ("[call repair normal neutral]\n{devise=空调}坏了\n", r"some\.txt:1.*devise"),
        ("[call repair normal neutral]\n{device=空调坏了\n", r"some\.txt:1.*brace"),
        ("[call repair normal neutral]\n\n", r"some\.txt:1.*without a text"),
    ],
)
def test_a_wrong_record_is_named(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        records(tmp_path, text)


def test_variants_keep_labels_and_repeat_by_seed(tmp_path: Path) -> None:
    given = records(tmp_path)
    once = list(vary(given, 3, 12))
    assert once == list(vary(given, 3, 12))
    assert once != list(vary(given, 4, 12))
    assert len(once) == 24
    assert [once[0], once[12]] == [literal(r) for r in given]
    for example in once:
        assert all(example.text[f.start : f.end] == f.text for f in example.fields)
        names = [f.name for f in example.fields]
        assert names in (["device", "fault", "phone"], ["brand", "device", "contact_name", "phone"])
    phones = {f.value or f.text for e in once for f in e.fields if f.name == "phone"}
    assert len(phones) > 6


def test_what_is_typed_can_be_heard(tmp_path: Path) -> None:
    text = "[wechat repair normal neutral]\n{device=冰箱}不冷了😂\n电话{phone=13700223344}\n"
    heard = [e for e in vary(records(tmp_path, text), 5, 20) if e.channel == "call"]
    assert heard
    for example in heard:
        assert not set(example.text) & set("，。\n😂0123456789")


def test_the_shipped_requests_are_sound() -> None:
    shipped = written.load()
    assert len(shipped) > 400
    assert len({literal(r).text for r in shipped}) == len(shipped)
