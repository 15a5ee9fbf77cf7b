"""The API's entrance against those who push at it: no session, no header, other regions, broken bodies, guesses."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import web
from sqlalchemy import func, select

from core import db, settings
from core.db import Database
from core.http import HttpSettings
from core.openapi import describe
from tests.support.desk import PASSWORD, desk, draft, person
from ticketing import AuditEntry, Event, Ticket, setup_code
from ticketing.api import routes


def state_of_things() -> tuple[int, list[Any]]:
    with db.read() as session:
        tickets = session.execute(select(Ticket.id, Ticket.version, Ticket.state)).all()
        return session.scalar(select(func.count()).select_from(Event)) or 0, [tuple(row) for row in tickets]


@pytest.fixture
def ticket_id(database: Database) -> Iterator[int]:
    person("wang", "agent")
    made = draft()
    before = state_of_things()
    yield made
    assert state_of_things() == before, "a refused request changed something"


async def test_nobody_gets_nothing(ticket_id: int) -> None:
    async with desk() as nobody:
        for path in (
            "/tickets",
            "/tickets/counts",
            f"/tickets/{ticket_id}",
            f"/tickets/{ticket_id}/timeline",
            f"/tickets/{ticket_id}/recording",
            "/attachments/1/0",
            "/customers",
            "/assets",
            "/users",
            "/audit",
            "/forms",
        ):
            status, answer = await nobody.get(path)
            assert (status, answer["error"]) == (401, "not_signed_in"), path
        for bearer in ("Bearer ", "Bearer x", "Bearer " + "a" * 43, "Basic d2FuZzp4", "Bearer " + "ü" * 30):
            response = await nobody.raw("/tickets", headers={"Authorization": bearer})
            assert response.status == 401


async def test_a_cookie_alone_changes_nothing(ticket_id: int) -> None:
    async with desk("wang") as wang:
        for kwargs in ({"json": {}}, {"data": "{}", "headers": {"Content-Type": "text/plain"}}, {"data": {"a": "b"}}):
            response = await wang.raw(f"/tickets/{ticket_id}/claim", "POST", **kwargs)
            assert (response.status, (await response.json())["error"]) == (403, "forbidden")
        response = await wang.raw("/session", "DELETE")
        assert response.status == 403
        assert (await wang.get("/session"))[0] == 200
    async with desk() as victim:
        body = json.dumps({"login": "wang", "password": PASSWORD})
        response = await victim.raw("/session", "POST", data=body, headers={"Content-Type": "text/plain"})
        assert response.status == 400
        assert "Set-Cookie" not in response.headers


async def test_the_cookie_is_out_of_scripts_reach(ticket_id: int) -> None:
    async with desk() as wang:
        response = await wang.raw("/session", "POST", json={"login": "wang", "password": PASSWORD})
        cookie = response.headers["Set-Cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert "Secure" not in cookie
        assert (await wang.send("/session", method="DELETE"))[0] == 200
        status, answer = await wang.get("/session")
        assert (status, answer["details"]) == (401, {"first_administrator": False})
    async with desk() as behind_a_proxy:
        response = await behind_a_proxy.raw(
            "/session",
            "POST",
            json={"login": "wang", "password": PASSWORD},
            headers={"X-Forwarded-Proto": "https"},
        )
        assert "Secure" in response.headers["Set-Cookie"]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"[]", 400),
        (b"null", 400),
        (b"\xff\xfe{}", 400),
        (b"[" * 100_000, 400),
        (b'{"version": ' + b"[" * 10_000 + b"]" * 10_000 + b"}", 400),
        (b'{"version": ' + b"[" * 400 + b"]" * 400 + b"}", 422),
        (b'{"version": "many"}', 422),
        (b'{"version": -1}', 422),
        (b'{"version": 1e400}', 422),
        (b'{"version": NaN}', 422),
        (b'{"version": 1, "fields": {"device": 7}}', 422),
        (b'{"version": 1, "fields": {"device": {"a": 1}}}', 422),
        (b'{"version": 1, "fields": []}', 422),
        (b'{"version": 1, "state": "closed"}', 422),
        (b'{"version": 1, "fields": {"DROP TABLE": "x"}}', 422),
        (b'{"version": 1, "fields": {"phone": "call me"}}', 422),
        (b'{"version": 1, "service": "nonsense"}', 422),
        (b'{"version": 1, "urgency": "asap"}', 422),
        (b'{"version": 1, "customer_id": 999}', 404),
        (b'{"version": 1, "customer_id": 99999999999999999999}', 422),
        (b'{"version": 99, "fields": {"device": "x"}}', 409),
        (b'{"fields": {"device": "x"}}', 422),
        (json.dumps({"version": 1, "fields": {"device": "x" * 3000}}).encode(), 422),
        (json.dumps({"version": 1, "fields": {f"f{n}": "x" for n in range(70)}}).encode(), 422),
    ],
)
async def test_bodies_that_are_none_are_refused(ticket_id: int, body: bytes, status: int) -> None:
    async with desk("wang") as wang:
        headers = {"X-Hotline": "1", "Content-Type": "application/json"}
        for path, method in ((f"/tickets/{ticket_id}/fields", "PATCH"), (f"/tickets/{ticket_id}/confirm", "POST")):
            response = await wang.raw(path, method, data=body, headers=headers)
            answer = await response.json()
            assert response.status == status, answer
            assert set(answer) == {"error", "message", "details"}
            assert "Traceback" not in str(answer)


async def test_a_huge_body_is_refused_early(ticket_id: int) -> None:
    settings.use(HttpSettings(body_limit=10_000))
    async with desk("wang") as wang:
        body = json.dumps({"text": "x" * 20_000})
        headers = {"X-Hotline": "1", "Content-Type": "application/json"}
        response = await wang.raw(f"/tickets/{ticket_id}/note", "POST", data=body, headers=headers)
        assert response.status == 413

        async def endless() -> Any:
            for _ in range(100):
                yield b" " * 1000

        response = await wang.raw(f"/tickets/{ticket_id}/note", "POST", data=endless(), headers=headers)
        assert response.status == 413


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/tickets/0", 404),
        ("/tickets/-1", 404),
        ("/tickets/abc", 404),
        ("/tickets/99999999999999999999", 404),
        ("/tickets/1%00", 404),
        ("/tickets?limit=0", 422),
        ("/tickets?limit=201", 422),
        ("/tickets?limit=1&limit=2", 422),
        ("/tickets?cursor=1%20or%201=1", 422),
        ("/tickets?cursor=9999.1", 422),
        ("/tickets?state=everything", 422),
        ("/tickets?assignee=me", 422),
        ("/tickets?sort=random()", 422),
        ("/tickets?q=" + "x" * 201, 422),
        ("/tickets?q=%25%25", 200),
        ("/tickets?q=%00%ff%27%22%3B--", 200),
        ("/customers?q=%00", 200),
        ("/attachments/1/-1", 404),
        ("/attachments/1/0", 404),
        ("/audit?since=yesterday", 403),
        ("/forms/..%2f..%2fetc%2fpasswd", 404),
        ("/nothing", 404),
    ],
)
async def test_addresses_that_are_none(ticket_id: int, path: str, status: int) -> None:
    async with desk("wang") as wang:
        response = await wang.raw(path)
        answer = await response.json()
        if path == "/audit?since=yesterday":
            assert response.status in (403, 422)
        else:
            assert response.status == status, answer
        if path.startswith("/tickets?q=%25"):
            assert answer["items"] == [], "a wildcard is a character like others"


async def test_methods_that_are_none_name_those_that_are(ticket_id: int) -> None:
    async with desk("wang") as wang:
        response = await wang.raw(f"/tickets/{ticket_id}", "DELETE", headers={"X-Hotline": "1"})
        assert response.status == 405
        assert "GET" in response.headers["Allow"]


async def test_another_regions_ticket_is_no_ticket(ticket_id: int) -> None:
    person("south", "agent", ["44"])
    async with desk("south") as south:
        for path in ("", "/timeline", "/recording"):
            assert (await south.get(f"/tickets/{ticket_id}{path}"))[0] == 404
        steps: dict[str, dict[str, Any]] = {
            "claim": {},
            "confirm": {"version": 1},
            "discard": {"reason": "x"},
            "note": {"text": "x"},
            "reply": {"text": "x"},
            "ask": {"text": "x"},
            "merge": {"into": 1},
            "unmask": {},
        }
        for step, body in steps.items():
            status, answer = await south.send(f"/tickets/{ticket_id}/{step}", body)
            assert (status, answer["error"]) == (404, "not_found"), step
        assert (await south.get("/tickets", q="13912345678"))[1]["items"] == []
        assert (await south.get("/tickets/counts"))[1]["draft"] == 0


async def test_brute_force_over_the_api_even_all_at_once(ticket_id: int) -> None:
    async with desk() as thief:
        body = {"login": "wang", "password": "wrong wrong"}
        answers = await asyncio.gather(*(thief.send("/session", body) for _ in range(15)))
        statuses = sorted(status for status, _ in answers)
        assert statuses == [401] * 5 + [429] * 10
        status, answer = await thief.send("/session", {"login": "wang", "password": PASSWORD})
        assert (status, answer["error"]) == (429, "too_many")


async def test_wrong_name_and_wrong_password_are_told_alike(ticket_id: int) -> None:
    async with desk() as thief:
        _, known = await thief.send("/session", {"login": "wang", "password": "wrong wrong"})
        _, unknown = await thief.send("/session", {"login": "nobody", "password": "wrong wrong"})
        assert known == unknown


async def test_the_first_administrator_over_the_api(database: Database) -> None:
    async with desk() as first:
        assert (await first.get("/session"))[1]["details"] == {"first_administrator": True}
        body = {"code": "0" * 20, "login": "root", "password": "a good password", "name": "管理员"}
        assert (await first.send("/session/first", body))[0] == 403
        status, answer = await first.send("/session/first", {**body, "code": setup_code()})
        assert (status, answer["user"]["role"]) == (201, "administrator")
        assert (await first.get("/session"))[0] == 200
        assert (await first.send("/session/first", {**body, "code": setup_code()}))[0] == 409


async def test_nobody_raises_himself(ticket_id: int) -> None:
    user_id = person("li", "agent")
    with db.read() as session:
        before = session.scalar(select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "user.changed"))
    async with desk("li") as li:
        assert (await li.send(f"/users/{user_id}", {"role": "administrator"}, "PATCH"))[0] == 403
        assert (await li.send(f"/users/{user_id}", {"language": "en", "regions": []}, "PATCH"))[0] == 403
        assert (await li.send("/users", {"login": "x.y", "name": "x", "role": "administrator"}))[0] == 403
        assert (await li.send(f"/users/{user_id}/keys", {"label": "x"}))[0] == 403
        assert (await li.send("/users/1/password", {"password": "a new password"}))[0] == 403
        assert (await li.send(f"/users/{user_id}/password", {"password": "a new password"}))[0] == 403
        wrong = {"password": "a new password", "old": "not the old one"}
        assert (await li.send(f"/users/{user_id}/password", wrong))[0] == 403
        assert (await li.send(f"/users/{user_id}", {"language": "en"}, "PATCH"))[1]["language"] == "en"
        right = {"password": "a new password", "old": PASSWORD}
        assert (await li.send(f"/users/{user_id}/password", right))[0] == 200
        assert (await li.get("/session"))[0] == 401
    assert before == 0


def test_the_description_is_whole() -> None:
    api = web.Application()
    routes(api)
    description = describe([api], title="test", version="1")
    schemas = description["components"]["schemas"]
    undescribed = []
    for path, methods in description["paths"].items():
        for method, operation in methods.items():
            good = [code for code in operation["responses"] if code.startswith("2")]
            assert good, (path, method)
            if not path.endswith(("/recording", "/{number}")):
                content = operation["responses"][good[0]]["content"]["application/json"]["schema"]
                assert content["$ref"].rpartition("/")[2] in schemas
            undescribed += [] if operation.get("description") else [(method, path)]
            if path not in ("/session", "/session/first"):
                assert operation["responses"]["401"]["content"]["application/json"]["schema"]["$ref"].endswith(
                    "/Problem"
                )
    assert undescribed == []
    text = json.dumps(description)
    referred = {part.split('"')[0] for part in text.split("#/components/schemas/")[1:]}
    assert referred <= set(schemas)
    assert len(description["paths"]) >= 35
