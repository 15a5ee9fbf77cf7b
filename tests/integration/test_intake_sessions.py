"""Sessions whose process is gone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from core import db
from core.db import Database
from intake import Message, Sender, SessionRow, TurnRow, end_orphans, on_end, open_session
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
