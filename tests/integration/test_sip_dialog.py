"""A guided call: prompts are heard, answers understood, the caller can interrupt; with real pjsua2 processes and RTP."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from sqlalchemy import select

from asr.audio import ALAW
from connectors.sip.message import answer
from core.db import Database
from intake import TurnRow
from intake.understand import use
from nlu import Candidate, Context, FieldFound, Intent, Request, Turn, Understanding
from tests.support.rtp import Rtp, rtp, silence, tone, voice_port
from tests.support.sip import Peer, controller, eventually, messages, peer, recogniser

pytestmark = pytest.mark.usefixtures("database", "blob_store")
WORDS = {"不制冷": "fault", "空调": "device", "丈八东路": "address", "一三九零零零零一二三四": "phone"}


class KnowsFourWords:
    """Understands just what the script's callers say."""

    def understand(self, turns: Sequence[Turn], context: Context) -> Understanding:
        found = [
            FieldFound(
                name=name,
                turn=number,
                start=turn.text.index(word),
                end=turn.text.index(word) + len(word),
                surface=word,
                value="13900001234" if name == "phone" else word,
                confidence=0.9,
                component="test",
                resolved=Candidate(value=word, score=0.99, details={"kind": "mobile"} if name == "phone" else {}),
            )
            for number, turn in enumerate(turns)
            for word, name in WORDS.items()
            if word in turn.text
        ]
        return Understanding(
            intents=[Intent(name="repair", probability=1.0)],
            urgency="normal",
            urgency_confidence=1.0,
            sentiment="neutral",
            sentiment_confidence=1.0,
            requests=[Request(intents=["repair"], fields=found)],
        )


@pytest.fixture(autouse=True)
def understander() -> Iterator[None]:
    from connectors.sip.plugin import prepare

    prepare()
    use(KnowsFourWords())
    yield
    use(None)


def steps(database: Database) -> list[str]:
    with database.read() as session:
        return list(session.scalars(select(TurnRow.expects).where(TurnRow.speaker == "system").order_by(TurnRow.id)))


def loudness(stream: Rtp) -> float:
    """Of the last half second that was heard."""
    sound = ALAW[np.frombuffer(bytes(stream.received[-4000:]), np.uint8)].astype(float)
    return float(np.sqrt((sound**2).mean())) if len(sound) else 0.0


async def utter(stream: Rtp, port: int) -> None:
    await stream.speak(tone(0.6) + silence(0.5), port)


async def hold_open(stream: Rtp, port: int, stop: asyncio.Event) -> None:
    while not stop.is_set():
        await stream.speak(silence(0.1), port)


async def until(database: Database, stream: Rtp, port: int, step: str) -> None:
    """Sends silence until this was said last."""
    stop = asyncio.Event()
    task = asyncio.create_task(hold_open(stream, port, stop))
    try:
        await eventually(lambda: steps(database)[-1:] == [step], 15)
    except AssertionError as error:
        raise AssertionError(f"{step} was not said: {steps(database)}") from error
    finally:
        stop.set()
        await task


async def hung_up(caller: Peer) -> None:
    bye = await caller.get(20, lambda message: message.method == "BYE")
    caller.send(answer(bye, 200, "OK"), caller_of(bye))


def caller_of(bye: object) -> int:
    return int(str(bye.all("via")[0]).split(";")[0].rpartition(":")[2])  # type: ignore[attr-defined]  # a SipMessage


async def test_a_guided_call(database: Database) -> None:
    said = ["喂你好", "不制冷", "空调", "丈八东路八号", "一三九零零零零一二三四", "对的"]
    async with recogniser(said), controller() as voice, peer() as caller, rtp() as stream:
        invite = caller.invite(rtp_port=stream.port)
        invite.put("from", "<sip:anonymous@anonymous.invalid>;tag=caller")
        caller.send(invite, voice.front.port)
        response = await caller.final()
        caller.send(caller.within("ACK", invite, response, 1), voice.front.port)
        port = voice_port(response)
        await until(database, stream, port, "open")
        stop = asyncio.Event()
        holding = asyncio.create_task(hold_open(stream, port, stop))
        await eventually(lambda: loudness(stream) > 300)  # the greeting is heard
        stop.set()
        await holding
        await utter(stream, port)
        # One step after the other: the question is kept, its answer spoken.
        for step in ("fault", "device", "address", "phone", "read_back.phone"):
            await until(database, stream, port, step)
            await utter(stream, port)
        stop = asyncio.Event()
        holding = asyncio.create_task(hold_open(stream, port, stop))
        await hung_up(caller)
        stop.set()
        await holding
        [message] = await messages(1)
    assert steps(database) == ["open", "fault", "device", "address", "phone", "read_back.phone", "end.complete"]
    assert message.text.split("\n") == said
    assert message.sender.value == ""
    assert message.extra["dialog"]["confirmed"] == {"phone": "13900001234"}
    assert message.extra["outcome"] == "completed"


async def test_what_was_heard_badly_is_marked_for_the_agent(database: Database) -> None:
    async with recogniser(["空调不制冷", "~丈八东路八号"]), controller() as voice, peer() as caller, rtp() as stream:
        invite, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        port = voice_port(response)
        await until(database, stream, port, "open")
        await utter(stream, port)
        await until(database, stream, port, "address")
        await stream.speak(tone(0.6) + silence(0.4), port)
        caller.send(caller.within("BYE", invite, response, 2), voice.front.port)  # before it is our turn again
        [message] = await messages(1)
    assert message.extra["dialog"]["unsure"] == ["address"]
    assert message.problem.startswith("听得不清，请核对：地址 (")


async def test_a_caller_can_interrupt(database: Database) -> None:
    async with recogniser(["空调不制冷"]), controller() as voice, peer() as caller, rtp() as stream:
        _, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        port = voice_port(response)
        stop = asyncio.Event()
        holding = asyncio.create_task(hold_open(stream, port, stop))
        await eventually(lambda: loudness(stream) > 300)
        stop.set()
        await holding
        await stream.speak(tone(1.2), port)  # the greeting lasts 6.7 s
        assert loudness(stream) < 50


async def test_danger_is_answered_at_once(database: Database) -> None:
    async with recogniser(["着火了快来人"]), controller() as voice, peer() as caller, rtp() as stream:
        _, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        await stream.speak(tone(0.6), voice_port(response))  # no pause yet: the partial says it
        await until(database, stream, voice_port(response), "emergency")


async def test_a_silent_caller_is_asked_and_then_called_back(database: Database) -> None:
    async with recogniser([]), controller() as voice, peer() as caller, rtp() as stream:
        _, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        stop = asyncio.Event()
        holding = asyncio.create_task(hold_open(stream, voice_port(response), stop))
        bye = await caller.get(40, lambda message: message.method == "BYE")
        caller.send(answer(bye, 200, "OK"), voice.front.port)
        stop.set()
        await holding
        [message] = await messages(1)
    assert steps(database) == ["open", "still_there", "end.silent"]
    assert message.extra["outcome"] == "silent"


async def test_without_a_recogniser_it_greets_and_records(database: Database) -> None:
    async with controller() as voice, peer() as caller, rtp() as stream:
        invite, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        stop = asyncio.Event()
        holding = asyncio.create_task(hold_open(stream, voice_port(response), stop))
        await eventually(lambda: loudness(stream) > 300)
        stop.set()
        await holding
        await stream.speak(tone(0.6), voice_port(response))
        caller.send(caller.within("BYE", invite, response, 2), voice.front.port)
        [message] = await messages(1)
    assert steps(database) == ["open"]
    assert message.waits == "recognition"
