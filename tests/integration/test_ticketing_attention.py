"""Messages that join a ticket under way: unread until opened, wishes flagged until answered, on both databases."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import select

from core import clock, db
from core.db import Database
from dispatch import promises as dispatching
from tests.support.desk import desk, draft, person
from ticketing import Customer, Event, NewEvent, Notice, Ticket, move
from ticketing.drafts import NewEntry, add_message


def under_way(engineer: int | None = None) -> int:
    """A ticket that is confirmed, and assigned if an engineer is named."""
    with db.write() as session:
        someone = Customer(name="周敏", created=clock.now())
        session.add(someone)
        session.flush()
        customer = someone.id
    ticket_id = draft(customer=customer)
    with db.write() as session:
        ticket = session.get_one(Ticket, ticket_id)
        move(session, ticket, "confirm", "user:1")
        if engineer is not None:
            move(session, ticket, "assign", "user:1", assignee=engineer)
    return ticket_id


def write(ticket_id: int, text: str, *intents: str) -> None:
    with db.write() as session:
        entry = NewEntry(message_id=uuid.uuid4().hex, channel="wechat", text=text, at=clock.now())
        wanted = [{"name": name, "probability": 0.9} for name in intents]
        add_message(session, session.get_one(Ticket, ticket_id), entry, intents=wanted)


async def listed(who: Any, attention: str) -> list[int]:
    return [row["id"] for row in (await who.get("/tickets", attention=attention))[1]["items"]]


async def test_a_message_is_unread_until_somebody_opens_the_ticket(any_database: Database) -> None:
    person("wang", "agent")
    person("gong", "engineer")
    waiting, quiet = under_way(), under_way()
    async with desk("wang") as wang, desk("gong") as gong:
        before = (await wang.get(f"/tickets/{waiting}"))[1]
        assert (before["unread"], await listed(wang, "any")) == (False, [])
        write(waiting, "门铃坏了，到了请打电话", "other")
        shown = (await wang.get(f"/tickets/{waiting}"))[1]
        newest = shown["entries"][-1]["id"]
        assert (shown["unread"], shown["wish"], shown["version"]) == (True, None, before["version"])
        assert await listed(wang, "unread") == await listed(wang, "any") == [waiting] != [quiet]
        assert await listed(wang, "wish") == []
        # Reading it as a program does changes nothing, and what came after the screen was drawn stays unread.
        write(waiting, "还有，请带梯子")
        assert (await wang.send(f"/tickets/{waiting}/opened", {"entry": newest}))[0] == 200
        assert await listed(wang, "unread") == [waiting]
        assert (await gong.send(f"/tickets/{waiting}/opened", {"entry": newest + 9}))[0] == 404
        shown = (await wang.get(f"/tickets/{waiting}"))[1]
        assert (await wang.send(f"/tickets/{waiting}/opened", {"entry": shown["entries"][-1]["id"]}))[0] == 200
        opened = (await wang.get(f"/tickets/{waiting}"))[1]
        assert (opened["unread"], opened["version"]) == (False, before["version"])
        assert await listed(wang, "any") == []


async def test_a_draft_is_not_unread(any_database: Database) -> None:
    person("wang", "agent")
    ticket_id = draft()
    write(ticket_id, "不修了，取消吧", "cancel")
    async with desk("wang") as wang:
        shown = (await wang.get(f"/tickets/{ticket_id}"))[1]
        assert (shown["unread"], shown["wish"], await listed(wang, "any")) == (False, None, [])


async def test_a_wish_stands_until_it_is_answered(any_database: Database) -> None:
    person("wang", "agent")
    person("wu", "dispatcher")
    engineer = person("gong", "engineer")
    gone, later, kept = (under_way(engineer) for _ in range(3))
    write(gone, "不用来了，已经好了", "cancel")
    write(later, "明天没空，周六上午再来吧", "reschedule", "cancel")
    write(kept, "要不取消？算了再看看", "cancel")
    async with desk("wang") as wang, desk("wu") as wu:
        assert await listed(wu, "wish") == [kept, later, gone]
        shown = (await wu.get(f"/tickets/{later}"))[1]
        said = next(entry for entry in shown["entries"] if entry["id"] == shown["wish_entry"])
        assert (shown["wish"], said["text"]) == ("reschedule", "明天没空，周六上午再来吧")
        assert {"cancel", "reschedule", "leave"} <= set(shown["actions"])

        _, cancelled = await wang.send(f"/tickets/{gone}/cancel", {"reason": "客户取消"})
        assert (cancelled["state"], cancelled["wish"], cancelled["wish_entry"]) == ("cancelled", None, None)
        assert (await wang.send(f"/tickets/{gone}/reschedule", {"time": "周日"}))[0] == 409

        stale = {"time": "周六上午", "version": shown["version"] - 1}
        assert (await wu.send(f"/tickets/{later}/reschedule", stale))[0] == 409
        assert (await wu.send(f"/tickets/{later}/reschedule", {"time": " "}))[0] == 422
        _, put_off = await wu.send(f"/tickets/{later}/reschedule", {"time": "周六上午", "version": shown["version"]})
        assert (put_off["state"], put_off["wish"], put_off["brief"]["time"]) == ("assigned", None, "周六上午")
        assert put_off["version"] > shown["version"]

        _, left = await wu.send(f"/tickets/{kept}/leave", {})
        assert (left["state"], left["wish"], "leave" in left["actions"]) == ("assigned", None, False)
        assert (await wu.send(f"/tickets/{kept}/leave", {}))[0] == 409
        assert await listed(wu, "wish") == []
        _, story = await wang.get(f"/tickets/{later}/timeline")
        kinds = [item["kind"] for item in story["items"]]
        assert kinds.index("ticket.wished") < kinds.index("ticket.rescheduled")

    with db.write() as session:
        row = session.scalars(select(Event).where(Event.kind == "ticket.rescheduled")).one()
        told = NewEvent(
            id=row.id, ticket_id=row.ticket_id, kind=row.kind, at=row.at, actor=row.actor, details=dict(row.details)
        )
        dispatching.on_event(session, told)
        notice = session.scalars(select(Notice).where(Notice.purpose == "rescheduled")).one()
        assert (notice.user_id, notice.ticket_id) == (engineer, later)
        assert "周六上午" in notice.text
