"""Streams share the decoding threads fairly, whatever one of them costs or sends."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from asr import Final, Listening, Partial
from asr.scheduling import CREDIT, LEAD, Heard, Scheduler, Stream
from core.errors import Unavailable
from tests.support.spelling import FAIL, SLOW, SpellingEngine, spell


class Listener:
    """One stream and what was heard of it."""

    def __init__(
        self, scheduler: Scheduler, listening: Listening | None = None, order: list[Listener] | None = None
    ) -> None:
        self.heard: queue.Queue[Heard] = queue.Queue()
        self.order = order
        self.threads: set[str] = set()
        self.stream: Stream = scheduler.open(listening or Listening(), self._hear)

    def _hear(self, heard: Heard) -> None:
        self.threads.add(threading.current_thread().name)
        if self.order is not None:
            self.order.append(self)
        self.heard.put(heard)

    def until(self, mark: str) -> list[Partial | Final]:
        results: list[Partial | Final] = []
        while True:
            heard = self.heard.get(timeout=10)
            results += heard.results
            if heard.error is not None:
                raise heard.error
            if heard.mark == mark:
                return results


@pytest.fixture
def engine() -> SpellingEngine:
    return SpellingEngine()


@pytest.fixture
def scheduler(engine: SpellingEngine) -> Iterator[Scheduler]:
    made = Scheduler(engine, threads=1)
    yield made
    engine.gate.set()
    made.stop()


def test_finals_come_in_order_and_finish_brings_the_rest(scheduler: Scheduler) -> None:
    listener = Listener(scheduler)
    listener.stream.feed(spell(1, 2, 0, 0, 0, 3))
    listener.stream.mark("eof", finish=True)
    finals = [result.text for result in listener.until("eof") if isinstance(result, Final)]
    assert finals == ["w1 w2", "w3"]


def test_endpointing_changes_where_it_was_asked_for(scheduler: Scheduler) -> None:
    listener = Listener(scheduler)
    listener.stream.feed(spell(1, 0, 0, 0))
    listener.stream.expect("digits")
    listener.stream.feed(spell(2, 0, 0, 0, 0, 3))
    listener.stream.mark("eof", finish=True)
    assert [one.text for one in listener.until("eof") if isinstance(one, Final)] == ["w1", "w2 w3"]


def test_who_sends_an_hour_at_once_does_not_hold_up_a_live_call(scheduler: Scheduler, engine: SpellingEngine) -> None:
    engine.cost = 0.002
    greedy, live = Listener(scheduler), Listener(scheduler)
    greedy.stream.feed(spell(*[1] * 2000))
    greedy.stream.mark("eof", finish=True)
    for word in range(1, 6):
        live.stream.feed(spell(word))
        live.stream.mark("piece")
        live.until("piece")
    assert greedy.stream.backlog_ms > 150_000


def test_a_stream_that_costs_twenty_times_as_much_gets_its_share_and_no_more(
    scheduler: Scheduler, engine: SpellingEngine
) -> None:
    engine.costs = {"cheap": 0.001, "dear": 0.02}
    cheap, dear = Listener(scheduler, Listening(leg="cheap")), Listener(scheduler, Listening(leg="dear"))
    for _ in range(200):
        cheap.stream.feed(spell(1, 1))
        dear.stream.feed(spell(1, 1))
    cheap.stream.mark("done")
    cheap.until("done")
    # Equal decoding time means about twenty quanta of the cheap one for one of the dear one.
    assert dear.stream.backlog_ms > 30_000


@contextmanager
def busy(scheduler: Scheduler, engine: SpellingEngine) -> Iterator[None]:
    """The only thread is held up meanwhile."""
    deadline, held = time.monotonic() + 10, len(engine.opened) + 1
    Listener(scheduler).stream.feed(spell(SLOW))
    while len(engine.opened) < held and time.monotonic() < deadline:
        time.sleep(0.001)
    yield
    engine.gate.set()


def used(scheduler: Scheduler, engine: SpellingEngine, seconds: float, order: list[Listener]) -> Listener:
    """A live stream that has used so much decoding time."""
    engine.costs["used"] = seconds
    made = Listener(scheduler, Listening(leg="used"), order)
    made.stream.feed(spell(1))
    made.stream.mark("used")
    made.until("used")
    engine.costs["used"] = 0.0
    order.clear()
    return made


def test_who_waits_longest_goes_first_also_when_he_has_said_more(scheduler: Scheduler, engine: SpellingEngine) -> None:
    order: list[Listener] = []
    talkative, quiet = used(scheduler, engine, LEAD / 3, order), Listener(scheduler, order=order)
    with busy(scheduler, engine):
        talkative.stream.feed(spell(1))
        quiet.stream.feed(spell(1))
    quiet.stream.mark("done")
    quiet.until("done")
    assert order[:2] == [talkative, quiet]


def test_who_has_used_much_more_comes_after_the_others(scheduler: Scheduler, engine: SpellingEngine) -> None:
    order: list[Listener] = []
    quiet = Listener(scheduler, order=order)
    dear = used(scheduler, engine, LEAD + CREDIT / 2, order)
    with busy(scheduler, engine):
        dear.stream.feed(spell(1))
        quiet.stream.feed(spell(1))
    dear.stream.mark("done")
    dear.until("done")
    assert order[:2] == [quiet, dear]


def test_a_live_call_goes_before_a_file_that_waits_longer(scheduler: Scheduler, engine: SpellingEngine) -> None:
    order: list[Listener] = []
    live, file = Listener(scheduler, order=order), Listener(scheduler, order=order)
    with busy(scheduler, engine):
        file.stream.feed(spell(*[1] * 300))
        live.stream.feed(spell(1))
    live.stream.mark("done")
    live.until("done")
    assert order[0] is live


def test_live_calls_that_take_everything_leave_a_file_its_share(scheduler: Scheduler, engine: SpellingEngine) -> None:
    engine.cost = 0.002
    file, live = Listener(scheduler), [Listener(scheduler) for _ in range(3)]
    file.stream.feed(spell(*[1] * 2000))
    for _ in range(10):
        # A live call's audio is at most two seconds ahead of the clock; here each always has more to decode.
        for listener in live:
            listener.stream.opened_at -= 10
            listener.stream.feed(spell(*[1] * 100))
    began, before = time.monotonic(), file.stream.backlog_ms
    while time.monotonic() < began + 4 * LEAD and all(listener.stream.backlog_ms for listener in live):
        time.sleep(0.01)
    assert all(listener.stream.backlog_ms for listener in live)
    assert before - file.stream.backlog_ms > 2_000


def test_a_broken_recogniser_ends_its_own_stream_only(scheduler: Scheduler) -> None:
    broken, sound = Listener(scheduler), Listener(scheduler)
    broken.stream.feed(spell(1, FAIL))
    with pytest.raises(Unavailable, match="RuntimeError"):
        broken.until("never")
    sound.stream.feed(spell(1))
    sound.stream.mark("eof", finish=True)
    assert [one.text for one in sound.until("eof") if isinstance(one, Final)] == ["w1"]


def test_closing_frees_the_recogniser_also_in_the_middle_of_decoding(
    scheduler: Scheduler, engine: SpellingEngine
) -> None:
    listener, other = Listener(scheduler), Listener(scheduler)
    listener.stream.feed(spell(1, 1, SLOW))
    deadline = time.monotonic() + 10
    while not engine.opened and time.monotonic() < deadline:
        time.sleep(0.001)
    listener.stream.close()
    engine.gate.set()
    other.stream.mark("next", finish=True)
    other.until("next")
    assert engine.opened[0].closed
    listener.stream.feed(spell(1))
    assert listener.stream.backlog_ms == 0


def test_lag_is_the_age_of_a_live_streams_audio_not_of_a_file(scheduler: Scheduler, engine: SpellingEngine) -> None:
    file = Listener(scheduler)
    file.stream.feed(spell(SLOW, *[1] * 100))
    deadline = time.monotonic() + 10
    while not engine.opened and time.monotonic() < deadline:
        time.sleep(0.001)
    assert scheduler.lag_seconds() < 0.01
    live = Listener(scheduler)
    live.stream.feed(spell(1))
    deadline = time.monotonic() + 5
    while scheduler.lag_seconds() < 0.05 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert scheduler.lag_seconds() >= 0.05
    engine.gate.set()
    live.stream.mark("done")
    live.until("done")
    assert scheduler.lag_seconds() == 0


def test_stopping_tells_the_streams_that_are_open(engine: SpellingEngine) -> None:
    scheduler = Scheduler(engine, threads=2)
    listener = Listener(scheduler)
    scheduler.stop()
    with pytest.raises(Unavailable, match="shutting down"):
        listener.until("never")
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("decode-")]
