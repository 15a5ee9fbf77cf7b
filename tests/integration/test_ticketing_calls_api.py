"""Calls that are going on: who may follow them, and what of them."""

from __future__ import annotations

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select

import intake.api
import ticketing.api
from core import db
from core.db import Database
from core.http import application
from intake import HeardTurn, Sender, append_turn, open_session
from tests.support.desk import PASSWORD, Desk, person
from ticketing import AuditEntry


async def test_open_calls_are_shown_to_those_who_may_follow_them(any_database: Database) -> None:
    for login, role in (("wang", "agent"), ("boss", "manager"), ("zhou", "dispatcher")):
        person(login, role)
    sender = Sender(kind="phone", value="+8613912345678", name="")
    call = open_session("sip", "call-1", sender, owner="test")
    append_turn(call, HeardTurn(speaker="customer", text="电话幺三九幺二三四五六七八", start=0, end=2000))
    app, api = application(), web.Application()
    ticketing.api.routes(api)
    intake.api.routes(api)
    app.add_subapp("/api/v1", api)
    async with TestClient(TestServer(app)) as client:
        desk = Desk(client)
        assert (await desk.get("/calls"))[0] == 401
        answers = {}
        for login in ("wang", "boss", "zhou"):
            await desk.send("/session", {"login": login, "password": PASSWORD})
            answers[login] = await desk.get("/calls")
            if login == "wang":
                status, one = await desk.get(f"/calls/{call}")
                assert (status, one["turns"][0]["end"]) == (200, 2000)
                for nothing in ("0" * 32, "x", "0" * 31):
                    assert (await desk.get(f"/calls/{nothing}"))[0] == 404
    assert answers["zhou"][0] == 403
    (plain,), (masked,) = answers["wang"][1]["items"], answers["boss"][1]["items"]
    assert (plain["session"], plain["caller"]) == (call, "+8613912345678")
    assert plain["turns"][0]["text"] == "电话幺三九幺二三四五六七八"
    assert masked["caller"] == "+86139****5678"
    assert masked["turns"][0]["text"] == "电话幺三九****五六七八"
    with db.read() as session:
        followed = session.scalars(select(AuditEntry).where(AuditEntry.action == "call.followed")).all()
        assert {row.subject for row in followed} == {f"call:{call}"}
        assert len({row.actor for row in followed}) == 1
