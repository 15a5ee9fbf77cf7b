"""Every shipped channel against a fixture made from its provider's public documentation: taken in as expected, once; forged,
stale and hostile requests refused. The signatures in the fixtures were made by the providers' rules, not by this program."""

from __future__ import annotations

import asyncio
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import SecretStr
from sqlalchemy import func, select

from connectors.generic import connector, pages
from connectors.generic.definition import Definition, shipped
from connectors.generic.settings import GenericSettings
from core import clock, db, settings
from intake import Message, MessageRow, message_of
from tests.support.web import serving

DATA = Path(__file__).parents[1] / "data" / "generic"
CHANNELS = sorted(shipped())
NAMED = [
    "whatsapp",
    "messenger",
    "instagram",
    "telegram",
    "slack",
    "teams",
    "line",
    "discord",
    "twilio_sms",
    "aliyun_sms",
    "feishu",
    "dingtalk",
    "douyin",
    "kuaishou",
    "xiaohongshu",
    "taobao",
    "jd",
    "pinduoduo",
    "wechat_miniprogram",
    "app",
    "alertmanager",
    "zabbix",
    "iot",
    "github",
    "jira",
    "shopify",
]
pytestmark = pytest.mark.usefixtures("database", "turnable")


def fixture_of(channel: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((DATA / f"{channel}.yaml").read_text("utf-8"))
    return content


def open_channel(channel: str, found: dict[str, Any]) -> None:
    secrets = {name: SecretStr(value) for name, value in found["secrets"].items()}
    settings.use(
        settings.CoreSettings(public_url="https://hotline.example"), GenericSettings(secrets={channel: secrets})
    )


async def send(
    client: Any,
    channel: str,
    request: dict[str, Any],
    *,
    headers: dict[str, str] | None = None,
    body: bytes | None = None,
) -> Any:
    if body is None:
        body = request.get("body", "").encode()
    return await client.request(
        request.get("method", "POST"),
        f"/hooks/{channel}",
        params=request.get("query", {}),
        headers={"Content-Type": "application/octet-stream", **request.get("headers", {}), **(headers or {})},
        data=io.BytesIO(body),
    )


async def answer_of(response: Any) -> Any:
    text = await response.text()
    return json.loads(text) if response.content_type == "application/json" else text


def taken() -> list[Message]:
    with db.read() as session:
        return [message_of(row) for row in session.scalars(select(MessageRow))]


def count() -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(MessageRow)) or 0


def test_every_named_channel_is_shipped_with_a_fixture() -> None:
    assert set(NAMED) <= set(CHANNELS)
    assert {path.stem for path in DATA.glob("*.yaml")} == set(CHANNELS)


def check_message(message: Message, expected: dict[str, Any]) -> None:
    assert message.channel_id == expected["id"]
    if "sender" in expected:
        assert f"{message.sender.kind} {message.sender.value}" == expected["sender"]
    if "name" in expected:
        assert message.sender.name == expected["name"]
    if "sent_at" in expected:
        assert int(message.sent_at.timestamp()) == expected["sent_at"]
    if "fields" in expected:
        assert dict(message.fields) == expected["fields"]
    if "place" in expected:
        place = message.place
        assert place is not None
        assert [place.latitude, place.longitude, place.label, place.datum] == expected["place"]
    if "files" in expected:
        assert [file.remote for file in message.attachments] == expected["files"]
        assert message.promises == ("generic.media",)
    for name in ("text", "conversation", "service", "asset_code"):
        if name in expected:
            assert getattr(message, name) == expected[name], name
    for name in ("subject", "asset_code", "conversation"):
        assert "{" not in getattr(message, name), name  # an expression left out finds nothing, not the whole item
    assert message.event == expected.get("event", "")
    assert not message.problem


