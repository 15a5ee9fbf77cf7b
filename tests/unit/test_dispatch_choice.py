"""Who is chosen and why: each strategy alone, and all together."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dispatch.choice import best, rank
from dispatch.job import Contender, Job
from dispatch.places import Place, division, metres, place_from, to_gcj02, to_wgs84
from dispatch.strategies import distance, load, promise, refusals, region, skills, wanted_time
from sla import read_calendars

NOW = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)  # Friday 10:00 in Shanghai
HEFEI = Place(code="340104", latitude=31.851, longitude=117.261)
OFFICE = read_calendars({"x": {"weekdays": {"mon-fri": ["09:00-18:00"]}}}, "Asia/Shanghai")["x"]


def job(**options: Any) -> Job:
    return Job(**{"ticket_id": 1, "now": NOW, "place": HEFEI, "skills": frozenset({"air_conditioner"}), **options})


def contender(**options: Any) -> Contender:
    given_ = {
        "id": 1,
        "name": "周",
        "skills": frozenset({"air_conditioner"}),
        "home": Place(latitude=31.86, longitude=117.27),
    }
    return Contender(**{**given_, **options})


def verdict(strategy: Any, job_: Job, contender_: Contender) -> tuple[bool, float, str]:
    found = strategy.weigh(job_, contender_)
    return (found.excluded, round(found.points, 1), found.text["zh"]) if found else (False, 0.0, "")


def test_skills_and_certificates() -> None:
    assert verdict(skills, job(), contender()) == (False, 20.0, "技能匹配：air_conditioner")
    assert verdict(skills, job(), contender(skills=frozenset({"lift"})))[0]
    assert verdict(skills, job(), contender(skills=frozenset({"*"}))) == (False, 12.0, "通用技能")
    assert not verdict(skills, job(skills=frozenset()), contender(skills=frozenset({"lift"})))[0]
    needs = job(certificates=frozenset({"gas"}))
    assert verdict(skills, needs, contender()) == (True, 0.0, "缺少证书：gas")
    assert not verdict(skills, needs, contender(certificates=frozenset({"gas"})))[0]


def test_region() -> None:
    assert verdict(region, job(), contender(regions=("1101", "3401")))[1] == 10.0
    assert verdict(region, job(), contender(regions=("34", "340104")))[1] == 15.0
    assert verdict(region, job(), contender(regions=("1101",))) == (True, 0.0, "不在负责区域内")
    assert verdict(region, job(place=Place(code="3401")), contender(regions=("340104",))) == (
        False,
        4.0,
        "地址只到市级，工程师在该市",
    )
    assert not verdict(region, job(place=Place()), contender(regions=("1101",)))[0]


def test_distance() -> None:
    assert verdict(distance, job(), contender())[2] == "距离 1.3 公里"
    assert verdict(distance, job(), contender(home=Place(latitude=39.9, longitude=116.4)))[0]
    assert verdict(distance, job(place=Place(code="34")), contender())[2] == "距离未知"
    assert verdict(distance, job(priority=1), contender())[1] == pytest.approx(
        2 * verdict(distance, job(), contender())[1], abs=0.2
    )


def test_load() -> None:
    assert verdict(load, job(), contender(load=3))[1] == 10.0
    assert verdict(load, job(), contender(load=6)) == (True, 0.0, "今日 6/6 单，已满")
    assert verdict(load, job(priority=1), contender(load=6)) == (False, -10.0, "今日 6/6 单，紧急工单优先")


def test_wanted_time_shifts_and_leave() -> None:
    sunday = (NOW + timedelta(days=2), NOW + timedelta(days=2, hours=2))
    assert verdict(wanted_time, job(), contender(hours=OFFICE)) == (False, 10.0, "现在在岗")
    assert verdict(wanted_time, job(wanted=sunday), contender(hours=OFFICE)) == (True, 0.0, "客户希望的时间不在岗")
    assert verdict(wanted_time, job(wanted=(NOW, NOW + timedelta(hours=2))), contender(hours=OFFICE))[1] == 10.0
    away = [(NOW - timedelta(days=1), NOW + timedelta(days=5), "年假")]
    assert verdict(wanted_time, job(), contender(leaves=away)) == (True, 0.0, "请假：年假")
    half = [(NOW - timedelta(days=1), NOW + timedelta(hours=1), "看病")]
    assert not verdict(wanted_time, job(), contender(leaves=half))[0]
    night = job(now=NOW + timedelta(hours=12), priority=1)
    assert verdict(wanted_time, night, contender(hours=OFFICE)) == (False, -15.0, "现在不在岗")
    empty = read_calendars({"x": {"weekdays": {}}}, "Asia/Shanghai")["x"]
    assert verdict(wanted_time, job(), contender(hours=empty)) == (True, 0.0, "没有排班")


def test_the_promised_arrival_counts() -> None:
    assert verdict(promise, job(arrive_by=NOW + timedelta(hours=3)), contender())[1] == 10.0
    assert verdict(promise, job(arrive_by=NOW + timedelta(minutes=20)), contender())[1] == 5.0
    assert verdict(promise, job(arrive_by=NOW), contender())[1] == -10.0
    assert verdict(promise, job(), contender()) == (False, 0.0, "")


def test_who_refused_is_not_asked_again() -> None:
    assert verdict(refusals, job(turned_down=frozenset({1})), contender())[0]


def test_the_best_comes_first_and_the_excluded_last_with_every_reason() -> None:
    near, far = contender(), contender(id=2, home=Place(latitude=31.9, longitude=117.6))
    wrong = contender(id=3, skills=frozenset({"lift"}), regions=("11",))
    ranked = rank(job(), [wrong, far, near])
    assert [r.contender.id for r in ranked] == [1, 2, 3]
    assert [text["zh"] for text in ranked[2].excluded] == ["没有所需技能：air_conditioner", "不在负责区域内"]
    assert best(ranked) is ranked[0]
    assert best(ranked[2:]) is None
    assert best([]) is None
    twins = rank(job(), [contender(id=9, load=1, capacity=6), contender(id=4, load=1), contender(id=5, load=1)])
    assert [r.contender.id for r in twins] == [4, 5, 9]


# -- places -------------------------------------------------------------------------------------------------------------


def test_distances_that_are_known() -> None:
    # One degree of the meridian on the mean sphere is 111.195 km; Beijing to Shanghai is about 1,067 km.
    assert metres(31.0, 117.0, 32.0, 117.0) == pytest.approx(111_195, abs=1)
    assert metres(39.9042, 116.4074, 31.2304, 121.4737) == pytest.approx(1_067_000, rel=0.003)
    assert metres(0, 179.9, 0, -179.9) == pytest.approx(22_239, abs=1)


@given(st.floats(20, 50), st.floats(80, 130))
def test_the_chinese_datum_is_undone_to_a_millimetre(latitude: float, longitude: float) -> None:
    drawn = to_gcj02(latitude, longitude)
    assert 10 < metres(latitude, longitude, *drawn) < 1500
    assert metres(latitude, longitude, *to_wgs84(*drawn, datum="GCJ-02")) < 0.001


@pytest.mark.parametrize(
    ("code", "says"),
    [
        ("340100", "3401"),
        ("340000", "34"),
        ("340104", "340104"),
        ("340104000000", "340104"),
        ("340104003", "340104003"),
        ("34", "34"),
        ("", ""),
        ("500000", "50"),
    ],
)
def test_a_division_is_its_code_without_empty_levels(code: str, says: str) -> None:
    assert division(code) == says
    assert place_from({"code": code}).code == says


def test_places_from_what_others_wrote() -> None:
    assert place_from({"code": "340104", "latitude": "31.8", "longitude": 117.2}).located
    abroad = place_from({"latitude": 48.8, "longitude": 2.3, "datum": "gcj02"})
    assert (abroad.latitude, abroad.longitude) == (48.8, 2.3)
    for wrong in (
        {},
        {"latitude": 31.8},
        {"latitude": "x", "longitude": 1},
        {"latitude": 91, "longitude": 1},
        {"latitude": float("nan"), "longitude": 1},
    ):
        assert not place_from(wrong).located
