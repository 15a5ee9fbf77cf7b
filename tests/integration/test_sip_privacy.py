"""Payment data in a real call: silent in the recording, stars in turns, captions and ticket; the rest is heard as ever."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pytest
from sqlalchemy import select

from connectors.sip.recording import pcm_of
from core import db, live
from core.db import Database
from intake import TurnRow
from intake.payment import PaymentSettings, fits
from tests.integration.test_sip_dialog import hung_up
from tests.integration.test_sip_people import (
    AGENT,
    CALLER,
    LOCAL,
    asked,
    desk_of,
    put_through,
    said,
    understander,
)
from tests.support.agents import agent, sending, strength, telephone
from tests.support.redis_server import embedded_redis
from tests.support.rtp import rtp, silence, tone, voice_port
from tests.support.sip import controller, eventually, messages, peer, recogniser
from ticketing import AuditEntry

pytestmark = pytest.mark.usefixtures("database", "blob_store")
assert understander  # the words that this fixture's understander knows
CARD = "6222021234567890128"  # invented
SPOKEN = CARD.translate(str.maketrans("0123456789", "零一二三四五六七八九"))
BREATH = tone(1.0, CALLER) + silence(0.5)


def loudness(pcm: bytes, span: tuple[int, int]) -> float:
    """Of the caller's tone in this stretch (ms)."""
    sound = np.frombuffer(pcm, dtype="<i2").astype(float)[span[0] * 16 : span[1] * 16]
    return strength(sound, CALLER, 16_000)


def turns(database: Database) -> list[TurnRow]:
    with database.read() as session:
        query = select(TurnRow).where(TurnRow.speaker == "customer").order_by(TurnRow.number)
        return list(session.scalars(query))


async def test_a_card_number_is_noticed_by_itself(database: Database) -> None:
    assert fits(CARD)
    script = ["空调不制冷", f"卡号{SPOKEN[:8]}", SPOKEN[8:], "三七二", "家在丈八东路"]
    seen: list[str] = []

    async def watch() -> None:
        async with live.listen("call:*") as items:
            async for item in items:
                seen.append(str(item.get("text", "")))

    from core import settings

    settings.use(PaymentSettings(seconds=5))
    with embedded_redis():
        watching = asyncio.create_task(watch())
        async with recogniser(script), controller(dialog="none") as voice, peer() as caller, rtp() as stream:
            invite, response = await caller.establish(voice.front.port, rtp_port=stream.port)
            port = voice_port(response)
            for number in range(1, 5):
                await stream.speak(BREATH, port)
                async with sending(stream, port):
                    await eventually(lambda n=number: len(turns(database)) == n)  # type: ignore[misc]
            await stream.speak(silence(6.0), port)
            await stream.speak(BREATH, port)
            async with sending(stream, port):
                await eventually(lambda: len(turns(database)) == 5)
            caller.send(caller.within("BYE", invite, response, 2), voice.front.port)
            [message] = await messages(1)
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    kept = turns(database)
    assert [turn.text for turn in kept] == ["空调不制冷", "卡号" + "*" * 8, "*" * 11, "***", "家在丈八东路"]
    assert message.text == "\n".join(turn.text for turn in kept)
    assert not set("六二零三七") & set("".join(word.text for word in message.words))
    pcm = pcm_of(message.recording)
    heard = [loudness(pcm, (turn.start + 200, turn.end - 500)) for turn in kept]
    assert heard[0] > 1000
    assert max(loudness(pcm, (turn.start, turn.end)) for turn in kept[1:4]) < 200
    assert heard[4] > 1000
    assert message.extra["private"]
    assert f"卡号{'*' * 8}" in seen  # it was shown, and is covered
    assert SPOKEN[8:] not in "".join(seen)


