"""Sessions: several speak and tell at once; those whose process is gone."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import db
from core.db import Database
from intake import (
    HeardTurn,
    Message,
    MessageRow,
    Sender,
    SessionRow,
    TurnRow,
    append_turn,
    end_orphans,
    on_end,
    open_session,
    stage,
)
from tests.support.messages import message

CHANNEL = "orphans"


def test_one_session_that_cannot_be_ended_does_not_hold_up_the_others(database: Database) -> None:
    first: list[str] = []

    def ending(session: Session, row: SessionRow, turns: Sequence[TurnRow]) -> Message:
        if not first or row.id in first:
            first.append(row.id)
            raise ValueError("facts that nobody thought of")
        return message("喂", channel=CHANNEL, channel_id=row.id)

    on_end(CHANNEL, ending)
    sender = Sender(kind="phone", value="+8613911112222")
    opened = [open_session(CHANNEL, name, sender, owner="gone") for name in ("a", "b", "c")]
    assert end_orphans(timedelta(0)) == 2
    assert end_orphans(timedelta(0)) == 0
    assert first == first[:1] * 2  # it is tried again
    with db.read() as session:
        states = {row.id: row.state for row in session.scalars(select(SessionRow))}
    assert states == {one: "open" if one in first else "ended" for one in opened}


def test_what_a_dead_process_left_is_gathered_while_others_may_write(database: Database) -> None:
    def salvage(session_id: str) -> dict[str, Any]:
        with db.write() as session:  # encoding an hour's sound must not hold the write lock
            session.get_one(SessionRow, session_id).owner = "looked at"
        return {"recording": "f" * 64}

    def ending(session: Session, row: SessionRow, turns: Sequence[TurnRow]) -> Message:
        assert row.owner == "looked at"
        return message("喂", channel="salvaged", channel_id=row.id, recording=row.facts["recording"])

    on_end("salvaged", ending, salvage)
    open_session("salvaged", "a", Sender(kind="phone", value="+8613911112222"), owner="gone")
    assert end_orphans(timedelta(0)) == 1
    with db.read() as session:
        assert session.scalars(select(MessageRow)).one().content["recording"] == "f" * 64


def test_caller_and_agent_speak_at_the_same_moment(any_database: Database) -> None:
    session_id = open_session("sip", "a", Sender(kind="phone", value="+8613911112222"), owner="test")
    together = threading.Barrier(4, timeout=20)

    def speaks(speaker: str) -> list[int]:
        numbers = []
        for at in range(12):
            together.wait()
            numbers.append(append_turn(session_id, HeardTurn(speaker=speaker, text=str(at))))
        return numbers

    def tells(name: str) -> list[int]:
        for at in range(12):
            together.wait()
            stage(session_id, **{name: at, f"{name}{at}": True})
        return []

    with ThreadPoolExecutor(4) as threads:
        done = [threads.submit(speaks, name) for name in ("customer", "agent")]
        told = [threads.submit(tells, name) for name in ("held", "listeners")]
        numbers = [number for future in (*done, *told) for number in future.result(60)]
    assert sorted(numbers) == list(range(1, 25))
    with db.read() as session:
        people = session.get_one(SessionRow, session_id).facts["people"]
    assert (people["held"], people["listeners"]) == (11, 11)
    assert len(people) == 26  # what one told has taken nothing of the other's away
