"""Chinese as the model's phonemes. The expected ones were made with misaki 0.9.4, whose spelling the voices learned."""

from __future__ import annotations

import pytest
from pypinyin import Style, pinyin
from pypinyin.constants import PINYIN_DICT

from tts.kokoro import VOCABULARY
from tts.phonemes import LETTERS, phonemes, syllable

KNOWN = """
zhong1=ꭧʊ→ŋ guo2=kwo↗ shi4=ʂɨ↘ zi5=ʦɨ yuan2=ɥɛ↗n wu3=u↓ you3=jou↓ er4=ɚ↘ xue2=ɕɥe↗ ju1=ʨy→ lv4=ly↘ jun1=ʨy→n
qiong2=ʨʰjʊ↗ŋ wang2=wa↗ŋ ying1=i→ŋ weng1=wə→ŋ hui4=xwei↘ niu2=njou↗ o1=ɔ→ bo1=pwo→ ri4=ɻɨ↘ yi1=i→ yong3=jʊ↓ŋ
chuang2=ꭧʰwa↗ŋ ne5=nɤ ng4=ŋ↘ yue4=ɥe↘ yan2=jɛ↗n yo1=wo→
"""


@pytest.mark.parametrize("known", KNOWN.split())
def test_a_syllable(known: str) -> None:
    told, signs = known.split("=")
    assert syllable(told) == signs


@pytest.mark.parametrize("told", ["", "1", "zhong", "zhong6", "xyz1", "u1x"])
def test_what_is_no_syllable_has_no_sound(told: str) -> None:
    assert syllable(told) == ""


def test_the_model_knows_every_sign_of_every_syllable() -> None:
    told = {one for code in PINYIN_DICT for one in pinyin(chr(code), style=Style.TONE3, neutral_tone_with_five=True)[0]}
    silent = {one for one in told if not syllable(one)}
    assert len(told) > 1300
    assert silent <= {"wong4"}
    assert {sign for one in told for sign in syllable(one)} | set("".join(LETTERS.values())) <= VOCABULARY.keys()


def test_words_letters_and_pauses() -> None:
    assert phonemes("重庆、B座") == "ꭧʰʊ↗ŋʨʰi↘ŋ, bˈi ʦwo↘"
    assert phonemes("、，😀 12") == ""
