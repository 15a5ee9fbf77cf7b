"""Clocks, dispatch and settlement over HTTP: the whole way as desk and phone see it, and what is refused."""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import pytest
from aiohttp import FormData
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select

import dispatch
import dispatch.api
import settlement
import settlement.api
import sla
import sla.api
import ticketing.api
from core import db, http
from core.clock import TurnableClock
from core.db import Database
from settlement import stock
from settlement.tables import Survey
from tests.support import keep_promises
from tests.support.desk import PASSWORD, Desk, person
from tests.support.service import draft
from ticketing import Ticket, events

PNG = (
    b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01\x08\x06\x00\x00\x00\x1f\x15\xc4\x89"
    b"\x00\x00\x00\rIDATx\x9cc\xf8\xff\xff?\x00\x05\xfe\x02\xfe\xa7\x9a\xa0\xa0\x00\x00\x00\x00IEND\xaeB`\x82"
)
DATA_URL = "data:image/png;base64," + base64.b64encode(PNG).decode()


@pytest.fixture(autouse=True)
def wired() -> Iterator[None]:
    before = dict(events._subscriptions)
    events._subscriptions.clear()
    for room in (sla, dispatch, settlement):
        room.wire()
    yield
    events._subscriptions.clear()
    events._subscriptions.update(before)


@asynccontextmanager
async def desk(login: str | None = None) -> AsyncIterator[Desk]:
    from aiohttp import web

    app = http.application()
    api = web.Application()
    for room in (ticketing.api, sla.api, dispatch.api, settlement.api):
        room.routes(api)
    app.add_subapp("/api/v1", api)
    settlement.api.public_routes(app)
    async with TestClient(TestServer(app)) as client:
        worker = Desk(client)
        if login is not None:
            status, answer = await worker.send("/session", {"login": login, "password": PASSWORD})
            assert status == 200, answer
        yield worker


@pytest.fixture
def people(database: Database, turnable: TurnableClock) -> dict[str, int]:
    made = {
        name: person(name, role)
        for name, role in (
            ("wang", "agent"),
            ("zhou", "dispatcher"),
            ("boss", "manager"),
            ("eng", "engineer"),
            ("eng2", "engineer"),
        )
    }
    with db.write() as session:
        for name in ("eng", "eng2"):
            engineer = dispatch.save_engineer(
                session,
                made[name],
                skills=["air_conditioner"],
                certificates=[{"name": "refrigeration"}],
                latitude=31.86,
                longitude=117.27,
                regions=["3401"] if name == "eng" else ["1101"],
            )
        bag = stock.location_of(session, dispatch.engineer_of(session, made["eng"]))
        stock.receive(session, bag, "P-CAP-35", 2, "user:1")
        assert engineer.id
    return made


def new_draft(**options: Any) -> int:
    with db.write() as session:
        ticket_id = draft(session, **options).id
    keep_promises()
    return ticket_id


async def confirmed(wang: Desk, **options: Any) -> int:
    ticket = new_draft(**options)
    version = (await wang.get(f"/tickets/{ticket}"))[1]["version"]
    status, answer = await wang.send(f"/tickets/{ticket}/confirm", {"version": version})
    assert status == 200, answer
    keep_promises()
    return ticket


