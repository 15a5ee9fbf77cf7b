"""Calls between people: put through, both heard and recorded apart, held, given on; with real pjsua2 processes and RTP."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import numpy as np
import pytest
from aiohttp import CookieJar, web
from aiohttp.test_utils import TestClient, TestServer
from sqlalchemy import select

import intake.api
import ticketing.api
from connectors.sip.controller import Controller
from connectors.sip.message import SipMessage, answer
from connectors.sip.recording import Recording, keep, path_of, pcm_of
from connectors.sip.settings import PeopleSettings
from core import clock, db
from core.db import Database
from core.http import application
from intake import Message, Sender, TurnRow, accept_now
from intake.understand import use
from tests.integration.test_sip_dialog import KnowsFourWords, hung_up, loudness, steps
from tests.support import keep_promises
from tests.support.agents import Telephone, agent, lately, sending, silence, strength, telephone, tone
from tests.support.desk import PASSWORD, Desk
from tests.support.redis_server import embedded_redis
from tests.support.rtp import Rtp, rtp, voice_port
from tests.support.sip import Peer, controller, eventually, messages, peer, recogniser, sessions
from ticketing import AuditEntry, Entry, Event, Phone, Ticket

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
                await stream.key("5", port)  # keys still count
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
    assert message.text == "我要转人工\n我家空调不制冷\n5"
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
    await asyncio.to_thread(keep_promises, "intake.understand")
    with db.read() as session:
        [ticket] = session.scalars(select(Ticket)).all()
        assert ticket.value("fault") == "不制冷"
        entries = session.scalars(select(Entry).order_by(Entry.id)).all()
        talked = session.scalars(select(Event).where(Event.kind == "call.talked")).one()
    assert [entry.kind for entry in entries] == ["message", "note"]
    assert entries[0].recording == message.recording
    assert "客服: 您好请讲" in entries[1].text
    assert "客户: 我家空调不制冷" in entries[1].text
    assert (talked.actor, talked.ticket_id) == (f"user:{wang}", ticket.id)
    assert talked.details["seconds"] >= 2


def strength_in(codes: bytes | bytearray, hz: float) -> float:
    """Of the loudest half second."""
    from asr.audio import ALAW

    samples = ALAW[np.frombuffer(bytes(codes), np.uint8)].astype(float)
    return max((strength(samples[at : at + 4000], hz) for at in range(0, max(1, len(samples) - 4000), 800)), default=0)


@contextlib.asynccontextmanager
async def desk_of(*logins: str) -> AsyncIterator[list[Desk]]:
    """The API with calls, a client for each of these users, and Redis between it and the telephone."""
    app, api = application(), web.Application()
    ticketing.api.routes(api)
    intake.api.routes(api)
    app.add_subapp("/api/v1", api)
    async with TestServer(app) as server, contextlib.AsyncExitStack() as stack:
        desks = []
        for login in logins:
            desk = Desk(await stack.enter_async_context(TestClient(server, cookie_jar=CookieJar(unsafe=True))))
            assert (await desk.send("/session", {"login": login, "password": PASSWORD}))[0] == 200
            desks.append(desk)
        yield desks


@contextlib.asynccontextmanager
async def put_through(
    voice: Controller, caller: Peer, stream: Rtp, phone: Telephone
) -> AsyncIterator[tuple[tuple[SipMessage, SipMessage], int]]:
    """A caller who asked for a person and talks with this agent; his INVITE, our answer and our voice port."""
    invite, response = await caller.establish(voice.front.port, rtp_port=stream.port)
    port = voice_port(response)
    await stream.speak(tone(0.6, CALLER) + silence(0.5), port)
    async with sending(stream, port):
        await phone.answers(20)
        await eventually(lambda: staged() == "talking")
    yield (invite, response), port


def referral(caller: Peer, invite: SipMessage, response: SipMessage, target: str) -> SipMessage:
    request = caller.within("REFER", invite, response, 50 + len(target))
    request.headers.append(("refer-to", f"<sip:{target}@127.0.0.1>"))
    return request


async def asked(desk: Desk, what: str, body: dict[str, object] | None = None) -> tuple[int, dict[str, object]]:
    return await desk.send(f"/calls/{sessions()[-1].id}/{what}", body)


async def test_hold_music_and_back() -> None:
    script = {"customer": ["转人工"], "agent": []}
    with embedded_redis():
        async with telephone() as phone, recogniser(script), peer() as caller, rtp() as stream:
            agent("wang", phone.address)
            agent("li", "8009")
            async with (
                controller(LOCAL) as voice,
                desk_of("wang", "li") as (wang, li),
                put_through(voice, caller, stream, phone) as (_, port),
                sending(stream, port, tone(0.1, CALLER)),
            ):
                await eventually(lambda: lately(phone.stream, CALLER) > 1000)
                assert (await asked(li, "hold", {"on": True}))[0] == 403  # not her call
                assert (await asked(wang, "hold", {"on": True})) == (200, {"done": "hold"})
                assert (await wang.get("/calls"))[1]["items"][0]["stage"] == "held"
                await eventually(lambda: lately(phone.stream, CALLER) < 100)
                await eventually(lambda: loudness(stream) > 200)  # music
                assert (await asked(wang, "hold", {"on": False}))[0] == 200
                await eventually(lambda: lately(phone.stream, CALLER) > 1000)
                await phone.holds(on=True)  # the telephone's own key
                await eventually(lambda: staged() == "held")
                await eventually(lambda: loudness(stream) > 200)
                await phone.holds(on=False)
                await eventually(lambda: lately(phone.stream, CALLER) > 1000)
                assert (await asked(wang, "transfer/complete"))[0] == 409
                assert (await asked(wang, "hang-up"))[0] == 200
                await asyncio.gather(phone.is_hung_up(), hung_up(caller))
                await eventually(lambda: sessions()[-1].state == "ended")
                assert (await asked(wang, "hold", {"on": True}))[0] == 404


async def test_a_caller_is_given_on_blindly(database: Database) -> None:
    with embedded_redis():
        async with telephone() as phone, telephone() as other, peer() as caller, rtp() as stream:
            wang, li = agent("wang", phone.address), agent("li", other.address, "away")
            script = {"customer": ["转人工"], "agent": ["请找李工", "我是李工"]}
            async with (
                recogniser(script),
                controller(LOCAL) as voice,
                desk_of("wang") as (desk,),
                put_through(voice, caller, stream, phone) as (_, port),
                sending(stream, port, tone(0.1, CALLER)),
            ):
                await phone.speaks(tone(0.6, AGENT) + silence(0.5))
                await eventually(lambda: said("agent") == ["请找李工"])
                assert (await asked(desk, "transfer", {"user": wang}))[0] == 409
                assert (await asked(desk, "transfer", {"user": li, "number": "1"}))[0] in (400, 422)
                assert (await asked(desk, "transfer", {"number": "+19005551234"}))[0] == 403
                assert (await asked(desk, "transfer", {"user": li})) == (200, {"done": "transfer"})
                await phone.is_hung_up()
                await other.answers()
                await eventually(lambda: staged() == "talking")
                assert (state_of(wang), state_of(li)) == (None, sessions()[0].id)
                await eventually(lambda: lately(other.stream, CALLER) > 1000)
                await other.speaks(tone(0.6, OTHER) + silence(0.6))
                assert strength_in(stream.received[-12_000:], OTHER) > 1000
                await eventually(lambda: said("agent") == ["请找李工", "我是李工"])
                await other.hangs_up()
                await hung_up(caller)
                [message] = await messages(1)
    assert [talk["agent"] for talk in message.extra["people"]["talked"]] == [wang, li]
    right = np.frombuffer(pcm_of(message.recording, "agent"), dtype="<i2").astype(float)
    lines = [one for one in message.extra["conversation"] if one["speaker"] == "agent"]
    for line, hz in zip(lines, (AGENT, OTHER), strict=True):
        assert strength(right[line["start"] * 16 : line["end"] * 16], hz, 16_000) > 1000


async def test_a_telephone_gives_its_caller_on_by_refer(database: Database) -> None:
    async with telephone() as phone, telephone() as other, peer() as caller, rtp() as stream:
        wang = agent("wang", phone.address)
        li = agent("li", other.address.replace("agent@", "8002@"), "away")
        async with (
            recogniser({"customer": ["转人工"]}),
            controller(LOCAL) as voice,
            put_through(voice, caller, stream, phone) as ((invite, response), port),
            sending(stream, port, tone(0.1, CALLER)),
        ):
            assert (await phone.refers("00190055512345")).status == 603  # settings do not allow that number
            for target in ("8002", "00190055512345"):  # no caller of ours may make us call
                caller.send(referral(caller, invite, response, target), voice.front.port)
                assert (await caller.get(5, lambda message: message.cseq[1] == "REFER")).status == 603
            assert (await phone.refers("8002")).status == 202
            notify = await phone.peer.get(5, lambda message: message.method == "NOTIFY")
            phone.peer.send(answer(notify, 200, "OK"), voice.front.port)
            assert notify.body.startswith(b"SIP/2.0 200")
            await phone.is_hung_up()
            await other.answers()
            await eventually(lambda: state_of(li) == sessions()[0].id)
            await eventually(lambda: lately(other.stream, CALLER) > 1000)
            assert state_of(wang) is None


async def test_a_colleague_is_asked_first(database: Database) -> None:
    with embedded_redis():
        async with telephone() as phone, telephone() as other, peer() as caller, rtp() as stream:
            agent("wang", phone.address)
            li = agent("li", other.address, "away")
            async with (
                recogniser({"customer": ["转人工"]}),
                controller(LOCAL) as voice,
                desk_of("wang") as (desk,),
                put_through(voice, caller, stream, phone) as (_, port),
                sending(stream, port, tone(0.1, CALLER)),
            ):
                for done in ("cancel", "complete"):
                    assert (await asked(desk, "transfer", {"user": li, "attended": True}))[0] == 200
                    await other.answers()
                    await eventually(lambda: staged() == "held")
                    async with sending(phone.stream, voice_port(phone.invite), tone(0.1, AGENT)):
                        await eventually(lambda: lately(other.stream, AGENT) > 1000)  # they speak
                        assert lately(other.stream, CALLER) < 100  # and the caller is not heard
                    await eventually(lambda: loudness(stream) > 200)
                    assert (await asked(desk, f"transfer/{done}"))[0] == 200
                    if done == "cancel":
                        await other.is_hung_up()
                        await eventually(lambda: lately(phone.stream, CALLER) > 1000)
                        assert state_of(li) is None
                await phone.is_hung_up()
                await eventually(lambda: lately(other.stream, CALLER) > 1000)
                await eventually(lambda: state_of(li) == sessions()[0].id)


@pytest.mark.parametrize("who", ["agent", "caller", "colleague"])
async def test_who_hangs_up_while_a_colleague_is_asked(database: Database, who: str) -> None:
    with embedded_redis():
        async with telephone() as phone, telephone() as other, peer() as caller, rtp() as stream:
            wang = agent("wang", phone.address)
            li = agent("li", other.address, "away")
            async with (
                recogniser({"customer": ["转人工"]}),
                controller(LOCAL) as voice,
                desk_of("wang") as (desk,),
                put_through(voice, caller, stream, phone) as ((invite, response), port),
                sending(stream, port, tone(0.1, CALLER)),
            ):
                assert (await asked(desk, "transfer", {"user": li, "attended": True}))[0] == 200
                await other.answers()
                async with sending(phone.stream, voice_port(phone.invite), tone(0.1, AGENT)):
                    await eventually(lambda: lately(other.stream, AGENT) > 1000)
                if who == "agent":  # she gives the caller to her colleague
                    await phone.hangs_up()
                    await eventually(lambda: lately(other.stream, CALLER) > 1000)
                    assert (state_of(wang), state_of(li)) == (None, sessions()[0].id)
                elif who == "caller":
                    caller.send(caller.within("BYE", invite, response, 2), voice.front.port)
                    await asyncio.gather(phone.is_hung_up(), other.is_hung_up())
                    await messages(1)
                    assert (state_of(wang), state_of(li)) == (None, None)
                else:
                    await other.hangs_up()
                    await eventually(lambda: lately(phone.stream, CALLER) > 1000)
                    assert (state_of(wang), state_of(li)) == (sessions()[0].id, None)


async def test_a_supervisor_hears_both_and_is_heard_by_nobody(database: Database) -> None:
    with embedded_redis():
        async with telephone() as phone, telephone() as ear, peer() as caller, rtp() as stream:
            agent("wang", phone.address)
            agent("boss", ear.address, "away", role="manager")
            async with (
                recogniser({"customer": ["转人工"]}),
                controller(LOCAL) as voice,
                desk_of("wang", "boss") as (wang, boss),
                put_through(voice, caller, stream, phone) as (_, port),
                sending(stream, port, tone(0.1, CALLER)),
                sending(phone.stream, voice_port(phone.invite), tone(0.1, AGENT)),
            ):
                assert (await asked(wang, "listen"))[0] == 403
                assert (await asked(boss, "whisper", {"on": True}))[0] == 409  # he does not listen yet
                assert (await asked(boss, "listen"))[0] == 200
                await ear.answers()
                await eventually(lambda: lately(ear.stream, CALLER) > 1000 and lately(ear.stream, AGENT) > 1000)
                async with sending(ear.stream, voice_port(ear.invite), tone(0.1, OTHER)):
                    await asyncio.sleep(1.0)
                    assert lately(stream, OTHER) < 30
                    assert lately(phone.stream, OTHER) < 30
                    assert (await asked(boss, "whisper", {"on": True}))[0] == 200
                    await eventually(lambda: lately(phone.stream, OTHER) > 1000)  # the agent alone hears it
                    assert lately(stream, OTHER) < 30
                    assert (await asked(boss, "whisper", {"on": False}))[0] == 200
                    await eventually(lambda: lately(phone.stream, OTHER) < 30)
                assert lately(phone.stream, CALLER) > 1000  # they talk on
                session_id = sessions()[0].id
                assert len((await wang.get("/calls"))[1]["items"][0]["listeners"]) == 1  # the agent sees it
                status, _ = await boss.send(f"/calls/{session_id}/listen", method="DELETE")
                assert status == 200
                await ear.is_hung_up()
                await eventually(lambda: sessions()[0].facts["people"]["listeners"] == [])
                assert staged() == "talking"
    with db.read() as session:
        audited = session.scalars(select(AuditEntry.action).where(AuditEntry.subject == f"call:{session_id}")).all()
    assert list(audited).count("call.listen") == 2


async def test_an_agent_takes_a_caller_out_of_the_dialog(database: Database) -> None:
    with embedded_redis():
        async with telephone() as phone, peer() as caller, rtp() as stream:
            wang = agent("wang", phone.address, "away")
            async with recogniser({"customer": []}), controller(LOCAL) as voice, desk_of("wang") as (desk,):
                _, response = await caller.establish(voice.front.port, rtp_port=stream.port)
                async with sending(stream, voice_port(response), tone(0.1, CALLER)):
                    await eventually(lambda: steps(database) == ["open"])
                    assert (await asked(desk, "take"))[0] == 200
                    assert (await asked(desk, "take"))[0] == 409  # it rings already
                    await phone.answers()
                    await eventually(lambda: lately(phone.stream, CALLER) > 1000)
                    assert staged() == "talking"
                    assert state_of(wang) == sessions()[0].id
                    await phone.hangs_up()
                    await hung_up(caller)
    assert steps(database) == ["open"]


async def test_both_sides_of_a_call_that_broke_off_are_recognised_later(database: Database, tmp_path: Path) -> None:
    session_id = "d" * 32
    loud = (np.sin(np.arange(12_800) / 5) * 8000).astype("<i2").tobytes()
    quiet = bytes(25_600)
    for leg, sound in (("customer", loud + quiet + quiet), ("agent", quiet + loud + quiet)):
        track = Recording(tmp_path, session_id, leg)
        track.write(sound)
        track.close()
    reference, _ = keep(path_of(tmp_path, session_id))
    sender = Sender(kind="phone", value="+8613900001234")
    broken = Message(
        channel="sip",
        channel_id=session_id,
        sender=sender,
        text="",
        sent_at=clock.now(),
        style="call",
        recording=reference,
        waits="recognition",
        promises=("sip.recognise",),
    )
    await asyncio.to_thread(accept_now, broken)
    await asyncio.to_thread(keep_promises, "intake.understand")
    async with recogniser({"customer": ["空调不制冷"], "agent": ["明天上门"]}):
        await asyncio.to_thread(keep_promises, "sip.recognise")
    [message] = await messages(1)
    assert message.text == "空调不制冷"
    with db.read() as session:
        note = session.scalars(select(Entry).where(Entry.kind == "note")).one()
    assert note.text == "[00:00] 客户: 空调不制冷\n[00:00] 客服: 明天上门"


async def test_a_caller_whom_nobody_takes_after_a_transfer_is_called_back(database: Database) -> None:
    people = LOCAL.model_copy(
        update={"ring_seconds": 1.0, "queue_seconds": 1.0, "no_answer_rest": 60.0, "wrap_up": 60.0}
    )
    with embedded_redis():
        async with telephone() as phone, telephone() as other, peer() as caller, rtp() as stream:
            agent("wang", phone.address)
            li = agent("li", other.address, "away")
            async with (
                recogniser({"customer": ["转人工"]}),
                controller(people) as voice,
                desk_of("wang") as (desk,),
                put_through(voice, caller, stream, phone) as (_, port),
                sending(stream, port),
            ):
                assert (await asked(desk, "transfer", {"user": li}))[0] == 200
                await phone.is_hung_up()
                await other.rings()
                await other.is_cancelled()
                await eventually(lambda: staged() == "queue")
                assert state_of(li) is None
                await hung_up(caller)
                [message] = await messages(1)
    assert "请回电" in message.problem
    assert len(message.extra["people"]["talked"]) == 1