@pytest.mark.parametrize("channel", CHANNELS)
async def test_a_documented_request_is_taken_in_once(channel: str) -> None:
    found = fixture_of(channel)
    open_channel(channel, found)
    async with serving(connector.routes) as client:
        for response in await asyncio.gather(*(send(client, channel, found) for _ in range(3))):
            assert response.status == shipped()[channel].answer.status, await response.text()
            assert await answer_of(response) == found["answer"]
    messages = {message.channel_id: message for message in taken()}
    assert count() == len(messages) == len(found["expect"])
    for expected in found["expect"]:
        assert expected["id"] in messages, list(messages)
        check_message(messages[expected["id"]], expected)
        assert messages[expected["id"]].channel == channel


def forgeries(definition: Definition, found: dict[str, Any]) -> list[dict[str, Any]]:
    """The same request with each header and each query value that proves something taken away or changed."""
    made: list[dict[str, Any]] = []
    proofs = " ".join(f"{check.given} {check.message} {' '.join(check.sorted)}" for check in definition.checks).lower()
    if any(check.kind == "basic" for check in definition.checks):
        proofs += " header.authorization"
    for part in ("headers", "query"):
        for name, value in found[part].items():
            if f"{part.rstrip('s').replace('quer', 'quer')}.{name.lower()}" not in proofs:
                continue
            changed = value[:-1] + ("0" if value[-1] != "0" else "1") if len(value) > 1 else "x"
            for forged in ({**found[part], name: changed}, {k: v for k, v in found[part].items() if k != name}):
                made.append({**found, part: forged})
            made.append({**found, part: {**found[part], name: "é" * 20 if part == "query" else "x"}})
    if "body.sign" in proofs:
        made.append({**found, "body": found["body"].replace("sign=", "sign=0")})
    return made


@pytest.mark.parametrize("channel", CHANNELS)
async def test_what_is_not_proved_is_refused(channel: str) -> None:
    found = fixture_of(channel)
    open_channel(channel, found)
    made = forgeries(shipped()[channel], found)
    assert made
    async with serving(connector.routes) as client:
        for forged in made:
            response = await send(client, channel, forged)
            assert response.status == 403, (forged["headers"], forged["query"], await response.text())
    assert count() == 0


BODY_IS_SIGNED = [
    name
    for name in CHANNELS
    if any(
        "{raw}" in c.message or "{request.params}" in c.message
        for c in shipped()[name].checks
        if c.kind in ("hmac", "hash", "ed25519")
    )
    and not any(c.sorted for c in shipped()[name].checks)
]


@pytest.mark.parametrize("channel", BODY_IS_SIGNED)
async def test_a_changed_body_is_refused(channel: str) -> None:
    found = fixture_of(channel)
    open_channel(channel, found)
    async with serving(connector.routes) as client:
        addition = b"&a=1" if shipped()[channel].body == "form" else b" "
        response = await send(client, channel, found, body=found["body"].encode() + addition)
        assert response.status == 403
    assert count() == 0


FRESH = [name for name in CHANNELS if any(check.kind == "fresh" for check in shipped()[name].checks)]


@pytest.mark.parametrize("channel", FRESH)
async def test_a_replay_after_the_time_is_refused(channel: str, turnable: clock.TurnableClock) -> None:
    found = fixture_of(channel)
    open_channel(channel, found)
    async with serving(connector.routes) as client:
        turnable.turn(by=timedelta(seconds=301))
        assert (await send(client, channel, found)).status == 403
    assert count() == 0


@pytest.mark.parametrize("channel", [name for name in CHANNELS if "handshake" in fixture_of(name)])
async def test_a_handshake_is_answered_without_a_message(channel: str) -> None:
    found = fixture_of(channel)
    handshake = found["handshake"]
    open_channel(channel, found)
    async with serving(connector.routes) as client:
        response = await send(client, channel, handshake)
        assert response.status == 200
        assert await answer_of(response) == handshake["answer"]
        if "wrong" in handshake:
            wrong = {**handshake, "query": {**handshake["query"], **handshake["wrong"]}}
            assert (await send(client, channel, wrong)).status == 403
    assert count() == 0


@pytest.mark.parametrize("channel", [name for name in CHANNELS if "skip" in fixture_of(name)])
async def test_our_own_echo_is_not_kept(channel: str) -> None:
    found = fixture_of(channel)
    open_channel(channel, found)
    async with serving(connector.routes) as client:
        assert (await send(client, channel, found["skip"])).status == 200
    assert count() == 0


