"""Correction by sound: visible, reversible, careful."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

import nlu
from nlu.contract import Context, SpokenWord, Turn, Understanding
from nlu.location import model_path
from nlu.text import corrected
from nlu.text.correct import MOST
from nlu.text.hearing import FILE, HeardAs, Hearing
from nlu.understander import PipelineUnderstander

CONTEXT = Context(now=datetime(2026, 3, 2, 9, 0, tzinfo=UTC))


@pytest.fixture(scope="module")
def hearing() -> Hearing:
    return Hearing.load(model_path() / FILE)


class Always(Hearing):
    """Makes of each unsure character what it is told."""

    def __init__(self, meant: dict[str, str]) -> None:
        self.meant = meant

    def said(self, heard: Sequence[HeardAs]) -> list[str]:
        return [
            h.character if h.fixed or h.confidence >= 0.97 else self.meant.get(h.character, h.character) for h in heard
        ]


def understood(text: str, meant: dict[str, str]) -> Understanding:
    understander = PipelineUnderstander()
    understander._hearing = Always(meant)
    return understander.understand([turn(text)], CONTEXT)


def words(text: str) -> list[SpokenWord]:
    """空调 坏/.3: words with spaces between, each with its confidence behind a slash where it is not .9."""
    found = []
    for number, word in enumerate(text.split()):
        plain, _, confidence = word.partition("/")
        found.append(
            SpokenWord(text=plain, start=300 * number, end=300 * number + 300, confidence=float(confidence or 0.9))
        )
    return found


def turn(text: str) -> Turn:
    said = words(text)
    return Turn(text=" ".join(w.text for w in said), channel="call", words=said)


def test_what_was_heard_badly_is_read_as_it_was_probably_said(hearing: Hearing) -> None:
    said = turn("我家 的 稀 一/.3 鸡/.3 不 脱水 了")
    found = corrected(hearing, said.text, said.words)
    assert "洗衣机" in found.text.replace(" ", "")
    assert found.heard == said.text


def test_each_change_tells_what_was_heard_and_can_be_taken_back(hearing: Hearing) -> None:
    said = turn("我家 的 热水气/.4 漏/.5 睡/.3 电话/.6 要/.3 三八/.5 零零/.6 九九/1 五五/1 二二/1 一/1")
    found = corrected(hearing, said.text, said.words)
    assert found.corrections
    back = said.text
    for change in found.corrections:
        assert said.text[change.start : change.end] == change.heard != change.meant
    for change in reversed(found.corrections):
        back = back[: change.start] + change.meant + back[change.end :]
    assert back == found.text
    for place in range(len(found.text)):
        start, end = found.span(place, place + 1)
        assert 0 <= start < end <= len(said.text)


def test_a_field_shows_its_correction_and_stands_where_it_was_heard() -> None:
    said = turn("我家/.8 的/.9 洗衣/.8 基/.3 不/.9 脱水/.9 了")
    (device,) = [f for f in nlu.load().understand([said], CONTEXT).fields if f.name == "device"]
    assert device.value == "洗衣机"
    assert device.surface == said.text[device.start : device.end] == "洗衣 基"
    assert any((heard, meant) == ("基", "机") for _, _, heard, meant in device.corrections)


def test_another_reading_of_the_audio_counts(hearing: Hearing) -> None:
    said = turn("我/.9 姓/.9 张/.5")
    assert corrected(hearing, said.text, said.words).text == said.text
    other = HeardAs(character="张", confidence=0.1, others="湛")
    options, near = hearing._options(hearing._ngrams.number["张"], hearing._number["zhang"], other.others)
    backed = options.tolist().index(hearing._ngrams.number["湛"]) - 1
    assert near[backed] >= -1.5


@pytest.mark.parametrize("confidence", [1.0, 0.98])
def test_what_a_recogniser_was_sure_of_stays(hearing: Hearing, confidence: float) -> None:
    text = "我家洗衣基不转了 空条也不治冷"
    said = [SpokenWord(text=word, start=0, end=1, confidence=confidence) for word in text.split()]
    assert corrected(hearing, text, said).text == text


def test_a_text_without_confidences_is_never_touched(hearing: Hearing) -> None:
    text = "我家洗衣基不转了"
    found = corrected(hearing, text, ())
    assert (found.text, found.corrections, found.span(2, 5)) == (text, (), (2, 5))
    assert corrected(None, text, words("我家/.1 洗衣基/.1")).text == text


def test_right_words_of_a_good_recogniser_stay(hearing: Hearing) -> None:
    said = turn("我 姓 申屠/.8 在 青浦区 徐泾镇/.85 明珠路 八百弄 热水器/.9 打不着火 明天/.85 下午 来")
    assert corrected(hearing, said.text, said.words).text == said.text


def test_spaces_marks_and_latin_words_are_kept(hearing: Hearing) -> None:
    said = turn("喂/.3 Bosch/.2 的/.4")
    text = said.text + "\n。"
    assert corrected(hearing, text, said.words).text.endswith("\n。")
    assert hearing.said([]) == []


def test_the_same_words_give_the_same_text(hearing: Hearing) -> None:
    said = turn("邮箱/.8 在/.9 哪/.7 空条/.5 坏/.8 了/.9")
    first = corrected(hearing, said.text, said.words)
    assert corrected(hearing, said.text, said.words) == first


def test_where_nothing_was_understood_nothing_is_made_of_it(hearing: Hearing) -> None:
    said = turn("我/.6 一/.2 鸡/.3 度/.4 三八/.5")
    assert corrected(hearing, said.text, said.words).text == said.text


@pytest.mark.parametrize(
    ("heard", "meant"),
    [
        ("我 电话 是 幺三八 零零 九九 五五 二二/.96", {"九": "六"}),  # within
        ("我 电话 是 幺三八 零零 九九 五五 二二 八/.5", {"八": ""}),  # left out at the edge
        ("我 电话 世/.5 幺三八 零零 九九 五五 二二", {"世": "是"}),  # beside it
    ],
)
def test_a_number_with_a_guess_in_it_is_never_sure(heard: str, meant: dict[str, str]) -> None:
    (phone,) = [f for f in understood(heard, meant).fields if f.name == "phone"]
    assert phone.corrections
    assert phone.confidence <= 0.5
    assert phone.resolved is not None
    assert phone.resolved.score <= 0.5
    assert all(c.score <= 0.5 for c in phone.candidates)


def test_another_field_with_a_guess_in_it_is_less_sure() -> None:
    (changed,) = [f for f in understood("我家 洗衣 基/.5", {"基": "机"}).fields if f.name == "device"]
    (same,) = [f for f in understood("我家 洗衣 机", {}).fields if f.name == "device"]
    assert changed.corrections
    assert changed.confidence <= 0.9 * same.confidence + 1e-6


def test_every_correction_is_told_in_a_field_or_not() -> None:
    found = understood("你 毫/.5 我家 洗衣 基/.5 不转", {"毫": "好", "基": "机"})
    assert found.corrections == ((0, 2, 3, "毫", "好"), (0, 10, 11, "基", "机"))
    assert found.as_json()["corrections"] == found.corrections


def test_a_correction_ends_with_its_word_and_with_the_field() -> None:
    said = [SpokenWord(text=w, start=0, end=1, confidence=0.5) for w in ("稀衣", "鸡步", "转")]
    found = corrected(Always({"衣": "一", "鸡": "机", "步": "部"}), "稀衣鸡步转", said)
    assert [(c.start, c.end, c.meant) for c in found.corrections] == [(1, 2, "一"), (2, 4, "机部")]
    assert [(c.start, c.end, c.meant) for c in found.within(0, 3)] == [(1, 2, "一"), (2, 3, "机")]


def test_what_was_left_out_at_an_edge_belongs_to_the_field() -> None:
    said = turn("八/.5 三 四/.5 五")
    found = corrected(Always({"八": "", "四": "死"}), said.text, said.words)
    assert [c.heard for c in found.within(2, 3)] == ["八"]
    assert [c.heard for c in found.within(2, 3, edges=True)] == ["八", "四"]


def test_a_danger_does_not_vanish_by_a_correction() -> None:
    found = understood(
        "天然气 泄/.5 漏/.5 了 屋里 都是 味道", {"泄": "谢", "漏": "路", "味": "位", "天": "田", "气": "器"}
    )
    assert found.corrections
    assert found.urgency == "emergency"


def test_other_readings_are_few_and_short(hearing: Hearing) -> None:
    text = "一二" * 2_000
    said = [SpokenWord(text=text, start=0, end=1, confidence=0.8)]
    begun = time.process_time()
    corrected(hearing, text, said, ["二一" * 2_000] * 50)
    corrected(hearing, text[:200], [SpokenWord(text=text[:200], start=0, end=1, confidence=0.8)], ["一" * 200] * 500)
    corrected(hearing, "一二三", [SpokenWord(text="一二三", start=0, end=1, confidence=0.8)], ["二" * 100_000])
    assert time.process_time() - begun < 3


@pytest.mark.parametrize(
    ("text", "readings", "others"),
    [
        ("空条", ["空调"], "调"),
        ("空条", ["空条", "空条", "空条", "空调"], ""),
        ("空条坏", ["空调坏" + "啊" * 200], ""),
        ("空条" + "啊" * 200, ["空调" + "啊" * 198], ""),
        ("空条\n坏了", ["空调坏了"], ""),
    ],
)
def test_which_other_readings_count(text: str, readings: list[str], others: str) -> None:
    class Keeps(Always):
        def said(self, heard: Sequence[HeardAs]) -> list[str]:
            kept.extend(heard)
            return super().said(heard)

    kept: list[HeardAs] = []
    corrected(Keeps({}), text, [SpokenWord(text=text, start=0, end=1, confidence=0.8)], readings)
    assert kept[1].others == others


@pytest.mark.parametrize("confidence", [-5.0, -math.inf, math.inf, 7.0, math.nan, 0.5])
def test_odd_letters_and_confidences_are_borne(hearing: Hearing, confidence: float) -> None:
    text = "我 的 İstanbul 洗衣基 坏 了 \u212a"
    found = corrected(hearing, text, [SpokenWord(text=w, start=0, end=1, confidence=confidence) for w in text.split()])
    assert "İ" in found.text
    if math.isnan(confidence) or confidence >= 1:
        assert found.text == text


def test_a_request_has_a_limit_however_many_turns() -> None:
    said = turn(" ".join(["基/.5"] * (MOST // 2 + 10)))
    understander = PipelineUnderstander()
    understander._hearing = Always({"基": "机"})
    assert len(understander.understand([said, said, said], CONTEXT).corrections) == MOST


@pytest.mark.parametrize("before", ["姓", "叫", "联系人 是", "名字 是"])
def test_names_stay(before: str) -> None:
    said = turn(f"我 {before} 基/.5 基/.5 基/.5 基/.5")
    stay = 2 if before == "联系人 是" else 3
    found = corrected(Always({"基": "机"}), said.text, said.words)
    assert found.text == f"我 {before} " + " ".join(["基"] * stay + ["机"] * (4 - stay))


@pytest.mark.parametrize("expects", ["contact_name", "phone", "serial", "order", "model"])
def test_the_answer_to_a_name_or_number_stays(hearing: Hearing, expects: str) -> None:
    said = turn("我家 的 洗衣/.8 基/.3 不 脱水 了")
    assert corrected(hearing, said.text, said.words).corrections
    assert corrected(hearing, said.text, said.words, expects=expects).text == said.text
    asked = Turn(text=said.text, channel="call", words=said.words, expects=expects)
    assert nlu.load().understand([asked], CONTEXT).corrections == ()


def test_lines_are_read_by_themselves(hearing: Hearing) -> None:
    one, other = turn("我家 的 洗衣/.8 基/.3 不 脱水 了"), turn("空/.6 条/.4 也 坏/.6 了")
    alone = [corrected(hearing, t.text, t.words).text for t in (one, other)]
    both = corrected(hearing, f"{one.text}\n\n{other.text}\n", [*one.words, *other.words])
    assert both.text == f"{alone[0]}\n\n{alone[1]}\n"

    class Listens(Always):
        def said(self, heard: Sequence[HeardAs]) -> list[str]:
            lines.append("".join(h.character for h in heard))
            return super().said(heard)

    lines: list[str] = []
    corrected(Listens({}), "空条\n坏了", words("空条/.5 坏了/.5"))
    assert lines == ["空条", "坏了"]
    crossing = corrected(Always({"基": "机"}), "基\n基", [SpokenWord(text="基\n基", start=0, end=1, confidence=0.5)])
    assert [(c.start, c.end) for c in crossing.corrections] == [(0, 1), (2, 3)]


def test_a_word_that_is_not_there_is_skipped() -> None:
    text = "我家 的 空调 坏 了 " + "麻烦 您 快 点 " * 3 + "基 本 上"
    said = [
        SpokenWord(text=word, start=0, end=1, confidence=sure)
        for word, sure in (("我家", 1.0), ("基", 0.5), ("空调", 0.5), ("坏", 0.5))
    ]
    found = corrected(Always({"空": "恐", "基": "机"}), text, said)
    assert found.text == text.replace("空", "恐")
