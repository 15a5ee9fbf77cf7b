"""Correction by sound: visible, reversible, careful."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

import nlu
from nlu.contract import Context, SpokenWord, Turn
from nlu.location import model_path
from nlu.text import corrected
from nlu.text.hearing import FILE, HeardAs, Hearing

CONTEXT = Context(now=datetime(2026, 3, 2, 9, 0, tzinfo=UTC))


@pytest.fixture(scope="module")
def hearing() -> Hearing:
    return Hearing.load(model_path() / FILE)


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
