"""The live feed: who hears what, and what happens to those who do not listen."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from aiohttp import ClientWebSocketResponse, WSMsgType, WSServerHandshakeError

from core import db, live, settings
from core.db import Database
from core.redis import asynchronous
from tests.support.desk import desk, draft, person
from tests.support.redis_server import embedded_redis
from ticketing.access import actor_of
from ticketing.live_feed import Feed, LiveSettings
from ticketing.tables import Ticket, User
from ticketing.workflow import move


@pytest.fixture
def feed(database: Database) -> Iterator[None]:
    with embedded_redis():
        yield


async def heard(socket: ClientWebSocketResponse) -> dict[str, Any]:
    async with asyncio.timeout(10):
        content = await socket.receive_json()
    assert isinstance(content, dict)
    return content


async def test_everyone_hears_only_what_is_his_business(feed: None) -> None:
    person("wang", "agent")
    person("south", "agent", ["44"])
    person("gong", "engineer")
    async with (
        desk("wang") as wang,
        desk("south") as south,
        desk("gong") as gong,
        wang.client.ws_connect("/api/v1/live") as all_regions,
        south.client.ws_connect("/api/v1/live") as guangdong,
        gong.client.ws_connect("/api/v1/live") as engineer,
    ):
        for socket in (all_regions, guangdong, engineer):
            assert (await heard(socket))["topic"] == "resync"
        beijing = await asyncio.to_thread(draft)
        shenzhen = await asyncio.to_thread(draft, fields=(("address", "深圳市南山区科技园1号", "440305"),))
        live.publish("call:abc", {"text": "喂"})
        live.publish("calls", {"kind": "opened"})
        assert [(await heard(all_regions))["ticket"] for _ in range(2)] == [beijing, shenzhen]
        assert (await heard(all_regions))["topic"] == "calls"
        item = await heard(guangdong)
        assert (item["ticket"], item["kind"], item["state"]) == (shenzhen, "ticket.drafted", "draft")
        assert "喂" not in str(item)
        assert (await heard(guangdong))["topic"] == "calls"
        await engineer.send_json({"subscribe": ["call:abc", "tickets"]})
        await all_regions.send_json({"subscribe": ["call:abc"]})
        await all_regions.ping()
        for number in range(200):  # until the subscription has arrived
            live.publish("call:abc", {"text": f"{number}"})
            with_words = await heard(all_regions)
            if with_words["topic"] == "call:abc":
                break
            await asyncio.sleep(0.01)
        assert with_words["text"]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await engineer.receive()


async def test_an_engineer_hears_of_his_tickets_coming_and_going(feed: None) -> None:
    chen, lin = person("chen", "engineer"), person("lin", "engineer")
    ticket_id = draft()
    async with (
        desk("chen") as first,
        desk("lin") as second,
        first.client.ws_connect("/api/v1/live") as of_chen,
        second.client.ws_connect("/api/v1/live") as of_lin,
    ):
        for socket in (of_chen, of_lin):
            assert (await heard(socket))["topic"] == "resync"
        await asyncio.to_thread(_steps, ticket_id, "confirm")
        await asyncio.to_thread(_steps, ticket_id, "assign", chen)
        assigned = await until(of_chen, "ticket.assigned")
        await asyncio.to_thread(_steps, ticket_id, "assign", lin)
        withdrawn = await until(of_chen, "ticket.withdrawn")
        assert withdrawn["number"] == assigned["number"] + 1
        await until(of_lin, "ticket.assigned")


async def until(socket: ClientWebSocketResponse, kind: str) -> dict[str, Any]:
    """The first item of this kind; an event is heard when it is seen, so an earlier one may come through late."""
    while (item := await heard(socket))["kind"] != kind:
        assert item["kind"] == "ticket.confirmed"
    return item


def _steps(ticket_id: int, action: str, engineer: int | None = None) -> None:
    with db.write() as session:
        move(session, session.get_one(Ticket, ticket_id), action, "dispatch", assignee=engineer)


async def test_the_feed_wants_a_user_of_this_site_and_sensible_wishes(feed: None) -> None:
    person("wang", "agent")
    async with desk() as nobody:
        with pytest.raises(WSServerHandshakeError) as refused:
            await nobody.client.ws_connect("/api/v1/live")
        assert refused.value.status == 401
    async with desk("wang") as wang:
        with pytest.raises(WSServerHandshakeError) as refused:
            await wang.client.ws_connect("/api/v1/live", headers={"Origin": "https://evil.example"})
        assert refused.value.status == 403
        for wish in ("[" * 3000, "{}x", '{"do": 1}', '{"subscribe": 5}', '{"subscribe": [5]}', "x" * 5000):
            async with wang.client.ws_connect("/api/v1/live") as socket:
                await socket.send_str(wish)
                async with asyncio.timeout(10):
                    while (message := await socket.receive()).type is WSMsgType.TEXT:
                        pass
                assert message.type in (WSMsgType.CLOSE, WSMsgType.CLOSED), wish[:20]
        many = {"subscribe": [f"call:{number}" for number in range(50)]}
        async with wang.client.ws_connect("/api/v1/live") as socket:
            await socket.send_json(many)
            async with asyncio.timeout(10):
                while (message := await socket.receive()).type is WSMsgType.TEXT:
                    pass
            assert socket.close_code == 1008


async def test_a_slow_screen_is_dropped_and_harms_nobody(feed: None) -> None:
    settings.use(LiveSettings(waiting=5))
    user_id = person("wang", "agent")
    with db.read() as session:
        actor = actor_of(session.get_one(User, user_id))
    own = Feed()
    async with own.listening(actor) as slow, own.listening(actor) as quick:
        async with asyncio.timeout(10):
            await own.hears.wait()
        for number in range(20):
            live.publish("tickets", {"ticket": number})
            async with asyncio.timeout(10):
                while (await quick.items.get() or {}).get("ticket") != number:
                    pass
        assert slow.dropped
        assert not quick.dropped
        assert slow.items.qsize() <= 6
        left = [slow.items.get_nowait() for _ in range(slow.items.qsize())]
        assert left[-1] is None
    await own.close()


async def test_when_redis_comes_back_screens_are_told_to_read_again(database: Database) -> None:
    person("wang", "agent")
    with embedded_redis() as socket_path:
        async with desk("wang") as wang, wang.client.ws_connect("/api/v1/live") as socket:
            assert (await heard(socket))["topic"] == "resync"
            client = asynchronous()
            await client.execute_command("CLIENT", "KILL", "TYPE", "PUBSUB")
            await client.aclose()
            assert (await heard(socket))["topic"] == "resync"
            assert socket_path.exists()


async def test_an_item_that_cannot_be_told_makes_screens_read_again_and_nobody_deaf(feed: None) -> None:
    person("south", "agent", ["44"])
    async with desk("south") as south, south.client.ws_connect("/api/v1/live") as socket:
        assert (await heard(socket))["topic"] == "resync"
        live.publish("tickets", {"ticket": 2**80})  # the database refuses such a number
        again = await heard(socket)
        assert (again["topic"], again["number"]) == ("resync", 2)
        shenzhen = await asyncio.to_thread(draft, fields=(("address", "深圳市南山区科技园1号", "440305"),))
        assert (await heard(socket))["ticket"] == shenzhen
