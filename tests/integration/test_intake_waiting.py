"""The queue: who gets the next agent, where each stands; on both databases."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from core import db
from core.clock import TurnableClock
from core.db import Database
from core.errors import Conflict, NotFound, Unavailable
from intake import (
    HeardTurn,
    Message,
    Sender,
    SessionRow,
    append_turn,
    end_orphans,
    end_session,
    on_end,
    open_session,
    waiting,
)
from intake.asking import answer_questions, ask
from tests.integration.test_ticketing_phones_api import telephone
from tests.support.redis_server import embedded_redis
from ticketing import Phone, User, phones


def caller(number: int) -> str:
    return open_session("sip", f"call-{number}", Sender(kind="phone", value=f"+86139000000{number:02d}"), owner="test")


def ended(session: object, row: SessionRow, turns: object) -> Message:
    return Message(
        channel="sip", channel_id=row.id, sender=Sender(**row.sender), text="", sent_at=row.opened, style="call"
    )


def test_the_order_is_priority_then_time(any_database: Database, turnable: TurnableClock) -> None:
    wang = telephone("wang", "8001")
    first, second, emergency = caller(1), caller(2), caller(3)
    for call, priority in ((first, waiting.USUAL), (second, waiting.USUAL), (emergency, waiting.EMERGENCY)):
        waiting.wait(call, priority)
        turnable.turn(by=timedelta(seconds=1))
    assert [waiting.place_of(call).ahead for call in (emergency, first, second)] == [0, 1, 2]
    assert waiting.place_of(first).agents == 1
    assert waiting.next_agent(first) is None  # not before his turn, although somebody is free
    agent = waiting.next_agent(emergency)
    assert agent is not None
    assert (agent.user_id, agent.address) == (wang, "8001")
    assert waiting.next_agent(first) is None  # it is his turn, but nobody is free
    with pytest.raises(Conflict):
        waiting.take_agent(second, wang)
    waiting.let_go(emergency, wang, timedelta(seconds=10))
    assert waiting.next_agent(first) is None  # she rests
    turnable.turn(by=timedelta(seconds=10))
    assert waiting.next_agent(second) is None
    assert waiting.next_agent(first) is not None
    waiting.leave(first)  # he hung up while it rang
    assert waiting.next_agent(second) is not None
    with pytest.raises(NotFound):
        waiting.place_of(second)


def test_who_could_not_be_put_through_keeps_his_place(database: Database, turnable: TurnableClock) -> None:
    telephone("wang", "8001")
    first, second = caller(1), caller(2)
    since = waiting.wait(first, waiting.USUAL)
    turnable.turn(by=timedelta(seconds=5))
    waiting.wait(second, waiting.USUAL)
    assert waiting.next_agent(first) is not None
    waiting.wait(first, waiting.USUAL, since)
    assert (waiting.place_of(first).ahead, waiting.place_of(second).ahead) == (0, 1)
    assert waiting.waiting_now() == 2


def test_a_caller_whose_process_died_holds_nobody_up(any_database: Database, turnable: TurnableClock) -> None:
    on_end("sip", ended)  # type: ignore[arg-type]  # the rows are looked at as they come
    telephone("wang", "8001")
    dead, alive = caller(1), caller(2)
    append_turn(dead, HeardTurn(speaker="customer", text="转人工"))
    waiting.wait(dead, waiting.USUAL)
    assert waiting.next_agent(dead) is not None
    waiting.wait(dead, waiting.USUAL)
    turnable.turn(by=timedelta(seconds=30))
    waiting.wait(alive, waiting.USUAL)
    from intake import sign_of_life

    sign_of_life([alive])
    assert end_orphans(timedelta(seconds=15)) == 1
    agent = waiting.next_agent(alive)
    assert agent is not None  # the dead call's agent is free again
    assert waiting.waiting_now() == 0


def test_no_telephone_is_taken_for_a_call_that_is_over_or_for_a_user_who_is_gone(any_database: Database) -> None:
    on_end("sip", ended)  # type: ignore[arg-type]  # the rows are looked at as they come
    wang, li = telephone("wang", "8001"), telephone("li", "8002")
    over, alive = caller(1), caller(2)
    waiting.wait(over, waiting.USUAL)
    end_session(over, "completed")
    with pytest.raises(Conflict, match="ended"):
        waiting.take_agent(over, wang)
    assert waiting.next_agent(over) is None
    assert waiting.take_free_agent(over) is None
    with db.write() as session:
        session.get_one(User, li).active = False
        assert phones.take(session, wang, over)  # as an older version did
    with pytest.raises(Conflict, match="active"):
        waiting.take_agent(alive, li)
    assert end_orphans(timedelta(hours=1)) == 0
    with db.read() as session:
        assert session.get_one(Phone, wang).call is None
    assert waiting.take_agent(alive, wang).user_id == wang
    end_orphans(timedelta(hours=1))
    with db.read() as session:
        assert session.get_one(Phone, wang).call == alive  # this one goes on


async def test_a_question_that_takes_its_time_holds_up_no_other(database: Database) -> None:
    slow, quick = asyncio.Event(), asyncio.Event()

    async def handler(session: str, what: str, given: dict[str, object]) -> dict[str, object]:
        if what == "transfer":
            slow.set()
            await quick.wait()
        else:
            quick.set()
        return {"done": what}

    with embedded_redis():
        answering = asyncio.create_task(answer_questions(handler))
        try:
            for _ in range(100):
                first = asyncio.create_task(asyncio.to_thread(ask, "mine", "transfer"))
                await asyncio.wait({first, asyncio.create_task(slow.wait())}, return_when=asyncio.FIRST_COMPLETED)
                if slow.is_set():
                    break
                with pytest.raises(Unavailable):  # it does not listen yet
                    await first
                await asyncio.sleep(0.05)
            assert await asyncio.to_thread(ask, "mine", "hang_up") == {"done": "hang_up"}
            assert await first == {"done": "transfer"}
        finally:
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)


async def test_what_is_asked_of_a_call_is_answered_by_its_process(database: Database) -> None:
    async def handler(session: str, what: str, given: dict[str, object]) -> dict[str, object] | None:
        if session != "mine":
            return None
        if what == "refuse":
            raise Conflict("Not now.")
        return {"done": what, **given}

    with embedded_redis():
        with pytest.raises(Unavailable):  # nobody is there
            await asyncio.to_thread(ask, "mine", "hold")
        answering = asyncio.create_task(answer_questions(handler))
        try:
            for _ in range(100):
                try:
                    assert await asyncio.to_thread(ask, "mine", "hold", on=True) == {"done": "hold", "on": True}
                    break
                except Unavailable:
                    await asyncio.sleep(0.05)
            else:
                raise AssertionError("it does not answer")
            with pytest.raises(Conflict, match="Not now"):
                await asyncio.to_thread(ask, "mine", "refuse")
            with pytest.raises(Unavailable):
                await asyncio.to_thread(ask, "another's", "hold", patience=0.3)
        finally:
            answering.cancel()
            await asyncio.gather(answering, return_exceptions=True)
