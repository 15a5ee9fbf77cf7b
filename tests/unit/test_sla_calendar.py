"""Business time: exact over breaks, holidays, make-up days, night shifts and the days when clocks change."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import ConfigurationError, InvalidInput
from sla import Calendar, NoBusinessTime, Shift, UnannouncedYear, read_calendars
from sla.holidays import HERE, public_holidays, read_pack
from sla.reading import span

SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")


def calendar(**entry: Any) -> Calendar:
    return read_calendars({"test": entry}, "Asia/Shanghai")["test"]


def at(text: str, zone: ZoneInfo = SHANGHAI) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=zone)


OFFICE = calendar(weekdays={"mon-fri": ["09:00-18:00"]}, breaks={"mon-fri": ["12:00-13:00"]}, observes="cn")
HOURS = timedelta(hours=1)


def test_a_make_up_saturday_is_worked() -> None:
    plain = calendar(weekdays={"mon-fri": ["09:00-18:00"]}, observes="cn")
    assert plain.add(at("2026-02-13T17:00"), 8 * HOURS) == at("2026-02-14T16:00")
    assert plain.add(at("2026-02-14T17:00"), 2 * HOURS) == at("2026-02-24T10:00")  # after the Spring Festival
    assert plain.measure(at("2026-02-13T00:00"), at("2026-02-25T00:00")) == 27 * HOURS


def test_breaks_are_no_business_time() -> None:
    assert OFFICE.add(at("2026-11-20T11:00"), 2 * HOURS) == at("2026-11-20T14:00")
    assert OFFICE.subtract(at("2026-11-20T14:00"), 2 * HOURS) == at("2026-11-20T11:00")
    assert not OFFICE.is_open(at("2026-11-20T12:00"))
    assert OFFICE.is_open(at("2026-11-20T13:00"))
    assert OFFICE.add(at("2026-11-20T10:00"), 2 * HOURS) == at(
        "2026-11-20T12:00"
    )  # the end of a shift, not the next start


def test_dated_shifts_and_own_holidays_come_before_the_week() -> None:
    own = calendar(
        weekdays={"mon-fri": ["09:00-18:00"]},
        dated={"2026-11-22": ["10:00-12:00"], "2026-10-01": ["08:00-09:00"]},
        dated_breaks={"2026-11-23": ["09:00-10:00"]},
        holidays=["2026-11-24"],
        working_days=["2026-11-28"],
        observes="cn",
    )
    assert own.add(at("2026-11-20T17:00"), 4 * HOURS) == at("2026-11-23T11:00")  # Sunday 2 h, Monday from 10
    assert own.measure(at("2026-11-24T00:00"), at("2026-11-25T00:00")) == timedelta()
    assert own.measure(at("2026-11-28T00:00"), at("2026-11-29T00:00")) == 9 * HOURS
    assert own.measure(at("2026-10-01T00:00"), at("2026-10-02T00:00")) == HOURS


def test_a_night_shift_belongs_to_the_day_it_begins() -> None:
    night = calendar(weekdays={"fri": ["22:00-06:00"]}, breaks={"fri": ["23:30-00:30", "02:00-03:00"]})
    friday, saturday = date(2026, 11, 20), date(2026, 11, 21)
    assert night.open_on(friday) == [(at("2026-11-20T22:00"), at("2026-11-20T23:30"))]
    assert [(a.astimezone(SHANGHAI).hour, b.astimezone(SHANGHAI).hour) for a, b in night.open_on(saturday)] == [(0, 6)]
    assert night.add(at("2026-11-20T23:00"), HOURS) == at("2026-11-21T01:00")


def test_days_when_clocks_change() -> None:
    always = calendar(weekdays={"mon-sun": ["00:00-24:00"]}, zone="Europe/Berlin")
    assert always.measure(at("2026-03-29T00:00", BERLIN), at("2026-03-30T00:00", BERLIN)) == 23 * HOURS
    assert always.measure(at("2026-10-25T00:00", BERLIN), at("2026-10-26T00:00", BERLIN)) == 25 * HOURS
    early = calendar(weekdays={"mon-sun": ["02:30-04:00"]}, zone="Europe/Berlin")
    spring = early.open_on(date(2026, 3, 29))  # 02:30 is skipped: it begins when the clock jumps to 03:00
    assert spring == [(datetime(2026, 3, 29, 1, 0, tzinfo=UTC), datetime(2026, 3, 29, 2, 0, tzinfo=UTC))]
    autumn = early.open_on(date(2026, 10, 25))  # 02:30 comes twice: the first one counts
    assert autumn == [(datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 3, 0, tzinfo=UTC))]
    gone = calendar(weekdays={"mon-sun": ["02:00-03:00"]}, zone="Europe/Berlin")
    assert gone.open_on(date(2026, 3, 29)) == []


def test_an_unannounced_year_is_never_guessed() -> None:
    with pytest.raises(UnannouncedYear) as caught:
        OFFICE.add(at("2026-12-31T17:00"), 2 * HOURS)
    assert caught.value.year == 2027
    with pytest.raises(UnannouncedYear):
        OFFICE.measure(at("2026-12-31T00:00"), at("2027-01-05T00:00"))
    assert OFFICE.as_tentative().add(at("2026-12-31T17:00"), 2 * HOURS) == at("2027-01-01T10:00")
    always = calendar(weekdays={"mon-sun": ["00:00-24:00"]})
    assert always.add(at("2026-12-31T17:00"), 24 * HOURS) == at("2027-01-01T17:00")


def test_a_calendar_without_hours_says_so() -> None:
    with pytest.raises(NoBusinessTime):
        calendar(weekdays={}).add(at("2026-11-20T10:00"), HOURS)
    with pytest.raises(NoBusinessTime):
        calendar(weekdays={}).subtract(at("2026-11-20T10:00"), HOURS)


@pytest.mark.parametrize(
    "entry",
    [
        {},
        {"weekdays": {"mon": "09:00-18:00"}},
        {"weekdays": {"mon": ["9-18"]}},
        {"weekdays": {"mon": ["25:00-26:00"]}},
        {"weekdays": {"mon": ["09:60-10:00"]}},
        {"weekdays": {"fri-mon": ["09:00-10:00"]}},
        {"weekdays": {"mon": []}, "zone": "Mars/Olympus"},
        {"weekdays": {"mon": []}, "zone": "../../etc/passwd"},
        {"weekdays": {"mon": []}, "observes": "atlantis"},
        {"weekdays": {"mon": []}, "dated": {"2026-02-30": []}},
        {"weekdays": {"mon": []}, "make_up": "someday"},
        {"weekdays": 7},
    ],
)
def test_what_cannot_be_read_is_named(entry: dict[str, Any]) -> None:
    with pytest.raises((InvalidInput, ConfigurationError)):
        calendar(**entry)


def test_spans_of_time() -> None:
    assert (span("90s"), span("15m"), span("1.5h")) == (
        timedelta(seconds=90),
        timedelta(minutes=15),
        timedelta(minutes=90),
    )
    for wrong in ("", "15", "0m", "-1h", "h", "1e9d", "9" * 50 + "s"):
        with pytest.raises(ValueError):
            span(wrong)


# -- year packs ---------------------------------------------------------------------------------------------------------


def test_the_shipped_years_are_whole_and_sourced() -> None:
    years = public_holidays("cn").years
    assert sorted(years) == list(range(2007, 2027))
    assert sum(len(p.off) + len(p.work) for p in years.values()) == 678
    assert all(source.split("/")[2] == "www.gov.cn" for p in years.values() for source in p.sources)
    # One worked day is no weekend day: the notice of 27 January 2020 names the Monday on which work begins again.
    assert {day for p in years.values() for day in p.work if day.weekday() < 5} == {date(2020, 2, 3)}


def test_some_days_everybody_remembers() -> None:
    cn = public_holidays("cn")
    assert [cn.kind(date(2026, 2, d)) for d in (13, 14, 15, 23, 24, 28)] == ["", "work", "off", "off", "", "work"]
    assert cn.name(date(2026, 10, 1)) == "国庆节"
    assert cn.kind(date(2020, 1, 31)) == "off"  # extended by a second notice because of the epidemic
    assert cn.kind(date(2018, 12, 29)) == "work"  # by the notice for 2019
    with pytest.raises(UnannouncedYear):
        cn.kind(date(2027, 1, 1))
    with pytest.raises(UnannouncedYear):
        cn.kind(date(2006, 1, 1))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "year: 2027",
        "year: 2027\nsources: []\ndays_off: {2027-01-01: x}\ndays_worked: {}",
        "year: 2027\nsources: [x]\ndays_off: {2029-01-01: x}\ndays_worked: {}",
        "year: 2027\nsources: [x]\ndays_off: {2027-01-01: x}\ndays_worked: {2027-01-01: x}",
        "year: 2027\nsources: [x]\ndays_off: {soon: x}\ndays_worked: {}",
        "[",
    ],
)
def test_a_broken_pack_is_named(text: str, tmp_path: Any) -> None:
    (tmp_path / "2027.yaml").write_text(text)
    with pytest.raises(ConfigurationError, match=r"2027\.yaml"):
        read_pack(tmp_path / "2027.yaml")
    assert (HERE / "LICENSE.holiday-cn.txt").exists()


# -- the algebra --------------------------------------------------------------------------------------------------------

MINUTES = st.integers(0, 24 * 60 - 1)


@st.composite
def shift_lists(draw: st.DrawFn) -> tuple[Shift, ...]:
    found = []
    for _ in range(draw(st.integers(0, 3))):
        start = draw(MINUTES)
        found.append(Shift(start, start + draw(st.integers(1, 24 * 60))))
    return tuple(sorted(found))


@st.composite
def calendars(draw: st.DrawFn) -> Calendar:
    weekdays = {day: draw(shift_lists()) for day in range(7)}
    weekdays[draw(st.integers(0, 4))] = (Shift(9 * 60, 18 * 60),)  # some business time for sure
    return Calendar(
        name="any",
        zone=draw(st.sampled_from([SHANGHAI, BERLIN, ZoneInfo("America/New_York"), ZoneInfo("Australia/Lord_Howe")])),
        weekdays=weekdays,
        breaks={day: draw(shift_lists()) for day in draw(st.sets(st.integers(0, 6), max_size=2))},
        dated={date(2026, 3, 29): draw(shift_lists()), date(2026, 10, 25): draw(shift_lists())},
        observes=public_holidays("cn") if draw(st.booleans()) else None,
    )


MOMENTS = st.integers(0, 294 * 86400).map(lambda s: datetime(2026, 1, 20, tzinfo=UTC) + timedelta(seconds=s))
SPANS = st.integers(1, 40 * 3600).map(lambda s: timedelta(seconds=s))


def usable(calendar: Calendar) -> bool:
    try:
        calendar.next_opening(datetime(2026, 1, 20, tzinfo=UTC))
    except (NoBusinessTime, UnannouncedYear):
        return False
    return True


def arithmetic(function: Any) -> Any:
    return settings(max_examples=60, deadline=None)(given(calendars(), MOMENTS, SPANS)(function))


@arithmetic
def test_adding_is_measured_exactly(calendar: Calendar, moment: datetime, length: timedelta) -> None:
    calendar = calendar.as_tentative()
    if usable(calendar):
        end = calendar.add(moment, length)
        assert calendar.measure(moment, end) == length
        assert calendar.measure(moment, end - timedelta(seconds=1)) < length  # it is the earliest such moment
        assert calendar.add(end, -length) >= moment


@arithmetic
def test_subtracting_is_measured_exactly(calendar: Calendar, moment: datetime, length: timedelta) -> None:
    calendar = calendar.as_tentative()
    if usable(calendar):
        start = calendar.subtract(moment, length)
        assert calendar.measure(start, moment) == length
        assert calendar.measure(start + timedelta(seconds=1), moment) < length  # it is the latest such moment


@settings(max_examples=60, deadline=None)
@given(calendars(), MOMENTS, SPANS, SPANS)
def test_additions_compose_and_measures_add_up(
    calendar: Calendar, moment: datetime, first: timedelta, second: timedelta
) -> None:
    calendar = calendar.as_tentative()
    if usable(calendar):
        assert calendar.add(calendar.add(moment, first), second) == calendar.add(moment, first + second)
    middle, end = moment + first, moment + first + second
    assert calendar.measure(moment, middle) + calendar.measure(middle, end) == calendar.measure(moment, end)
    assert calendar.measure(end, moment) == -calendar.measure(moment, end)


@settings(max_examples=25, deadline=None)
@given(calendars(), MOMENTS.map(lambda m: m.replace(second=0)), st.integers(1, 2 * 24 * 60))
def test_measuring_agrees_with_counting_minutes(calendar: Calendar, moment: datetime, minutes: int) -> None:
    calendar = calendar.as_tentative()
    counted = sum(calendar.is_open(moment + timedelta(minutes=n)) for n in range(minutes))
    assert calendar.measure(moment, moment + timedelta(minutes=minutes)) == timedelta(minutes=counted)
