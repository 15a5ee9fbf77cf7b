"""Callers who wait for a person: their order, place, call-back, hours; with real pjsua2 processes and RTP."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from sqlalchemy import select

from core import db
from core.db import Database
from intake import waiting
from intake.dialog.script import SHIPPED
from tests.integration.test_sip_dialog import hung_up, loudness, steps
from tests.integration.test_sip_people import (
    AGENT,
    CALLER,
    LOCAL,
    said,
    staged,
    state_of,
)
from tests.integration.test_sip_people import understander as understander  # the fixture
from tests.support import keep_promises
from tests.support.agents import agent, sending, silence, telephone, tone
from tests.support.rtp import rtp, voice_port
from tests.support.sip import controller, eventually, messages, peer, recogniser, sessions
from ticketing import Event, Phone, Ticket

pytestmark = pytest.mark.usefixtures("database", "blob_store")


async def test_the_next_agent_is_rung_when_one_does_not_answer(database: Database) -> None:
    async with telephone() as absent, telephone() as present, peer() as caller, rtp() as stream:
        first, second = agent("absent", absent.address), agent("present", present.address)
        with db.write() as session:
            session.get_one(Phone, second).since = session.get_one(Phone, first).since + timedelta(seconds=1)
        people = LOCAL.model_copy(update={"ring_seconds": 1.0})
        async with recogniser({"customer": ["找人工"], "agent": ["喂"]}), controller(people) as voice:
            invite, response = await caller.establish(voice.front.port, rtp_port=stream.port)
            port = voice_port(response)
            await stream.speak(tone(0.6, CALLER) + silence(0.5), port)
            async with sending(stream, port):
                await absent.rings(20)
                await absent.is_cancelled()
                await present.answers()
                await eventually(lambda: staged() == "talking")
            assert state_of(first) is None
            assert state_of(second) == sessions()[0].id
            async with sending(stream, port):
                await present.speaks(tone(0.6, AGENT) + silence(0.6))
                await eventually(lambda: said("agent") == ["喂"])
            caller.send(caller.within("BYE", invite, response, 2), voice.front.port)
            await present.is_hung_up()
            [message] = await messages(1)
    assert steps(database)[:2] == ["open", "hand_over"]
    assert message.extra["people"]["talked"][0]["agent"] == second
    assert message.problem == ""


async def test_who_waits_hears_his_place_and_can_be_called_back(database: Database) -> None:
    people = LOCAL.model_copy(update={"announce_seconds": 60.0})
    async with telephone() as phone, peer() as one, peer() as two, rtp() as first, rtp() as second:
        wang = agent("wang", phone.address)
        with db.write() as session:
            session.get_one(Phone, wang).call = "f" * 32  # she talks with somebody
        script = {"customer": ["转人工", "转人工"], "agent": []}
        async with recogniser(script), controller(people) as voice:
            invite, ports = None, []
            for caller, stream in ((one, first), (two, second)):
                invite, response = await caller.establish(voice.front.port, rtp_port=stream.port)
                ports.append(voice_port(response))
                await stream.speak(tone(0.6, CALLER) + silence(0.5), ports[-1])
                async with sending(stream, ports[-1]):
                    await eventually(lambda: staged() == "queue", 20)
            assert invite is not None
            waits = [session.facts["people"]["ahead"] for session in sessions()]
            assert waits == [0, 1]
            async with sending(second, ports[1]):
                told = await eventually(lambda: [text for text in said("system") if "按一" in text][1:2], 15)
                assert "您前面还有一位" in told[0]
                await eventually(lambda: loudness(second) > 200)
            await second.key("1", ports[1])
            async with sending(second, ports[1]):
                await hung_up(two)
                [message] = await messages(1)
            assert "客户要求回电" in message.problem
            assert message.extra["people"]["because"] == "call back"
            await asyncio.to_thread(keep_promises, "intake.understand")
            with db.read() as session:
                wanted = session.scalars(select(Event).where(Event.kind == "call.call_back_wanted")).one()
                assert "客户要求回电" in session.get_one(Ticket, wanted.ticket_id).summary
            assert waiting.waiting_now() == 1
            with db.write() as session:
                session.get_one(Phone, wang).call = None
            async with sending(first, ports[0]):
                await phone.answers(20)
                await eventually(lambda: sessions()[0].facts["people"]["stage"] == "talking")


async def test_who_speaks_of_danger_while_he_waits_is_next(database: Database) -> None:
    async with peer() as one, peer() as two, rtp() as first, rtp() as second:
        wang = agent("wang", "sip:nobody@127.0.0.1:9")
        with db.write() as session:
            session.get_one(Phone, wang).call = "f" * 32
        script = {"customer": ["转人工", "转人工", "着火了快来人"]}
        async with recogniser(script), controller(LOCAL) as voice:
            ports = []
            for caller, stream in ((one, first), (two, second)):
                _, response = await caller.establish(voice.front.port, rtp_port=stream.port)
                ports.append(voice_port(response))
                await stream.speak(tone(0.6, CALLER) + silence(0.5), ports[-1])
                async with sending(stream, ports[-1]):
                    await eventually(lambda: staged() == "queue", 20)
            await second.speak(tone(0.6, CALLER) + silence(0.5), ports[1])
            async with sending(second, ports[1]), sending(first, ports[0]):
                await eventually(lambda: [one.facts["people"]["ahead"] for one in sessions()] == [1, 0], 15)


async def test_who_waits_too_long_is_called_back_and_who_hangs_up_too(database: Database) -> None:
    people = LOCAL.model_copy(update={"queue_seconds": 1.0})
    async with peer() as one, peer() as two, rtp() as first, rtp() as second:
        wang = agent("wang", "sip:nobody@127.0.0.1:9")
        with db.write() as session:
            session.get_one(Phone, wang).call = "f" * 32
        async with recogniser({"customer": ["转人工", "转人工"]}), controller(people) as voice:
            _, response = await one.establish(voice.front.port, rtp_port=first.port)
            await first.speak(tone(0.6, CALLER) + silence(0.5), voice_port(response))
            async with sending(first, voice_port(response)):
                await hung_up(one)
            [message] = await messages(1)
            assert "请回电" in message.problem
            assert message.extra["people"]["because"] == "too long"
            invite, response = await two.establish(voice.front.port, rtp_port=second.port)
            await second.speak(tone(0.6, CALLER) + silence(0.5), voice_port(response))
            async with sending(second, voice_port(response)):
                await eventually(lambda: staged() == "queue", 20)
            two.send(two.within("BYE", invite, response, 2), voice.front.port)
            _, gone = await messages(2)
    assert "请回电" in gone.problem
    assert waiting.waiting_now() == 0


async def test_nobody_is_put_through_out_of_hours(database: Database, tmp_path: Path) -> None:
    content = yaml.safe_load((SHIPPED / "repair.yaml").read_text("utf-8"))
    closed = tmp_path / "closed.yaml"
    closed.write_text(yaml.safe_dump({**content, "hours": {"mon-sun": "00:00-00:00"}}), "utf-8")
    async with telephone() as phone, peer() as caller, rtp() as stream:
        agent("wang", phone.address)
        async with recogniser({"customer": ["转人工"]}), controller(LOCAL, dialog=str(closed)) as voice:
            _, response = await caller.establish(voice.front.port, rtp_port=stream.port)
            await stream.speak(tone(0.6, CALLER) + silence(0.5), voice_port(response))
            async with sending(stream, voice_port(response)):
                await hung_up(caller)
            [message] = await messages(1)
            assert await phone.peer.nothing(0.1)
    assert steps(database) == ["open", "end.hand_over"]
    assert "客户要求回电" in message.problem
    assert "sip.call_back" not in message.promises  # there is no trunk that could be called


async def test_a_caller_hears_at_once_that_the_queue_is_full(database: Database) -> None:
    async with peer() as caller, rtp() as stream:
        wang = agent("wang", "sip:nobody@127.0.0.1:9")
        with db.write() as session:
            session.get_one(Phone, wang).call = "f" * 32
        people = LOCAL.model_copy(update={"queue_length": 0})
        async with recogniser({"customer": ["转人工"]}), controller(people) as voice:
            _, response = await caller.establish(voice.front.port, rtp_port=stream.port)
            await stream.speak(tone(0.6, CALLER) + silence(0.5), voice_port(response))
            async with sending(stream, voice_port(response)):
                await hung_up(caller)
            [message] = await messages(1)
    assert message.extra["people"]["because"] == "full"
