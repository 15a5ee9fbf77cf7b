"""Sessions whose process is gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import db
from core.db import Database
from intake import Message, MessageRow, Sender, SessionRow, TurnRow, end_orphans, on_end, open_session
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
