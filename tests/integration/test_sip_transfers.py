"""What can go wrong between people: two transfers at once, telephones that are lost, databases that fail, whispering outside."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy.exc import OperationalError

from connectors.sip.message import answer
from connectors.sip.prompts import text_of
from connectors.sip.settings import PeopleSettings
from core import db
from core.db import Database
from intake import waiting
from intake.understand import use
from tests.integration.test_sip_dialog import KnowsFourWords, hung_up
from tests.integration.test_sip_people import (
    AGENT,
    CALLER,
    LOCAL,
    OTHER,
    asked,
    desk_of,
    put_through,
    said,
    staged,
    state_of,
)
from tests.support.agents import Telephone, agent, lately, sending, silence, telephone, tone
from tests.support.redis_server import embedded_redis
from tests.support.rtp import rtp, voice_port
from tests.support.sip import controller, eventually, messages, peer, recogniser, sessions
from ticketing import Phone

pytestmark = pytest.mark.usefixtures("database", "blob_store")
ASKS = {"customer": ["转人工"], "agent": []}


@pytest.fixture(autouse=True)
def understander() -> Iterator[None]:
    from connectors.sip.plugin import prepare

    prepare()
    use(KnowsFourWords())
    yield
    use(None)


@pytest.mark.parametrize("attended", [True, False])
async def test_a_caller_is_given_on_once_at_a_time(database: Database, attended: bool) -> None:
    with embedded_redis():
        async with telephone() as phone, telephone() as other, telephone() as third, peer() as caller, rtp() as stream:
            wang = agent("wang", phone.address)
            li, zhao = agent("li", other.address, "away"), agent("zhao", third.address, "away")
            async with (
                recogniser(ASKS),
                controller(LOCAL) as voice,
                desk_of("wang") as (desk,),
                put_through(voice, caller, stream, phone) as (_, port),
                sending(stream, port, tone(0.1, CALLER)),
            ):
                assert (await asked(desk, "transfer", {"user": li, "attended": attended}))[0] == 200
                await other.rings()
                for second in (True, False):
                    assert (await _by_the_boss(voice, second, zhao)) == "conflict"
                assert state_of(zhao) is None
                await other.picks_up()
                if attended:
                    await eventually(lambda: staged() == "held")
                    assert (await asked(desk, "hold", {"on": False}))[0] == 409
                    assert (await asked(desk, "transfer/cancel"))[0] == 200
                    await other.is_hung_up()
                    assert (await asked(desk, "transfer", {"user": zhao}))[0] == 200  # and then again
                    await third.answers()
                    await eventually(lambda: (state_of(wang), state_of(li)) == (None, None))
                else:
                    await eventually(lambda: staged() == "talking")
                    assert state_of(li) == sessions()[0].id
                assert await third.peer.nothing(0.2)


async def _by_the_boss(voice: object, attended: bool, user: int) -> str:
    """A second transfer, asked of the call itself: the agent of a blind one has it no more, as the API sees it."""
    from connectors.sip.call import Call
    from connectors.sip.controller import Controller
    from core.errors import Conflict

    assert isinstance(voice, Controller)
    [call] = [one for one in voice.calls.values() if isinstance(one, Call)]
    try:
        await call.people.asked("transfer", {"user": user, "attended": attended})
    except Conflict:
        return "conflict"
    return "done"


async def test_who_hangs_up_while_the_colleague_is_rung_leaves_the_caller_to_her(database: Database) -> None:
    with embedded_redis():
        async with telephone() as phone, telephone() as other, peer() as caller, rtp() as stream:
            wang, li = agent("wang", phone.address), agent("li", other.address, "away")
            async with (
                recogniser(ASKS),
                controller(LOCAL) as voice,
                desk_of("wang") as (desk,),
                put_through(voice, caller, stream, phone) as (_, port),
                sending(stream, port, tone(0.1, CALLER)),
            ):
                assert (await asked(desk, "transfer", {"user": li, "attended": True}))[0] == 200
                await other.rings()
                await phone.hangs_up()
                await other.picks_up()
                await eventually(lambda: lately(other.stream, CALLER) > 1000)
                await eventually(lambda: (state_of(wang), state_of(li)) == (None, sessions()[0].id))


async def test_a_colleague_whose_telephone_rings_can_be_called_off(database: Database) -> None:
    with embedded_redis():
        async with telephone() as phone, telephone() as other, peer() as caller, rtp() as stream:
            wang, li = agent("wang", phone.address), agent("li", other.address, "away")
            async with (
                recogniser(ASKS),
                controller(LOCAL) as voice,
                desk_of("wang") as (desk,),
                put_through(voice, caller, stream, phone) as (_, port),
                sending(stream, port, tone(0.1, CALLER)),
            ):
                assert (await asked(desk, "transfer", {"user": li, "attended": True}))[0] == 200
                await other.rings()
                assert (await asked(desk, "transfer/cancel"))[0] == 200
                await other.is_cancelled()
                await eventually(lambda: (staged(), state_of(li)) == ("talking", None))
                assert state_of(wang) == sessions()[0].id
                await eventually(lambda: lately(phone.stream, CALLER) > 1000)
                assert (await asked(desk, "transfer/cancel"))[0] == 409
                assert (await asked(desk, "transfer", {"user": li, "attended": True}))[0] == 200  # and then again
                await other.answers()


async def test_keys_go_to_the_other_side_but_not_while_payment_data_is_private(database: Database) -> None:
    with embedded_redis():
        async with telephone() as phone, peer() as caller, rtp() as stream:
            agent("wang", phone.address)
            async with (
                recogniser(ASKS),
                controller(LOCAL) as voice,
                desk_of("wang") as (desk,),
                put_through(voice, caller, stream, phone) as (_, port),
                sending(stream, port, tone(0.1, CALLER)),
            ):
                await stream.key("5", port)
                await eventually(lambda: phone.stream.keys == "5")
                await phone.stream.key("7", voice_port(phone.invite), kind=120)  # as our offer names it
                await eventually(lambda: stream.keys == "7")
                assert (await asked(desk, "hold", {"on": True}))[0] == 200
                await stream.key("1", port)
                assert (await asked(desk, "hold", {"on": False}))[0] == 200
                assert (await asked(desk, "private", {"on": True}))[0] == 200
                await eventually(lambda: sessions()[0].facts.get("people", {}).get("private"))
                await stream.key("2", port)
                assert (await asked(desk, "private", {"on": False}))[0] == 200
                await eventually(lambda: not sessions()[0].facts.get("people", {}).get("private"))
                await stream.key("9", port)
                await eventually(lambda: phone.stream.keys == "59")


ASKED = "?Replaces=c0nsult%40phone%3Bto-tag%3Dli%3Bfrom-tag%3Dwang"  # the telephone's own call to the colleague
BROKEN = (
    "?Replaces=",
    "?Replaces=c0nsult%3Bto-tag%3Dli",
    "?Replaces=c0nsult%0D%0AX%3Ay%3Bto-tag%3Dli%3Bfrom-tag%3Dwang",
    ASKED + ASKED.replace("?", "&"),
)


async def test_a_telephone_that_has_asked_a_colleague_gives_the_caller_to_her(database: Database) -> None:
    async with telephone() as phone, telephone() as other, peer() as caller, rtp() as stream:
        wang = agent("wang", phone.address)
        li = agent("li", other.address.replace("agent@", "8002@"), "away")
        async with (
            recogniser(ASKS),
            controller(LOCAL) as voice,
            put_through(voice, caller, stream, phone) as (_, port),
            sending(stream, port, tone(0.1, CALLER)),
        ):
            for broken in BROKEN:
                assert (await phone.refers("8002", broken)).status == 603
            assert (await phone.refers("00190055512345", ASKED)).status == 603
            assert (await phone.refers("8002", ASKED)).status == 202
            assert (await other.rings()).get("replaces") == "c0nsult@phone;to-tag=li;from-tag=wang"
            assert state_of(wang) == sessions()[0].id  # until she has the caller
            await other.picks_up()
            notify = await phone.peer.get(5, lambda message: message.method == "NOTIFY")
            phone.peer.send(answer(notify, 200, "OK"), voice.front.port)
            assert notify.body.startswith(b"SIP/2.0 200")
            await phone.is_hung_up()
            await eventually(lambda: (state_of(wang), state_of(li)) == (None, sessions()[0].id))
            await eventually(lambda: lately(other.stream, CALLER) > 1000)


async def test_a_colleague_who_has_hung_up_meanwhile_leaves_the_caller_where_he_is(database: Database) -> None:
    async with telephone() as phone, telephone() as other, peer() as caller, rtp() as stream:
        wang = agent("wang", phone.address)
        li = agent("li", other.address.replace("agent@", "8002@"), "away")
        async with (
            recogniser(ASKS),
            controller(LOCAL) as voice,
            put_through(voice, caller, stream, phone) as (_, port),
            sending(stream, port, tone(0.1, CALLER)),
        ):
            await phone.holds(on=True)  # as telephones do before they ask a colleague
            await eventually(lambda: staged() == "held")
            assert (await phone.refers("8002", ASKED)).status == 202
            await other.rings()
            await phone.holds(on=False)
            other.refuses(481, "Call/Transaction Does Not Exist")
            notify = await phone.peer.get(5, lambda message: message.method == "NOTIFY")
            phone.peer.send(answer(notify, 200, "OK"), voice.front.port)
            assert notify.body.startswith(b"SIP/2.0 503")
            await eventually(lambda: (state_of(wang), state_of(li)) == (sessions()[0].id, None))
            await eventually(lambda: staged() == "talking")
            await eventually(lambda: lately(phone.stream, CALLER) > 1000)
            assert (await phone.refers("8002")).status == 202  # he can be given on anew


async def test_a_colleague_whom_no_line_is_free_for_is_not_taken(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with embedded_redis():
        async with telephone() as phone, telephone() as other, peer() as caller, rtp() as stream:
            agent("wang", phone.address)
            li = agent("li", other.address, "away")
            async with (
                recogniser(ASKS),
                controller(LOCAL) as voice,
                desk_of("wang") as (desk,),
                put_through(voice, caller, stream, phone) as (_, port),
                sending(stream, port, tone(0.1, CALLER)),
            ):
                monkeypatch.setattr(voice.board, "has_room", lambda line: False)
                assert (await asked(desk, "transfer", {"user": li, "attended": True}))[0] == 409
                assert (state_of(li), staged()) == (None, "talking")
                monkeypatch.undo()
                assert (await asked(desk, "transfer", {"user": li, "attended": True}))[0] == 200
                await other.answers()


async def test_a_lost_telephone_costs_no_caller_his_call(database: Database) -> None:
    async with telephone() as phone, telephone() as other, peer() as caller, rtp() as stream:
        lost, next_one = agent("lost", phone.address), agent("next", other.address)
        with db.write() as session:
            session.get_one(Phone, next_one).since = session.get_one(Phone, lost).since + timedelta(seconds=1)
        async with (
            recogniser(ASKS),
            controller(LOCAL, no_audio_seconds=2) as voice,
            put_through(voice, caller, stream, phone) as (_, port),
            sending(stream, port, tone(0.1, CALLER)),
        ):
            await phone.is_hung_up()  # nothing comes from it any more
            await other.answers(15)
            async with other.silent():
                await eventually(lambda: lately(other.stream, CALLER) > 1000)
                assert (state_of(lost), state_of(next_one)) == (None, sessions()[0].id)


def _broken(times: int) -> object:
    real, left = waiting.place_of, [times]

    def place_of(session_id: str) -> object:
        if left[0] > 0:
            left[0] -= 1
            raise OperationalError("SELECT", {}, OSError("the server is gone"))
        return real(session_id)

    return place_of


async def test_a_database_that_fails_for_a_moment_costs_no_waiting_caller_his_call(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(waiting, "place_of", _broken(3))
    async with telephone() as phone, peer() as caller, rtp() as stream:
        agent("wang", phone.address)
        async with (
            recogniser(ASKS),
            controller(LOCAL) as voice,
            put_through(voice, caller, stream, phone) as (_, port),
            sending(stream, port, tone(0.1, CALLER)),
        ):
            await eventually(lambda: lately(phone.stream, CALLER) > 1000)


async def test_who_cannot_be_put_through_for_an_error_hears_so_and_is_called_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nonsense(session_id: str) -> object:
        raise ValueError("nobody thought of that")

    monkeypatch.setattr(waiting, "place_of", nonsense)
    async with telephone() as phone, peer() as caller, rtp() as stream:
        agent("wang", phone.address)
        async with recogniser(ASKS), controller(LOCAL) as voice:
            _, response = await caller.establish(voice.front.port, rtp_port=stream.port)
            await stream.speak(tone(0.6, CALLER) + silence(0.5), voice_port(response))
            async with sending(stream, voice_port(response)):
                await hung_up(caller)
            [message] = await messages(1)
    assert said("system")[-1] == text_of("agents_all_busy")
    assert message.extra["people"]["because"] == "an error"
    assert "请回电" in message.problem


async def _whispers(boss: Telephone, to: Telephone, *, heard: bool) -> None:
    async with sending(boss.stream, voice_port(boss.invite), tone(0.1, OTHER)):
        await eventually(lambda: (lately(to.stream, OTHER) > 1000) is heard)


async def test_a_whisper_is_for_agents_only(database: Database) -> None:
    with embedded_redis():
        async with telephone() as phone, telephone() as trunk, telephone() as ear, peer() as caller, rtp() as stream:
            agent("wang", phone.address)
            agent("boss", ear.address, "away", role="manager")
            people = PeopleSettings(
                trunk=f"127.0.0.1:{trunk.peer.port}",
                phones_at=("127.0.0.1",),
                extensions=("9???",),
                ring_seconds=5,
                wrap_up=0,
            )
            async with (
                recogniser(ASKS),
                controller(people) as voice,
                desk_of("wang", "boss") as (wang, boss),
                put_through(voice, caller, stream, phone) as (_, port),
                sending(stream, port, tone(0.1, CALLER)),
            ):
                assert (await asked(boss, "listen"))[0] == 200
                await ear.answers()
                await eventually(lambda: lately(ear.stream, CALLER) > 1000)
                assert (await asked(boss, "whisper", {"on": True}))[0] == 200
                await _whispers(ear, phone, heard=True)
                for forbidden in ("110", "*21#", "8001", "+86110"):
                    assert (await asked(wang, "transfer", {"number": forbidden}))[0] in (403, 422), forbidden
                assert (await asked(wang, "transfer", {"number": "9001"}))[0] == 200
                await trunk.answers()
                assert trunk.invite.uri.startswith("sip:9001@")
                await eventually(lambda: lately(trunk.stream, CALLER) > 1000)
                async with sending(ear.stream, voice_port(ear.invite), tone(0.1, OTHER)):
                    assert (await asked(boss, "whisper", {"on": True}))[0] == 409
                    await eventually(lambda: lately(trunk.stream, CALLER) > 1000)
                    assert lately(trunk.stream, OTHER) < 300
                async with sending(trunk.stream, voice_port(trunk.invite), tone(0.1, AGENT)):
                    await eventually(lambda: lately(ear.stream, AGENT) > 1000)  # he hears them still


async def test_who_takes_a_caller_whose_turn_it_was_with_another_leaves_no_telephone_behind(database: Database) -> None:
    with embedded_redis():
        async with (
            telephone() as rung,
            telephone() as first,
            telephone() as second,
            peer() as caller,
            rtp() as stream,
        ):
            wang = agent("wang", rung.address)
            li, zhao = agent("li", first.address, "away"), agent("zhao", second.address, "away")
            async with (
                recogniser(ASKS),
                controller(LOCAL.model_copy(update={"ring_seconds": 20})) as voice,
                desk_of("li", "zhao") as (at_li, at_zhao),
            ):
                _, response = await caller.establish(voice.front.port, rtp_port=stream.port)
                port = voice_port(response)
                await stream.speak(tone(0.6, CALLER) + silence(0.5), port)
                async with sending(stream, port, tone(0.1, CALLER)):
                    await rung.rings(20)
                    for desk in (at_li, at_zhao):
                        assert (await asked(desk, "take"))[0] == 200
                    await first.rings()
                    await second.rings()
                    await asyncio.gather(first.picks_up(), second.picks_up())
                    await rung.is_cancelled()
                    await eventually(lambda: staged() == "talking")
                    await eventually(lambda: [state_of(one) for one in (wang, li, zhao)].count(None) == 2)
                    has, other = (first, second) if state_of(li) else (second, first)
                    await other.is_hung_up()
                    await eventually(lambda: lately(has.stream, CALLER) > 1000)
