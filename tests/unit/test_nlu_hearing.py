"""The parts of the correction by sound: character statistics, confusions of syllables, training."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nlu.text.confusion import divided, table
from nlu.text.hearing import NEGATIONS, HeardAs, Hearing, chances, lower, plain, syllables
from nlu.text.ngrams import Ngrams

LINES = ["空调不制冷", "空调漏水", "洗衣机不转", "洗衣机漏水", "空调不转"] * 4


def test_chances_sum_to_one_behind_known_and_unknown_contexts() -> None:
    ngrams = Ngrams.trained(LINES)
    everything = np.arange(len(ngrams.characters))
    for context in ("空调", "衣机", "水空", "??"):
        before, last = ngrams.numbers(context)
        chances_ = ngrams.chances(np.array([before]), np.array([last]), everything)
        assert np.exp(chances_).sum() == pytest.approx(1, abs=0.06)  # kept in bytes


def test_what_was_said_is_likelier_than_what_was_not() -> None:
    ngrams = Ngrams.trained(LINES)
    [[right, wrong]] = ngrams.chances(
        np.array(ngrams.numbers("空")), np.array(ngrams.numbers("调")), np.array(ngrams.numbers("不机"))
    )
    assert right > wrong + 2


@pytest.mark.parametrize(
    ("syllable", "parts"),
    [
        ("zhuang", ("zh", "uang")),
        ("xue", ("x", "ve")),
        ("yuan", ("", "van")),
        ("wo", ("", "uo")),
        ("ai", ("", "ai")),
        ("ying", ("", "ing")),
    ],
)
def test_syllables_are_initial_and_final(syllable: str, parts: tuple[str, str]) -> None:
    assert divided(syllable) == parts


def test_near_sounds_are_confused_more_often() -> None:
    known = ("zhi", "zi", "ji", "lin", "ling", "nin", "guo", "ma")
    chance = table(known)
    at = {s: n for n, s in enumerate(known)}
    assert chance[at["zhi"], at["zi"]] > chance[at["zhi"], at["ma"]]
    assert chance[at["lin"], at["ling"]] > chance[at["lin"], at["guo"]]
    assert (chance <= 0).all()


def test_a_turn_that_was_heard_badly_makes_its_sure_words_doubtful() -> None:
    assert chances(0.9, 0.95)[0] > chances(0.9, 0.6)[0]
    assert chances(0.9, 0.6)[0] > chances(0.4, 0.6)[0]


def test_readings_follow_the_words_they_stand_in() -> None:
    assert syllables("空调a") == ["kong", "tiao", "ei"]
    assert plain("空调 K-F，３") == "空调kf"


def test_training_is_repeatable_and_survives_the_disk(tmp_path: Path) -> None:
    lines = [*LINES, *["鸡一", "一鸡一"] * 3]
    one, other = Hearing.trained(lines), Hearing.trained(lines)
    assert all(np.array_equal(one.tables[name], other.tables[name]) for name in one.tables)
    one.save(tmp_path / "hearing.npz")
    loaded = Hearing.load(tmp_path / "hearing.npz")
    heard = [HeardAs(character=c, confidence=0.5) for c in "洗一鸡"] + [
        HeardAs(character=c, confidence=0.96) for c in "漏水"
    ]
    assert "".join(loaded.said(heard)) == "".join(one.said(heard)) == "洗衣机漏水"


def test_an_unknown_character_is_rare_not_wrong() -> None:
    hearing = Hearing.trained(LINES)
    assert hearing.said([HeardAs(character=c, confidence=0.9) for c in "空挑漏水"])[1] == "挑"
    known = Hearing.trained([*LINES, *["挑水"] * 3])
    assert known.said([HeardAs(character=c, confidence=0.7) for c in "空挑漏水"])[1] == "调"
    fixed = [HeardAs(character=c, confidence=0.7, fixed=c == "挑") for c in "空挑漏水"]
    assert known.said(fixed)[1] == "挑"


def test_negations_are_neither_made_nor_taken_away() -> None:
    hearing = Hearing.trained([*LINES, "部", "部", "部", "没", "美", "美", "美"])
    for heard in ("空调转", "洗衣机转", "空调部转", "洗衣机部转", "洗衣机没转", "空调美漏水", "不不不不"):
        for confidence in (0.61, 0.7, 0.8, 0.95):
            said = hearing.said([HeardAs(character=c, confidence=confidence, others="不没") for c in heard])
            assert [c in NEGATIONS for c in "".join(said) if c in NEGATIONS] == [True for c in heard if c in NEGATIONS]


def test_a_letter_whose_lower_case_is_two_characters_stays() -> None:
    assert [lower(c) for c in "Aİß空"] == ["a", "İ", "ß", "空"]
    assert plain("İA") == "a"


def test_a_negation_is_never_guessed_between() -> None:
    hearing = Hearing.trained(["空调不转"] * 10)
    number = hearing._ngrams.number
    assert number["不"] in hearing._ngrams.likely(number["调"])
    last = np.array([number["调"]])
    guessed = hearing._with_lost(np.array([number["空"]]), last, np.zeros(1), np.zeros(1, np.int64))[1]
    assert number["不"] not in guessed
