"""What is understood of a call that is still going on."""

from __future__ import annotations

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select

import intake.api
import ticketing.api
from core import db
from core.db import Database
from core.http import application
from intake import HeardTurn, Sender, append_turn, open_session, pipeline
from tests.support.desk import PASSWORD, Desk, person
from ticketing import AuditEntry


async def test_fields_come_with_the_turns(any_database: Database) -> None:
    pipeline.warm_up()  # as the web process does at its start
    for login, role in (("wang", "agent"), ("boss", "manager"), ("zhou", "dispatcher")):
        person(login, role)
    call = open_session("sip", "call-1", Sender(kind="phone", value="+8613912345678", name=""), owner="test")
    app, api = application(), web.Application()
    ticketing.api.routes(api)
    intake.api.routes(api)
    app.add_subapp("/api/v1", api)
    async with TestClient(TestServer(app)) as client:
        desk = Desk(client)

        async def read(login: str) -> tuple[int, dict[str, object]]:
            await desk.send("/session", {"login": login, "password": PASSWORD})
            return await desk.get(f"/calls/{call}/fields")

        assert await read("wang") == (200, {"turn": 0, "urgency": "normal", "intents": [], "items": []})
        append_turn(call, HeardTurn(speaker="system", text="您好，请问什么设备有问题"))
        append_turn(call, HeardTurn(speaker="customer", text="我家空调不制冷了"))
        _, first = await read("wang")
        found = {item["name"]: item["value"] for item in first["items"]}  # type: ignore[attr-defined]
        assert (first["turn"], found["device"]) == (2, "空调")
        assert found["fault"].startswith("不制冷")
        assert "phone" not in found
        append_turn(call, HeardTurn(speaker="customer", text="电话幺三九幺二三四五六七八", expects="phone"))
        for login, shown in (("wang", "13912345678"), ("boss", "139****5678")):
            _, then = await read(login)
            found = {item["name"]: item["value"] for item in then["items"]}  # type: ignore[attr-defined]
            assert (then["turn"], found["device"], found["phone"]) == (3, "空调", shown)
        assert (await read("zhou"))[0] == 403
        with db.read() as session:
            followed = session.scalars(select(AuditEntry).where(AuditEntry.action == "call.followed")).all()
            assert {row.subject for row in followed} == {f"call:{call}"}
