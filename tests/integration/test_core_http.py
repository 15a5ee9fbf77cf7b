"""The shared entrance: every failure has its status and one form, and nothing of the inside shows."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import FormData, MultipartWriter, web
from aiohttp.test_utils import TestClient, TestServer
from pydantic import BaseModel
from sqlalchemy.orm.exc import StaleDataError

from core import settings
from core.errors import ConfigurationError, Conflict, Forbidden, HotlineError, NotFound, TooMany, Unavailable
from core.http import HttpSettings, View, answer, application, client_address, read_json, read_part, reply

Client = TestClient[web.Request, web.Application]


class Body(BaseModel):
    name: str
    inner: dict[str, Any] = {}


class Thing(View):
    async def post(self, number: int, /, body: Body, short: bool = False) -> web.Response:
        return reply(body, status=201 if short else 200)


async def fails(request: web.Request) -> web.Response:
    raise {
        "conflict": Conflict("taken", by="7"),
        "forbidden": Forbidden(),
        "missing": NotFound(),
        "many": TooMany(),
        "away": Unavailable(),
        "stale": StaleDataError("UPDATE statement on table 'ticket' expected to update 1 row(s)"),
        "bug": RuntimeError("password=hunter2"),
        "own": HotlineError("it says so"),
    }[request.match_info["how"]]


async def slow(request: web.Request) -> web.Response:
    await asyncio.sleep(30)
    return web.Response()


async def json_of(request: web.Request) -> web.Response:
    return answer({"got": await read_json(request, limit=2000, depth=5)})


async def part_of(request: web.Request) -> web.Response:
    reader = await request.multipart()
    part: Any = await reader.next()
    return answer({"bytes": len(await read_part(part, 1000))})


async def address_of(request: web.Request) -> web.Response:
    return answer({"address": client_address(request)})


@pytest.fixture
async def client(installation: object) -> AsyncIterator[Client]:
    settings.use(HttpSettings(body_limit=5000, request_seconds=0.5))
    app = application()
    app.router.add_view("/things/{number}", Thing)
    app.router.add_get("/fails/{how}", fails)
    app.router.add_get("/slow", slow)
    app.router.add_post("/slow", slow)
    app.router.add_post("/json", json_of)
    app.router.add_post("/part", part_of)
    app.router.add_get("/address", address_of)
    async with TestClient(TestServer(app)) as made:
        yield made


@pytest.mark.parametrize(
    ("how", "status", "code"),
    [
        ("conflict", 409, "conflict"),
        ("forbidden", 403, "forbidden"),
        ("missing", 404, "not_found"),
        ("many", 429, "too_many"),
        ("away", 503, "unavailable"),
        ("stale", 409, "conflict"),
        ("bug", 500, "error"),
        ("own", 500, "error"),
    ],
)
async def test_each_error_is_told_as_what_it_is(client: Client, how: str, status: int, code: str) -> None:
    response = await client.get(f"/fails/{how}")
    body = await response.json()
    assert (response.status, body["error"]) == (status, code)
    assert set(body) == {"error", "message", "details"}
    assert ("Retry-After" in response.headers) == (status in (429, 503))
    for inside in ("hunter2", "UPDATE", "Traceback"):
        assert inside not in str(body)


async def test_what_is_nowhere_and_what_is_not_done_here(client: Client) -> None:
    response = await client.get("/nowhere")
    assert (response.status, (await response.json())["error"]) == (404, "not_found")
    response = await client.delete("/things/1")
    assert (response.status, (await response.json())["error"]) == (405, "method_not_allowed")
    assert "POST" in response.headers["Allow"]


async def test_a_view_validates_where_the_value_stands(client: Client) -> None:
    good = await client.post("/things/1?short=true", json={"name": "王"})
    assert (good.status, await good.json()) == (201, {"name": "王", "inner": {}})
    assert good.headers["Cache-Control"] == "no-store"
    assert (await client.post("/things/one", json={"name": "x"})).status == 404
    for path, body, where in (
        ("/things/1", {"name": 5}, "body"),
        ("/things/1", {}, "body"),
        ("/things/1?short=perhaps", {"name": "x"}, "query string"),
    ):
        response = await client.post(path, json=body)
        details = (await response.json())["details"]
        assert (response.status, details["where"]) == (422, where)
        assert details["fields"]


async def test_a_refusal_does_not_repeat_the_value(client: Client) -> None:
    response = await client.post("/things/1", json={"name": ["13812345678"]})
    assert response.status == 422
    assert "13812345678" not in await response.text()


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"", 400),
        (b"{", 400),
        (b"\xff", 400),
        (b"[" * 900 + b"]" * 900, 400),
        (b"[[[[[[1]]]]]]", 400),
        (b"[[[[1]]]]", 200),
        (b'"' + b"x" * 3000 + b'"', 413),
    ],
)
async def test_json_has_a_size_and_a_depth(client: Client, body: bytes, status: int) -> None:
    assert (await client.post("/json", data=body)).status == status


async def test_a_body_without_length_is_bounded_too(client: Client) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b" " * 100

    assert (await client.post("/json", data=pieces())).status == 413


async def test_a_part_is_bounded(client: Client) -> None:
    for size, status in ((900, 200), (4000, 413)):
        with MultipartWriter("form-data") as writer:
            writer.append(b"x" * size, {"Content-Type": "image/png"})  # type: ignore[arg-type]  # a plain dict works
            assert (await client.post("/part", data=writer)).status == status
    form = FormData({"a": "b"})
    assert (await client.post("/json", data=form)).status == 400


async def test_a_request_takes_its_time_and_no_more(client: Client) -> None:
    for ask in (client.get("/slow"), client.post("/slow", headers={"Upgrade": "websocket"})):
        response = await ask
        assert (response.status, (await response.json())["error"]) == (408, "too_slow")


@pytest.mark.parametrize(
    ("trusted", "forwarded", "address"),
    [
        ("", "1.2.3.4", "127.0.0.1"),
        ("10.0.0.0/8", "1.2.3.4", "127.0.0.1"),
        ("127.0.0.1", "1.2.3.4", "1.2.3.4"),
        ("127.0.0.1", "9.9.9.9, 1.2.3.4", "1.2.3.4"),
        ("127.0.0.1, 10.0.0.0/8", "9.9.9.9, 1.2.3.4, 10.1.1.1", "1.2.3.4"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "not an address", "not an address"),
    ],
)
async def test_only_a_trusted_proxy_says_who_asks(client: Client, trusted: str, forwarded: str, address: str) -> None:
    settings.use(HttpSettings(trusted_proxies=trusted))
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    response = await client.get("/address", headers=headers)
    assert (await response.json())["address"] == address


def test_a_proxy_that_is_no_network_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_HTTP_TRUSTED_PROXIES", "10.0.0.0/8, proxy.example")
    settings.forget()
    with pytest.raises(ConfigurationError, match="TRUSTED_PROXIES"):
        settings.get(HttpSettings)