HOSTILE = [
    b"",
    b"null",
    b"[]",
    b"{}",
    b'"text"',
    b"1e999",
    b"[" * 100_000,
    b'{"a":' * 5_000 + b"1" + b"}" * 5_000,
    b"\xff\xfe\x00",
    b'{"a": "\\ud800"}',
    b"<a>",
    b'<!DOCTYPE a [<!ENTITY b "c">]><request>&b;</request>',
    b"a=1&" * 2000,
    b"%zz=%",
    b'{"entry": 5, "events": {"a": 1}, "alerts": "x", "messages": [[[]]], "event": [], "message": "x", "type": {}}',
    json.dumps({"events": [{"type": "message", "timestamp": "x", "message": {"latitude": "nan"}}] * 1000}).encode(),
]


@pytest.mark.parametrize("channel", CHANNELS)
async def test_hostile_bodies_without_proof_are_refused(channel: str) -> None:
    found = fixture_of(channel)
    open_channel(channel, found)
    async with serving(connector.routes) as client:
        for body in HOSTILE:
            response = await send(client, channel, {"method": "POST"}, body=body)
            assert response.status in (200, 400, 403, 413), (body[:40], await response.text())
            assert "Traceback" not in await response.text()
        response = await send(client, channel, {"method": "POST"}, body=b"x" * (1024 * 1024 + 1))
        assert response.status == 413
        assert count() == 0
        assert (await send(client, channel, found)).status < 300
    assert count() == len(found["expect"])


def hostile_variants(body: Any) -> list[Any]:
    """The documented body with each of its values replaced by something it never is."""
    made: list[Any] = []

    def walk(value: Any, put: Any) -> None:
        for odd in (None, [], {}, "", 10**400, -1, [[1]], {"a": {"b": 1}}, "\ud800", "x" * 5000, True):
            made.append(json.loads(json.dumps(put(odd))))
        if isinstance(value, dict):
            for key, inner in value.items():
                walk(inner, lambda odd, key=key: put({**value, key: odd}))
        elif isinstance(value, list) and value:
            walk(value[0], lambda odd: put([odd, *value[1:]]))

    walk(body, lambda odd: odd)
    return made


@pytest.mark.parametrize("channel", [name for name in CHANNELS if shipped()[name].body == "json" and name != "feishu"])
def test_no_value_of_a_body_breaks_the_mapping(channel: str) -> None:
    """Signed by the provider, but nothing like its documentation: something is kept or skipped, nothing raises."""
    from connectors.generic import mapping
    from connectors.generic.arrival import Arrival
    from connectors.generic.webhook import open_arrival

    definition, found = shipped()[channel], fixture_of(channel)
    for body in hostile_variants(json.loads(found["body"])):
        arrival = Arrival(raw=json.dumps(body).encode(), query=found["query"], headers=found["headers"])
        scope, shaken = open_arrival(definition, arrival, found["secrets"], verified=True)
        if shaken is None:
            for message in mapping.messages(definition, scope):
                assert 0 < len(message.channel_id) <= 255
                assert message.sent_at.tzinfo is not None


async def test_a_channel_without_its_secrets_is_closed() -> None:
    async with serving(connector.routes) as client:
        for channel in CHANNELS:
            assert (await send(client, channel, fixture_of(channel))).status == 404
        assert (await client.post("/hooks/nothing", data=b"{}")).status == 404


def test_the_documentation_pages_are_current() -> None:
    folder = Path(__file__).parents[2] / "docs" / "channels" / "generic"
    made = {f"{name}.md": pages.page(definition) for name, definition in shipped().items()}
    made["README.md"] = pages.overview(dict(shipped()))
    assert {path.name: path.read_text("utf-8") for path in folder.glob("*.md")} == made, "run: hotline channels pages"


def test_the_fixtures_stand_at_the_tests_time(turnable: clock.TurnableClock) -> None:
    assert turnable.now() == datetime(2026, 11, 20, 2, 0, tzinfo=UTC)
