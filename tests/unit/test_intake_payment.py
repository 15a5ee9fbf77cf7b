"""Cards' numbers that are spoken are neither recorded nor written down; everything else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from intake import HeardTurn
from intake.payment import MARGIN_MS, Payment, PaymentSettings, fits, masked

CARD = "6222021234567890128"  # invented; its check digit fits
SPOKEN = str.maketrans("0123456789", "零幺二三四五六七八九")


def turn(text: str, start: int, speaker: str = "customer") -> HeardTurn:
    words = [(sign, start + 100 * n, start + 100 * n + 90, 0.9) for n, sign in enumerate(text)]
    return HeardTurn(speaker=speaker, text=text, words=words, start=start, end=start + 100 * len(text))


def payment(**options: object) -> Payment:
    return Payment(PaymentSettings(**options))  # type: ignore[arg-type]


def test_the_invented_number_is_a_card_s() -> None:
    assert fits(CARD)
    assert not fits(CARD[:-1] + "9")


@pytest.mark.parametrize("number", [CARD, CARD.translate(SPOKEN), "6222 0212 3456 7890 128"])
def test_a_card_number_in_one_breath_becomes_stars_and_silence(number: str) -> None:
    text = f"卡号是{number}空调不制冷"
    taken = payment().take(turn(text, 1000), 9000)
    assert taken.turn.text.startswith("卡号是**")
    assert taken.turn.text.endswith("*空调不制冷")
    assert taken.turn.text.count("*") == 19
    assert "".join(word for word, *_ in taken.turn.words) == taken.turn.text
    end = 1000 + 100 * (3 + len(number)) - 10
    assert taken.blank == [(1300 - MARGIN_MS, end + MARGIN_MS)]


def test_a_number_dictated_in_pieces_is_taken_out_of_what_was_kept() -> None:
    call = payment()
    spoken = CARD.translate(SPOKEN)
    pieces = [spoken[:4], spoken[4:8], "嗯" + spoken[8:12], spoken[12:]]
    for number, piece in enumerate(pieces[:-1], 1):
        one = turn(piece, number * 3000)
        taken = call.take(one, number * 3000 + 1000)
        assert taken.turn == one
        call.keep(number, taken.turn)
    taken = call.take(turn(pieces[-1], 12_000), 13_000)
    assert taken.turn.text == "*" * 7
    assert [(number, one.text) for number, one in taken.earlier] == [(1, "****"), (2, "****"), (3, "嗯****")]
    assert len(taken.blank) == 4
    assert call.private(13_001)  # the code on the back comes next
    assert call.take(turn("三七二", 14_000), 15_000).turn.text == "***"


@pytest.mark.parametrize(
    "text",
    [
        "电话是一三九零零零零一二三四再说一遍一三九零零零零一二三四",
        "订单号" + "1234567890123456",
        CARD[:-1] + "9",
        "一百二十八号三栋二单元六零一室",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    one = turn(text, 0)
    assert payment().take(one, 9000).turn == one


def test_a_question_for_the_card_makes_silence_until_no_more_digits_come() -> None:
    call = payment(seconds=20)
    call.take(turn("请说一下您的银行卡号", 1000, "agent"), 2000)
    assert call.private(3000)
    assert call.take(turn("六二二二零二", 4000), 5000).turn.text == "******"
    assert call.private(24_000)  # counted from the last digits
    assert not call.private(25_001)
    kept = turn("空调坏了在文三路一二八号", 40_000)
    assert call.take(kept, 42_000).turn == kept
    assert call.spans == [[2000, 25_001]]


def test_what_the_customer_says_of_cards_is_no_question() -> None:
    call = payment()
    call.take(turn("我用信用卡付过了", 0), 1000)
    assert not call.private(1001)


def test_an_agent_s_hand_begins_and_ends_it() -> None:
    call = payment(longest=300)
    call.pause(1000)
    assert call.private(200_000)
    assert call.take(turn("四位是八八八八", 200_000), 201_000).turn.text == "四位是****"
    call.resume(202_000)
    assert not call.private(202_001)
    late = call.take(turn("五五五五", 201_500), 203_000)  # said before, recognised after
    assert late.turn.text == "****"
    assert call.take(turn("我住三楼", 204_000), 205_000).turn.text == "我住三楼"
    call.pause(300_000)
    assert call.private(599_000)
    assert not call.private(600_000)  # forgotten


def test_screens_see_no_digits_while_it_is_private_and_no_long_runs_ever() -> None:
    call = payment()
    assert call.live("电话一三九零零零零一二三四", 0) == "电话一三九零零零零一二三四"
    assert call.live("六二二二零二一二三四五六七", 0) == "*" * 13
    call.pause(10)
    assert call.live("密码是一二三四", 20) == "密码是****"


def test_it_can_be_left_to_agents() -> None:
    call = payment(automatic=False)
    one = turn(CARD, 0)
    assert call.take(one, 1000).turn == one
    call.take(turn("请说卡号", 0, "agent"), 1000)
    assert not call.private(1001)
    call.pause(2000)
    assert call.private(2001)


def test_a_text_recognised_later_is_masked_too() -> None:
    spoken = CARD.translate(SPOKEN)
    assert masked(f"空调坏了，卡号{spoken}，谢谢") == "空调坏了，卡号" + "*" * 19 + "，谢谢"
    assert masked("一三九零零零零一二三四") == "一三九零零零零一二三四"


@pytest.mark.parametrize("mark", ["", "好", "嗯 "])
def test_a_number_in_several_utterances_is_masked_in_a_later_text_too(mark: str) -> None:
    spoken = CARD.translate(SPOKEN)
    pieces = [spoken[:4], spoken[4:8], mark + spoken[8:12], spoken[12:]]
    said = "\n".join(["空调坏了住三楼请师傅明天下午来", "卡号是" + pieces[0], *pieces[1:], "好的谢谢师傅下午两点来"])
    text = masked(said)
    assert len(text) == len(said)
    assert text.split("\n") == [
        "空调坏了住三楼请师傅明天下午来",
        "卡号是****",
        "****",
        mark + "****",
        "*******",
        "好的谢谢师傅下午两点来",
    ]
    assert masked("4539\n1488\n0343\n6467") == "****\n****\n****\n****"
    assert masked("4539\n1488\n0343\n6468") == "4539\n1488\n0343\n6468"


def test_digits_after_a_card_number_do_not_hide_it() -> None:
    spoken = CARD.translate(SPOKEN)
    taken = payment().take(turn(f"卡号是{spoken}我家住在文三路那边一二八号再说一遍{spoken}", 0), 9000)
    assert taken.turn.text == "卡号是" + "*" * 19 + "我家住在文三路那边一二八号再说一遍" + "*" * 19
    assert masked(f"{CARD} {CARD}") == "*" * 19 + " " + "*" * 19


@given(st.text(alphabet="零一二三四五六七八九0123456789 ，号卡嗯", max_size=60), st.booleans())
def test_no_text_breaks_it_and_places_stay(text: str, private: bool) -> None:
    call = payment()
    if private:
        call.pause(0)
    taken = call.take(turn(text, 10), 20)
    assert len(taken.turn.text) == len(text) == len(call.live(text, 30)) == len(masked(text))
    assert all(a in (b, "*") for a, b in zip(taken.turn.text, text, strict=True))