async def test_the_way_over_http(people: dict[str, int], turnable: TurnableClock) -> None:
    async with desk("wang") as wang, desk("eng") as eng, desk("boss") as boss:
        ticket = await confirmed(wang)
        clocks = (await wang.get(f"/tickets/{ticket}/clocks"))[1]["items"]
        arrival = next(c for c in clocks if c["name"] == "arrival")
        assert (arrival["state"], arrival["due"]) == ("running", "2026-11-23T02:00:00Z")
        assert arrival["explanation"][0]["text"]["en"].startswith("by the rule")
        _, found = await wang.get(f"/tickets/{ticket}/candidates")
        assert [(c["engineer"]["id"], bool(c["excluded"])) for c in found["items"]] == [
            (people["eng"], False),
            (people["eng2"], True),
        ]
        # The visit of this ticket itself is nothing else to do.
        assert "今日 0/6 单" in [reason["text"]["zh"] for reason in found["items"][0]["reasons"]]
        assert found["items"][1]["excluded"] == {"zh": "不在负责区域内", "en": "outside their region"}

        _, mine = await eng.get("/visits", engineer="me")
        assert [(v["id"], v["visit"]["state"]) for v in mine["items"]] == [(ticket, "proposed")]
        assert mine["items"][0]["todo"][0]["zh"] == "断电并确认安全"
        assert (await eng.send(f"/tickets/{ticket}/accept"))[1]["state"] == "accepted"
        status, offer = await eng.send(f"/tickets/{ticket}/estimate", {"parts": [{"code": "P-CAP-35"}]})
        assert (status, offer["state"], offer["total"]) == (201, "estimate", 18000)
        assert (await eng.send(f"/tickets/{ticket}/consent", {"name": "陈静"}))[1]["state"] == "agreed"
        status, arrived = await eng.send(f"/tickets/{ticket}/check-in", {"latitude": 31.851, "longitude": 117.261})
        assert (status, arrived["state"]) == (200, "on_site")
        form = FormData()
        form.add_field("photo", PNG, filename="../../现场.png", content_type="image/png")
        async with await eng.raw(f"/tickets/{ticket}/photos", "POST", data=form, headers={"X-Hotline": "1"}) as photo:
            assert (photo.status, (await photo.json())["photos"]) == (200, 1)
        status, done = await eng.send(
            f"/tickets/{ticket}/complete",
            {
                "parts": [{"code": "P-CAP-35", "count": 1}],
                "note": "换电容",
                "signature": DATA_URL,
                "photos": [DATA_URL],
            },
        )
        assert (status, done["state"]) == (200, "completed")
        keep_promises()

        _, bill = await wang.get(f"/tickets/{ticket}/bill")
        assert (bill["state"], bill["total"], bill["consent"]["name"], bill["remarks"]) == ("billed", 18000, "陈静", [])
        assert sum(e["debit"] - e["credit"] for e in bill["entries"]) == 0
        assert [line["text"] for line in bill["lines"]] == ["空调维修工时", "启动电容 35µF"]
        async with await wang.raw(f"/bills/{bill['id']}.pdf") as paper:
            assert paper.content_type == "application/pdf"
            assert (await paper.read()).startswith(b"%PDF-")
        _, parts = await eng.get("/parts", q="6900000000015")
        assert [(p["code"], p["stock"]) for p in parts["items"]] == [("P-CAP-35", 1)]
        for _ in range(2):  # the second click pays nothing more
            status, paid = await boss.send(f"/tickets/{ticket}/pay", {"reference": "4200001"})
            assert (status, paid["paid"], paid["state"]) == (200, 18000, "paid")
        status, ledger = await boss.get("/ledger")
        assert (status, ledger["differences"], ledger["balances"]["cash:cash"]) == (200, [], 18000)
        turnable.turn(by=timedelta(hours=2))
        keep_promises()
        await _survey(wang, ticket)
        keep_promises()
        assert (await wang.get(f"/tickets/{ticket}"))[1]["state"] == "closed"


async def _survey(wang: Desk, ticket: int) -> None:
    with db.read() as session:
        token = settlement.token_of(session.scalars(select(Survey).where(Survey.ticket_id == ticket)).one())
    page = f"/survey/{token}"
    async with wang.client.get(page) as response:
        text = await response.text()
        assert response.status == 200
        assert "服务评价" in text
        assert "frame-ancestors 'none'" in response.headers["Content-Security-Policy"]
    async with wang.client.post(page, data={"score": "9"}) as response:
        assert response.status == 422
    async with wang.client.post(page, data={"score": "5", "comment": "<script>alert(1)</script>"}) as response:
        text = await response.text()
        assert response.status == 200
        assert "<script>" not in text
    async with wang.client.post(page, data={"score": "1"}) as response:
        assert response.status == 409
    async with wang.client.post(page, data={"comment": "x" * 100_000}) as response:
        assert response.status == 413
    for wrong in ("1-0000000000000000000000", "1-" + "é" * 20, "abc", "%00", "9" * 300):
        async with wang.client.get(f"/survey/{wrong}") as response:
            assert response.status == 404


async def test_who_may_do_what(people: dict[str, int]) -> None:
    async with desk("wang") as wang, desk("eng") as eng, desk("eng2") as other, desk("zhou") as zhou, desk() as nobody:
        ticket = await confirmed(wang)
        assert (await nobody.get(f"/tickets/{ticket}/clocks"))[0] == 401
        assert (await nobody.get("/visits"))[0] == 401
        assert (await eng.get(f"/tickets/{ticket}/candidates"))[0] == 403
        assert (await other.get(f"/tickets/{ticket}/clocks"))[0] == 404
        assert (await other.send(f"/tickets/{ticket}/accept"))[0] == 404
        assert (await other.get(f"/tickets/{ticket}/bill"))[0] == 404
        assert (await other.get("/visits", engineer=str(people["eng"])))[0] == 403
        assert (await other.send(f"/tickets/{ticket}/grab"))[0] == 409
        assert (await wang.send(f"/tickets/{ticket}/accept"))[0] == 403
        assert (await zhou.send(f"/tickets/{ticket}/pay"))[0] == 403
        assert (await zhou.send("/sla/policies", {"content": {}}, "PUT"))[0] == 403
        assert (await zhou.send("/price-book", {"content": {}}))[0] == 403
        assert (await eng.send(f"/tickets/{ticket}/refuse", {"reason": "太远"}))[1]["state"] == "refused"
        assert (await eng.get(f"/tickets/{ticket}"))[0] == 404
        status, taken = await zhou.send(f"/tickets/{ticket}/assign", {"engineer": people["eng2"]})
        assert (status, taken["assignee"]["id"]) == (200, people["eng2"])
        assert (await zhou.send(f"/tickets/{ticket}/assign", {"engineer": people["wang"]}))[0] == 404