@pytest.mark.parametrize("with_agent", [False, True])
async def test_a_card_number_just_before_hanging_up_is_not_in_the_recording(
    database: Database, *, with_agent: bool
) -> None:
    """The last final comes when the call is over; it must still find the recording open."""
    script = {"customer": [*(["转人工"] if with_agent else []), f"卡号{SPOKEN}"], "agent": ["请讲"]}
    with embedded_redis():
        async with telephone() as phone, recogniser(script), peer() as caller, rtp() as stream:
            if with_agent:
                agent("wang", phone.address)
                async with (
                    controller(LOCAL) as voice,
                    put_through(voice, caller, stream, phone) as ((invite, response), port),
                ):
                    async with sending(stream, port):
                        await phone.speaks(tone(1.0, AGENT) + silence(0.5))
                        await eventually(lambda: len(said("agent")) == 1)
                    await stream.speak(tone(1.0, CALLER), port)  # no pause after it
                    caller.send(caller.within("BYE", invite, response, 2), voice.front.port)
                    [message] = await messages(1)
            else:
                async with controller(dialog="none") as voice:
                    invite, response = await caller.establish(voice.front.port, rtp_port=stream.port)
                    await stream.speak(silence(0.5) + tone(1.0, CALLER), voice_port(response))
                    caller.send(caller.within("BYE", invite, response, 2), voice.front.port)
                    [message] = await messages(1)
    last = turns(database)[-1]
    assert last.text == "卡号" + "*" * 19
    pcm = pcm_of(message.recording)
    assert len(pcm) // 32 > last.end - 500
    assert loudness(pcm, (last.start, last.end)) < 200
    if with_agent:
        assert len(pcm_of(message.recording, "agent")) == len(pcm)


async def test_an_agent_presses_pause_and_resume(database: Database) -> None:
    script: dict[str, list[str]] = {
        "customer": ["转人工", "密码是一二三四五六", "空调不制冷"],
        "agent": ["请讲一二三四五六对吗"],
    }
    with embedded_redis():
        async with telephone() as phone, recogniser(script), peer() as caller, rtp() as stream:
            wang = agent("wang", phone.address)
            agent("li", "8009")
            async with (
                controller(LOCAL) as voice,
                desk_of("wang", "li") as (desk, other),
                put_through(voice, caller, stream, phone) as (_, port),
            ):
                assert (await asked(other, "private", {"on": True}))[0] == 403  # not her call
                assert (await asked(desk, "private", {"on": True})) == (200, {"done": "private"})
                await stream.speak(silence(0.5) + BREATH, port)
                async with sending(stream, port):
                    await eventually(lambda: len(said("customer")) == 2)
                    assert (await desk.get("/calls"))[1]["items"][0]["private"]
                    await phone.speaks(tone(1.0, AGENT) + silence(0.5))
                    await eventually(lambda: len(said("agent")) == 1)
                assert (await asked(desk, "private", {"on": False}))[0] == 200
                await stream.speak(silence(0.5) + BREATH, port)
                async with sending(stream, port):
                    await eventually(lambda: len(said("customer")) == 3)
                    assert not (await desk.get("/calls"))[1]["items"][0]["private"]
                    assert (await asked(desk, "hang-up"))[0] == 200
                    await asyncio.gather(phone.is_hung_up(), hung_up(caller))
                [message] = await messages(1)
    assert said("customer") == ["转人工", "密码是******", "空调不制冷"]
    assert said("agent") == ["请讲******对吗"]
    kept = {turn.text: turn for turn in turns(database)}
    pcm = pcm_of(message.recording)
    assert loudness(pcm, spoken(kept["密码是******"])) < 100
    assert loudness(pcm, spoken(kept["空调不制冷"])) > 1000
    right = np.frombuffer(pcm_of(message.recording, "agent"), dtype="<i2").astype(float)
    assert strength(right, AGENT, 16_000) < 30
    with db.read() as session:
        pressed = session.scalars(select(AuditEntry).where(AuditEntry.action == "call.private")).all()
    assert [row.actor for row in pressed] == [f"user:{wang}"] * 2


def spoken(turn: Any) -> tuple[int, int]:
    return turn.start + 200, turn.end - 400
