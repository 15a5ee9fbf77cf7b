"""The dialog as pure functions: scripts, yes and no, the fold over turns, the next move."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml

from core.errors import ConfigurationError
from intake.dialog import Heard, KnownCaller, State, fold, load_script, next_move, understood, yes_or_no
from intake.dialog.script import SHIPPED, read_script
from intake.dialog.state import CLEAR

SCRIPT = load_script()
ALL = {"fault": "不制冷", "device": "空调", "address": "雁塔区丈八东路8号", "phone": "13900001234"}


def said(text: str, step: str = "", keyed: bool = False, words: Sequence[tuple[str, float]] = ()) -> Heard:
    return Heard(speaker="customer", text=text, step=step, keyed=keyed, words=words)


def system(step: str, text: str = "") -> Heard:
    return Heard(speaker="system", text=text, step=step)


def state(*turns: Heard, found: dict[str, str] | None = None, known: dict[str, str] | None = None) -> State:
    return fold(SCRIPT, turns, found or {}, known)


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("是的", True),
        ("对", True),
        ("对 对 对", True),
        ("嗯", True),
        ("没错", True),
        ("没错啊", True),
        ("好的好的", True),
        ("是 就是 这个", True),
        ("不是", False),
        ("不对", False),
        ("不", False),
        ("错了", False),
        ("是的不对", False),
        ("部队", False),  # sounds like 不对
        ("部队的", False),
        ("部队大院东门", None),
        ("不对不对是一三九", False),
        ("一三九零零零零一二三四", None),
        ("你说什么", None),
        ("", None),
    ],
)
def test_yes_and_no(text: str, wanted: bool | None) -> None:
    assert yes_or_no(text, SCRIPT) is wanted


def test_it_greets_first() -> None:
    move = next_move(SCRIPT, state())
    assert move is not None
    assert (move.say, move.step, move.expects) == (("greeting",), "open", "")
    known = next_move(SCRIPT, state(), greeting="greeting_known")
    assert known is not None
    assert known.say == ("greeting_known",)


def test_it_listens_while_nothing_was_said() -> None:
    assert next_move(SCRIPT, state(system("open"))) is None


def test_it_asks_for_what_is_missing_in_order_and_takes_its_leave() -> None:
    turns, found = [system("open"), said("喂")], dict[str, str]()
    asked = []
    for _ in range(12):
        move = next_move(SCRIPT, fold(SCRIPT, turns, found))
        assert move is not None
        asked.append(move.step)
        if move.ends:
            break
        if move.step in ALL:
            found[move.step] = ALL[move.step]
        turns += [system(move.step, f"您的联系电话是{move.value}对吗？"), said("对")]
    assert asked == ["fault", "device", "address", "phone", "read_back.phone", "end.complete"]


def test_who_said_everything_is_asked_nothing() -> None:
    move = next_move(SCRIPT, state(system("open"), said("..."), found={**ALL}, known={"phone": "+8613900001234"}))
    assert move is not None
    assert (move.step, move.ends) == ("end.complete", True)


def test_a_question_is_asked_only_so_often_and_the_last_time_otherwise() -> None:
    found = {name: value for name, value in ALL.items() if name != "phone"}
    first = next_move(SCRIPT, state(system("open"), said("a"), found=found))
    assert first is not None
    assert (first.say, first.endpointing) == (("ask_phone",), "digits")
    second = next_move(SCRIPT, state(system("open"), said("a"), system("phone"), said("b"), found=found))
    assert second is not None
    assert second.say == ("key_phone",)
    turns = [system("open"), said("a"), system("phone"), said("b"), system("phone"), said("c")]
    assert getattr(next_move(SCRIPT, state(*turns, found=found)), "step", "") == "end.complete"


def test_a_number_is_read_back_digit_by_digit() -> None:
    move = next_move(SCRIPT, state(system("open"), said("..."), found=ALL))
    assert move is not None
    assert move.say == ("read_back_phone", "{value}", "right")
    assert (move.value, move.endpointing) == ("13900001234", "yesno")


def test_yes_settles_the_number_and_no_asks_anew() -> None:
    turns = [system("open"), said("..."), system("read_back.phone", "您的联系电话是13900001234对吗？")]
    confirmed = state(*turns, said("对的"), found=ALL)
    assert confirmed.settled == {"phone"}
    refused = state(*turns, said("不对"), found=ALL)
    assert "phone" not in refused.values
    assert getattr(next_move(SCRIPT, refused), "step", "") == "phone"
    corrected = state(*turns, said("不对 是 138"), found={**ALL, "phone": "13800005678"})
    assert corrected.values["phone"] == "13800005678"
    assert getattr(next_move(SCRIPT, corrected), "value", "") == "13800005678"


def test_a_yes_that_was_hardly_heard_settles_nothing() -> None:
    back = system("read_back.phone", "您的联系电话是13900001234对吗？")
    turns = [system("open"), said("..."), back]
    assert state(*turns, said("对", words=[("对", 0.97)]), found=ALL).settled == {"phone"}
    hardly = state(*turns, said("对", words=[("对", CLEAR - 0.1)]), found=ALL)
    assert hardly.settled == set()
    assert getattr(next_move(SCRIPT, hardly), "step", "") == "read_back.phone"
    assert state(*turns, said("不对", words=[("不对", 0.3)]), found=ALL).rejected  # a no costs one question more


def test_a_number_that_nobody_can_have_is_asked_for_again_and_marked() -> None:
    turns, found = [system("open"), said("...")], {**ALL, "phone": "138000567"}
    there = fold(SCRIPT, turns, found, impossible={"phone"})
    assert getattr(next_move(SCRIPT, there), "step", "") == "phone"
    again = fold(SCRIPT, [*turns, *[system("phone"), said("...")] * 2], found, impossible={"phone"})
    assert getattr(next_move(SCRIPT, again), "step", "") == "end.complete"
    assert again.unsure == {"phone"}
    keyed = said("13900001234", "phone", keyed=True)
    assert fold(SCRIPT, [*turns, system("phone"), keyed], found, impossible={"phone"}).unsure == set()
    assert fold(SCRIPT, turns, found, {"phone": "+8613900001234"}, impossible={"phone"}).unsure == set()


def test_what_was_heard_badly_or_read_back_in_vain_is_marked_until_it_is_confirmed() -> None:
    turns, back = [system("open"), said("...")], system("read_back.phone", "13900001234")
    assert fold(SCRIPT, turns, ALL, doubtful={"address", "phone"}).unsure == {"address", "phone"}
    assert fold(SCRIPT, [*turns, back, said("对")], ALL, doubtful={"address", "phone"}).unsure == {"address"}
    assert fold(SCRIPT, [*turns, back, said("什么")], ALL).unsure == {"phone"}
    assert fold(SCRIPT, [*turns, back, said("不对")], ALL).unsure == {"phone"}
    assert fold(SCRIPT, [*turns, back, said("对")], ALL).unsure == set()


def test_how_clear_a_part_of_a_turn_was() -> None:
    turn = said("西安市雁塔区八号", words=[("西安", 1.0), ("市", 1.0), ("雁塔", 0.4), ("区", 1.0), ("八号", 0.95)])
    assert turn.is_clear(0, 3)
    assert not turn.is_clear(0, 4)
    assert not turn.is_clear(4, 6)
    assert turn.is_clear(5)
    assert not turn.is_clear()
    assert said("西安市").is_clear()
    assert said("电话一三九", words=[("电话", 1.0), ("一", 0.2), ("三九", 1.0)]).is_clear(3)


def test_an_address_is_read_back_where_there_is_a_voice_for_it() -> None:
    found = {"fault": "漏水", "device": "空调", "address": "科技路8号", "phone": "13900001234"}
    turns = [system("open"), said("...")]
    silent = next_move(SCRIPT, state(*turns, found=found))
    assert silent is not None
    assert silent.step == "read_back.phone"  # nobody can speak it: on with the number
    move = next_move(SCRIPT, state(*turns, found=found), speaks=True)
    assert move is not None
    assert (move.say, move.value) == (("read_back_address", "{value}", "right"), "科技路8号")
    turns += [system("read_back.address", "您的地址是「科技路8号」对吗？"), said("对")]
    agreed = state(*turns, found=found)
    assert agreed.settled == {"address"}
    turns[-1] = said("不对")
    denied = state(*turns, found=found)
    assert "address" not in denied.values
    again = next_move(SCRIPT, denied, speaks=True)
    assert again is not None
    assert again.step == "read_back.phone"


def test_a_number_is_not_read_back_for_ever() -> None:
    back = system("read_back.phone", "13900001234")
    move = next_move(SCRIPT, state(system("open"), said("."), back, said("什么"), back, said("什么"), found=ALL))
    assert getattr(move, "step", "") == "end.complete"


def test_keyed_digits_need_no_reading_back() -> None:
    found = {name: value for name, value in ALL.items() if name != "phone"}
    keyed = state(system("open"), said("."), system("phone"), said("13900001234", "phone", keyed=True), found=found)
    assert keyed.values["phone"] == "13900001234"
    assert getattr(next_move(SCRIPT, keyed), "step", "") == "end.complete"


@pytest.mark.parametrize("text", ["我家燃气泄漏了", "着 火 了", "有人被困在电梯里", "厨房煤气味好大"])
def test_danger_comes_before_everything(text: str) -> None:
    there = state(system("open"), said(text))
    move = next_move(SCRIPT, there)
    assert there.emergency
    assert move is not None
    assert (move.step, move.expects) == ("emergency", "address")
    after = next_move(SCRIPT, state(system("open"), said(text), system("emergency"), said("快来"), found={}))
    assert getattr(after, "step", "") == "address"  # only the place is asked for then
    done = state(system("open"), said(text), system("emergency"), said("在这"), found={"address": "丈八东路8号"})
    assert getattr(next_move(SCRIPT, done), "step", "") == "end.complete"


@pytest.mark.parametrize("text", ["没有漏气", "冰箱不制冷", "轮胎漏气", "热水器打不着火"])
def test_no_danger(text: str) -> None:
    assert not state(system("open"), said(text)).emergency


def test_a_person_is_promised_to_who_asks_for_one() -> None:
    move = next_move(SCRIPT, state(system("open"), said("给我转人工")))
    assert move is not None
    assert (move.step, move.ends) == ("end.hand_over", True)


def test_silence_is_asked_after_once_and_then_ended() -> None:
    first = next_move(SCRIPT, state(system("open")), silent=True)
    assert getattr(first, "step", "") == "still_there"
    second = next_move(SCRIPT, state(system("open"), system("still_there")), silent=True)
    assert second is not None
    assert (second.step, second.ends) == ("end.silent", True)
    later = state(system("open"), said("空调坏了"), system("address"), system("still_there"), found={"fault": "坏"})
    assert getattr(next_move(SCRIPT, later, silent=True), "step", "") == "device"


def test_after_good_bye_nothing_is_said() -> None:
    over = state(system("open"), said("."), system("end.complete"), said("还有"))
    assert over.outcome == "complete"
    assert next_move(SCRIPT, over) is None


def test_hours() -> None:
    content = yaml.safe_load((SHIPPED / "repair.yaml").read_text("utf-8"))
    script = read_script({**content, "hours": {"mon-fri": "08:30-18:00", "sat": "09:00-12:00"}})
    friday_ten = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
    assert script.is_open(friday_ten, "Asia/Shanghai")
    assert not script.is_open(friday_ten.replace(hour=10), "Asia/Shanghai")  # 18:00
    assert script.is_open(friday_ten.replace(day=21), "Asia/Shanghai")
    assert not script.is_open(friday_ten.replace(day=22), "Asia/Shanghai")
    assert SCRIPT.is_open(friday_ten.replace(day=22), "Asia/Shanghai")


@pytest.mark.parametrize(
    "change",
    [
        {"ask": [{"field": "telephone", "say": "x"}]},
        {"ask": [{"field": "phone", "say": "x", "endpointing": "slow"}]},
        {"ask": [{"field": "phone", "say": "x", "unknown": 1}]},
        {"silence": -1},
        {"hours": {"someday": "1-2"}},
        {"yes": [True]},
        {"greeting": None, "ask": None},
    ],
)
def test_a_wrong_script_is_refused(change: dict[str, object], tmp_path: Path) -> None:
    content = yaml.safe_load((SHIPPED / "repair.yaml").read_text("utf-8"))
    path = tmp_path / "own.yaml"
    path.write_text(yaml.safe_dump({**content, **change}), "utf-8")
    with pytest.raises(ConfigurationError, match=r"own\.yaml"):
        load_script(str(path))


def test_a_script_that_is_not_there() -> None:
    with pytest.raises(ConfigurationError):
        load_script("nothing")


def test_who_asks_for_a_person_is_put_through_where_one_is_there() -> None:
    for turn in (said("给我转人工"), said("0", keyed=True), said("000", keyed=True)):
        move = next_move(SCRIPT, state(system("open"), turn), people=True)
        assert move is not None
        assert (move.say, move.step, move.hands_over, move.ends) == (("put_through",), "hand_over", True, False)
    assert not state(system("open"), said("10", keyed=True)).wants_person


def test_after_two_questions_in_vain_a_person_helps() -> None:
    turns = [system("open"), said("啊"), system("fault"), said("啊"), system("device"), said("啊")]
    move = next_move(SCRIPT, state(*turns), people=True)
    assert move is not None
    assert move.hands_over
    assert getattr(next_move(SCRIPT, state(*turns)), "step", "") == "address"  # nobody is there: on with the questions
    assert getattr(next_move(SCRIPT, state(*turns, found={"fault": "不制冷"}), people=True), "step", "") == "address"


def test_an_emergency_ends_at_a_person() -> None:
    turns = [system("open"), said("着火了"), system("emergency"), said("在这")]
    move = next_move(SCRIPT, state(*turns), people=True)
    assert move is not None
    assert (move.say, move.hands_over) == (("emergency_through",), True)
    asked = state(*turns[:3])
    assert next_move(SCRIPT, asked, people=True) is None  # the place first
    assert getattr(next_move(SCRIPT, asked, silent=True, people=True), "step", "") == "hand_over"
    assert getattr(next_move(SCRIPT, state(*turns)), "step", "") == "address"


def test_what_is_understood_tells_what_was_heard_badly_and_what_cannot_be() -> None:
    address = said(
        "西安市雁塔区科技路八号", "address", words=[("西安市", 1.0), ("雁塔区", 0.5), ("科技路", 1.0), ("八号", 1.0)]
    )
    number = said("一三九零零零零一二三四", "phone", words=[(digit, 0.98) for digit in "一三九零零零零一二三四"])
    found = understood([address, number], KnownCaller(), ["address", "phone"])
    assert found.values["phone"] == "13900001234"
    assert (found.doubtful, found.impossible) == ({"address"}, set())
    short = said("一三九零零零零一二三", "phone", words=[(digit, 0.98) for digit in "一三九零零零零一二三"])
    assert understood([short], KnownCaller(), ["phone"]).impossible == {"phone"}
    for whole in ("八七六五四三二一", "八七六五四三二"):  # as neighbours say theirs
        local = understood([said(whole, "phone")], KnownCaller(), ["phone"])
        assert (len(local.values["phone"]), local.impossible) == (len(whole), set())
    assert understood([], KnownCaller(), ["phone"]).values == {}