async def test_wrong_values_are_refused_by_name(people: dict[str, int]) -> None:
    async with desk("wang") as wang, desk("eng") as eng, desk("boss") as boss, desk("zhou") as zhou:
        ticket = await confirmed(wang)
        await eng.send(f"/tickets/{ticket}/accept")
        for place in (
            {"latitude": 91, "longitude": 0},
            {"latitude": "x", "longitude": 0},
            {"datum": "bd09"},
            {"height": 3},
        ):
            assert (await eng.send(f"/tickets/{ticket}/check-in", place))[0] == 422
        await eng.send(f"/tickets/{ticket}/check-in")
        for wrong in (
            {"parts": [{"code": "P-CAP-35", "count": 0}]},
            {"parts": [{"code": "P-CAP-35", "count": 10**9}]},
            {"signature": "not base64"},
            {"signature": base64.b64encode(b"GIF89a").decode()},
            {"photos": [base64.b64encode(b"#!/bin/sh").decode()]},
            {"extra_fee": 5000, "extra_fee_for": "高空"},
            {"extra_fee": 5000, "consent": {"name": "陈静", "amount": 1}},
            {"extra_fee": -1},
            {"cause": "ghost"},
            {"at": "2026-11-20T10:00:00"},
            {"at": "2020-01-01T00:00:00Z"},
            {"at": "never"},
            {"checklist": [{"item": {"zh": {"deep": {}}}}]},
            {"note": "x" * 5000},
        ):
            status, answer = await eng.send(f"/tickets/{ticket}/complete", wrong)
            assert status == 422, (wrong, answer)
        with db.read() as session:
            assert session.get_one(Ticket, ticket).state == "on_site"
        status, said = await boss.send(
            "/sla/calendars", {"content": {"office": {"weekdays": {"mon-fri": ["9-18"]}}}}, "PUT"
        )
        assert (status, "calendar office" in said["message"]) == (422, True)
        status, said = await boss.send(
            "/sla/calendars", {"content": {"x": {"weekdays": {"mon": ["09:00-18:00"]}}}}, "PUT"
        )
        assert (status, "there is no calendar always" in said["message"]) == (422, True)
        status, said = await boss.send(
            "/price-book", {"content": {"version": "1", "valid_from": "2026-01-01", "labour": [{"code": "L"}]}}
        )
        assert (status, "labour L" in said["message"]) == (422, True)
        status, said = await zhou.send("/engineers", {"user": people["eng"], "shifts": {"weekdays": {"someday": []}}})
        assert status == 422
        for shifts in (
            {"weekdays": {"mon": 5}},
            {"weekdays": {}, "observes": "../x"},
            {"weekdays": {}, "zone": ""},
            {"zone": 1},
        ):
            assert (await zhou.send("/engineers", {"user": people["eng"], "shifts": shifts}))[0] == 422
        assert (await zhou.send("/engineers", {"user": people["wang"]}))[0] == 422
        leave = {"start": "2026-11-20T10:00:00", "end": "2026-11-21T10:00:00Z"}
        assert (await zhou.send("/engineers/1/leaves", leave))[0] == 422
        leave["start"] = "2026-11-22T10:00:00Z"
        assert (await zhou.send("/engineers/1/leaves", leave))[0] == 422
        leave["end"] = "2026-11-25T10:00:00Z"
        assert (await zhou.send("/engineers/999/leaves", leave))[0] == 404
        status, engineer = await zhou.send("/engineers/1/leaves", leave)
        assert (status, [x["end"] for x in engineer["leaves"]]) == (201, ["2026-11-25T10:00:00Z"])
        rules = [{"name": "x", "calendar": "always", "targets": {"arrival": "99999d"}}]
        for policy in (
            {"rules": rules},
            {"rules": "x"},
            {"rules": [7]},
            {"pause": 1, "rules": []},
            {"warn": ["x"], "rules": []},
        ):
            assert (await boss.send("/sla/policies", {"content": policy}, "PUT"))[0] == 422
        status, shown = await boss.get("/sla/policies")
        assert (status, shown["version"]) == (200, 0)
        status, saved = await boss.send("/sla/policies", {"content": shown["content"], "version": 0}, "PUT")
        assert (status, saved["version"]) == (200, 1)
        assert (await boss.send("/sla/policies", {"content": shown["content"], "version": 0}, "PUT"))[0] == 409
        _, years = await boss.get("/sla/holidays")
        assert years["items"][-1]["year"] == 2026
        assert years["items"][-1]["sources"][0].startswith("https://www.gov.cn/")
        part = {"part": "P-CAP-35", "count": 5, "key": "delivery 1"}
        with db.write() as session:
            shelf = stock.location(session, "central", "总库").id
        assert (await boss.send("/stock/movements", {**part, "target": shelf}))[1] == {"moved": True}
        assert (await boss.send("/stock/movements", {**part, "target": shelf}))[1] == {"moved": False}
        assert (await boss.send("/stock/movements", {**part, "source": shelf, "count": 6, "key": "2"}))[0] == 409
        assert (await boss.send("/stock/movements", {**part, "source": 999, "key": "3"}))[0] == 404
