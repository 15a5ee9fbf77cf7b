"""From a ticket's story to the stretches of its clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from sla.history import DROPS, ENDS, STARTS, TAKES_UP, UPDATES, Happening, Run, runs
from sla.policy import CLOCKS

START = datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
PAUSE = {name: frozenset({"waiting"}) if name != "first_response" else frozenset() for name in CLOCKS}


def story(*events: tuple[int, str] | tuple[int, str, str]) -> list[Happening]:
    """(minute, kind, state after it)."""
    made = []
    for number, event in enumerate(events, 1):
        details: dict[str, Any] = {"to": event[2]} if len(event) > 2 else {}
        made.append(Happening(id=number, kind=event[1], at=START + timedelta(minutes=event[0]), details=details))
    return made


def told(run: Run) -> tuple[str, int, list[tuple[int, int | None]], str]:
    def minute(moment: datetime | None) -> int | None:
        return None if moment is None else int((moment - START).total_seconds() // 60)

    return run.name, run.round, [(minute(s.start) or 0, minute(s.end)) for s in run.stretches], run.outcome


def test_a_plain_story() -> None:
    found = runs(
        story(
            (0, "ticket.drafted"),
            (5, "ticket.confirmed", "open"),
            (60, "ticket.checked_in", "on_site"),
            (90, "ticket.completed", "completed"),
        ),
        PAUSE,
    )
    assert [told(r) for r in found] == [
        ("first_response", 1, [(0, 5)], "done"),
        ("arrival", 1, [(5, 60)], "done"),
        ("solution", 1, [(5, 90)], "done"),
        ("next_update", 1, [(5, 60)], "done"),
        ("next_update", 2, [(60, 90)], "done"),
    ]


def test_waiting_stands_and_a_reopened_ticket_begins_again() -> None:
    found = runs(
        story(
            (0, "ticket.confirmed", "open"),
            (10, "ticket.waiting", "waiting"),
            (40, "ticket.resumed", "open"),
            (50, "ticket.completed", "completed"),
            (99, "ticket.reopened", "open"),
        ),
        PAUSE,
    )
    arrival = [told(r) for r in found if r.name == "arrival"]
    assert arrival == [("arrival", 1, [(0, 10), (40, 50)], "done"), ("arrival", 2, [(99, None)], "")]
    assert "暂停计时：等待客户" in [text["zh"] for _, _, text in found[0].because]


def test_what_is_dropped_is_taken_up_again() -> None:
    found = runs(story((0, "ticket.drafted"), (5, "ticket.merged"), (9, "ticket.unmerged", "draft")), PAUSE)
    assert [told(r) for r in found] == [("first_response", 1, [(0, 5), (9, None)], "")]


KINDS = sorted({*STARTS, *ENDS, *UPDATES, *DROPS, *TAKES_UP, "ticket.resumed", "ticket.unconfirmed", "ticket.chased"})


@settings(max_examples=150, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 500), st.sampled_from(KINDS), st.sampled_from(["open", "waiting", "draft", "on_site"])
        ),
        max_size=25,
    ),
    st.randoms(),
)
def test_any_story_is_read_the_same_however_it_is_told(events: list[tuple[int, str, str]], shuffle: Any) -> None:
    happenings = story(*sorted(events, key=lambda e: e[0]))
    found = runs(happenings, PAUSE)
    shuffled = list(happenings)
    shuffle.shuffle(shuffled)
    assert [told(r) for r in runs(shuffled, PAUSE)] == [told(r) for r in found]
    for run in found:
        ends = [s.end for s in run.stretches]
        assert None not in ends[:-1]  # only the last stretch may go on
        assert all(s.end is None or s.start <= s.end for s in run.stretches)
        assert all(
            a.end is not None and a.end <= b.start for a, b in zip(run.stretches, run.stretches[1:], strict=False)
        )
        assert (run.outcome == "") or ends[-1] is not None
    for name in CLOCKS:
        assert sum(1 for r in found if r.name == name and not r.outcome) <= 1
