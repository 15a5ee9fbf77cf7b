"""Calls between people: put through, both heard and recorded apart, held, given on; with real pjsua2 processes and RTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import select

from connectors.sip.recording import pcm_of
from connectors.sip.settings import PeopleSettings
from core import db
from core.db import Database
from intake import TurnRow
from intake.understand import use
from tests.integration.test_sip_dialog import KnowsFourWords, steps
from tests.support.agents import agent, lately, sending, silence, strength, telephone, tone
from tests.support.rtp import rtp, voice_port
from tests.support.sip import Peer, SipMessage, controller, eventually, messages, peer, recogniser, sessions
from ticketing import Phone

pytestmark = pytest.mark.usefixtures("database", "blob_store")
LOCAL = PeopleSettings(phones_at=("127.0.0.1",), ring_seconds=5, wrap_up=0)
CALLER, AGENT, OTHER = 400.0, 900.0, 1500.0  # Hz


@pytest.fixture(autouse=True)
def understander() -> Iterator[None]:
    from connectors.sip.plugin import prepare

    prepare()
    use(KnowsFourWords())
    yield
    use(None)


def said(speaker: str) -> list[str]:
    with db.read() as session:
        query = select(TurnRow.text).where(TurnRow.speaker == speaker).order_by(TurnRow.number)
        return list(session.scalars(query))


def state_of(user_id: int) -> str | None:
    with db.read() as session:
        return session.get_one(Phone, user_id).call


def staged() -> str:
    return str(sessions()[-1].facts.get("people", {}).get("stage", ""))


async def hung_up(caller: Peer, seconds: float = 15) -> None:
    from tests.integration.test_sip_dialog import hung_up as gone

    del seconds
    await gone(caller)


async def test_caller_and_agent_hear_each_other_and_are_kept_apart(database: Database) -> None:
    wang = None
    script = {"customer": ["我要转人工", "我家空调不制冷"], "agent": ["您好请讲", "明天上门"]}
    async with telephone() as phone, recogniser(script), peer() as caller, rtp() as stream:
        wang = agent("wang", phone.address)
        async with controller(LOCAL) as voice:
            _, response = await caller.establish(voice.front.port, rtp_port=stream.port)
            port = voice_port(response)
            await stream.speak(tone(0.6, CALLER) + silence(0.5), port)
            async with sending(stream, port):
                await phone.answers(20)
            assert "13900001234" in phone.invite.get("from")
            assert state_of(wang) == sessions()[0].id
            async with phone.silent():
                await stream.speak(silence(0.5) + tone(1.0, CALLER) + silence(0.5), port)
                assert strength_in(phone.stream.received, CALLER) > 1000
            async with sending(stream, port):
                await phone.speaks(tone(1.0, AGENT) + silence(0.5))
                assert strength_in(stream.received[-12_000:], AGENT) > 1000
                await eventually(lambda: staged() == "talking")
                await eventually(lambda: said("agent") == ["您好请讲"])
                await phone.speaks(tone(0.5, AGENT))  # her last words, and she hangs up
                await phone.hangs_up()
                await hung_up(caller)
            [message] = await messages(1)
        assert state_of(wang) is None
    assert message.text == "我要转人工\n我家空调不制冷"
    assert said("agent") == ["您好请讲", "明天上门"]
    assert [one["speaker"] for one in message.extra["conversation"]][-3:] == ["customer", "agent", "agent"]
    assert message.extra["people"]["talked"][0]["agent"] == wang
    assert message.extra["outcome"] == "completed"
    assert not message.waits
    left = np.frombuffer(pcm_of(message.recording), dtype="<i2").astype(float)
    right = np.frombuffer(pcm_of(message.recording, "agent"), dtype="<i2").astype(float)
    assert len(left) == len(right)
    first = next(one for one in message.extra["conversation"] if one["text"] == "您好请讲")
    spoken = slice(first["start"] * 16, first["end"] * 16)
    assert strength(right[spoken], AGENT, 16_000) > 1000  # where the words say, and nowhere else
    assert strength(left[spoken], AGENT, 16_000) < 100
    assert strength(right, CALLER, 16_000) < 30
    last = next(one for one in message.extra["conversation"] if one["text"] == "我家空调不制冷")
    assert strength(left[last["start"] * 16 : last["end"] * 16], CALLER, 16_000) > 1000


def strength_in(codes: bytes | bytearray, hz: float) -> float:
    """Of the loudest half second."""
    from asr.audio import ALAW

    samples = ALAW[np.frombuffer(bytes(codes), np.uint8)].astype(float)
    return max((strength(samples[at : at + 4000], hz) for at in range(0, max(1, len(samples) - 4000), 800)), default=0)


async def until_said(caller: Peer, stream: object, response: SipMessage, step: str) -> None:
    async with sending(stream, voice_port(response)):  # type: ignore[arg-type]
        await eventually(lambda: step in steps(db.database()), 20)


__all__ = ["asyncio", "lately", "until_said"]
