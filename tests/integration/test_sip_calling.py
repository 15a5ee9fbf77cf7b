"""Calls that we make: when an agent is free, again when nobody answers, told in the ticket; through a trunk made of sockets."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from connectors.sip.settings import Account, PeopleSettings
from core import clock, db, outbox
from core.db import Database
from core.outbox import PromiseRow
from intake import Message, MessageRow, message_of
from intake.understand import use
from tests.integration.test_sip_dialog import KnowsFourWords, hung_up, loudness
from tests.integration.test_sip_people import asked, desk_of, put_through, sessions, staged, state_of
from tests.support import keep_promises
from tests.support.agents import Telephone, agent, lately, sending, silence, telephone, tone
from tests.support.desk import customer, draft
from tests.support.redis_server import embedded_redis
from tests.support.rtp import rtp, voice_port
from tests.support.sip import controller, eventually, messages, peer, recogniser
from ticketing import Event, Phone

pytestmark = pytest.mark.usefixtures("blob_store")


@pytest.fixture(autouse=True)
def understander() -> Iterator[None]:
    from connectors.sip.plugin import prepare

    prepare()
    use(KnowsFourWords())
    yield
    use(None)


def events(kind: str) -> list[dict[str, Any]]:
    with db.read() as session:
        return [row.details for row in session.scalars(select(Event).where(Event.kind == kind).order_by(Event.id))]


def waiting_calls() -> list[PromiseRow]:
    with db.read() as session:
        query = select(PromiseRow).where(PromiseRow.kind == "call.out", PromiseRow.state == "waiting")
        return list(session.scalars(query))


def settings_for(trunk: Telephone, **more: Any) -> PeopleSettings:
    return PeopleSettings(
        trunk=f"127.0.0.1:{trunk.peer.port}", phones_at=("127.0.0.1",), ring_seconds=5, wrap_up=0, **more
    )


async def ask_for_it(promise: str = "call.out") -> None:
    await asyncio.to_thread(keep_promises, promise)


async def test_a_customer_is_called_and_speaks_with_an_agent(database: Database) -> None:
    ticket = draft(customer=customer())
    with embedded_redis():
        async with telephone() as trunk, telephone() as phone:
            wang = agent("wang", phone.address)
            script = {"customer": ["空调不制冷"], "agent": ["您好"]}
            async with recogniser(script), controller(settings_for(trunk)) as voice, desk_of("wang") as (desk,):
                status, promised = await desk.send(f"/tickets/{ticket}/calls", {"purpose": "appointment"})
                assert status == 201
                assert promised["purpose"] == "appointment"
                calling = asyncio.create_task(ask_for_it())
                await trunk.rings(20)
                await calling
                assert trunk.invite.uri.startswith("sip:13912345678@127.0.0.1")  # as it is dialled in the country
                assert state_of(wang) == sessions()[0].id  # an agent is taken before the customer is called
                assert staged() == "dialing"
                [shown] = (await desk.get("/calls"))[1]["items"]
                assert (shown["direction"], shown["stage"], shown["caller"]) == ("out", "dialing", "+8613912345678")
                await trunk.picks_up()
                async with trunk.silent():
                    await eventually(lambda: loudness(trunk.stream) > 200)  # who calls
                    await phone.answers()
                async with sending(trunk.stream, voice_port(trunk.invite), tone(0.1, 400)):
                    await eventually(lambda: lately(phone.stream, 400) > 1000)
                await phone.speaks(tone(0.6, 900) + silence(0.6))
                await trunk.hangs_up()
                await phone.is_hung_up()
                [message] = await messages(1)
                await asyncio.to_thread(keep_promises, "intake.understand")
                assert voice.front.routes.free >= 0
    assert message.extra["direction"] == "out"
    with db.read() as session:
        talked = session.scalars(select(Event).where(Event.kind == "call.talked")).one()
    assert (talked.ticket_id, talked.actor) == (ticket, f"user:{wang}")  # it joined the ticket that it was about
    assert len(events("call.promised")) == 1
    assert waiting_calls() == []


async def test_who_does_not_answer_is_called_again_and_then_given_up(database: Database) -> None:
    ticket = draft(customer=customer())
    with embedded_redis():
        async with telephone() as trunk, telephone() as phone:
            wang = agent("wang", phone.address)
            people = settings_for(trunk, call_again_minutes=(5.0,))
            async with recogniser([]), controller(people), desk_of("wang") as (desk,):
                assert (await desk.send(f"/tickets/{ticket}/calls"))[0] == 201
                calling = asyncio.create_task(ask_for_it())
                await trunk.rings(20)
                await calling
                trunk.refuses(486, "Busy Here")
                await eventually(lambda: events("call.not_reached"))
                [again] = await eventually(waiting_calls)
                assert timedelta(minutes=4) < again.due - clock.now() < timedelta(minutes=6)
                assert again.payload["attempt"] == 2
                assert state_of(wang) is None
                with db.write() as session:
                    assert outbox.postpone(session, again.id, clock.now())
                calling = asyncio.create_task(ask_for_it())
                await trunk.rings(20)
                await calling
                trunk.refuses(480, "Temporarily Unavailable")
                await eventually(lambda: events("call.given_up"))
    assert [(one["attempt"], one["because"], one["again"]) for one in events("call.not_reached")] == [
        (1, "busy", True),
        (2, "not answered", False),
    ]
    assert waiting_calls() == []


async def test_a_caller_is_given_to_a_number_through_a_trunk_that_asks_for_a_password(database: Database) -> None:
    with embedded_redis():
        async with telephone() as trunk, telephone() as phone, peer() as caller, rtp() as stream:
            agent("wang", phone.address)
            place = f"127.0.0.1:{trunk.peer.port}"
            account = Account(user="8400", password=SecretStr("s3cret"), registrar=place)
            people = PeopleSettings(phones_at=("127.0.0.1",), ring_seconds=5, wrap_up=0)
            async with (
                recogniser({"customer": ["转人工"]}),
                controller(people, accounts=(account,)) as voice,
                desk_of("wang") as (desk,),
                put_through(voice, caller, stream, phone) as (_, port),
                sending(stream, port, tone(0.1, 400)),
            ):
                assert (await asked(desk, "transfer", {"number": "13711112222"}))[0] == 200
                invite = await trunk.wants_a_password()
                assert invite.uri.startswith("sip:13711112222@")
                assert "sip:8400@" in invite.get("from")
                given = dict(re.findall(r'(\w+)="?([^",]+)', invite.get("proxy-authorization")))
                assert given["username"] == "8400"
                assert given["response"] == digest_of("8400", "s3cret", invite.uri, given)
                await trunk.picks_up()
                await eventually(lambda: lately(trunk.stream, 400) > 1000)
                await eventually(lambda: staged() == "talking")
                assert (await desk.get("/calls"))[1]["items"][0]["agent_name"] == "13711112222"


def digest_of(user: str, password: str, uri: str, given: dict[str, str]) -> str:
    """RFC 7616 §3.4.1, MD5."""

    def md5(text: str) -> str:
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()

    secret, request = md5(f"{user}:trunk:{password}"), md5(f"INVITE:{uri}")
    return md5(f"{secret}:n0nce:{given['nc']}:{given['cnonce']}:auth:{request}")


async def test_nobody_is_called_while_no_agent_is_free_and_what_settings_forbid_never(database: Database) -> None:
    ticket = draft(customer=customer())
    with embedded_redis():
        async with telephone() as trunk, telephone() as phone:
            wang = agent("wang", phone.address, "away")
            async with recogniser([]), controller(settings_for(trunk)), desk_of("wang") as (desk,):
                await desk.send(f"/tickets/{ticket}/calls")
                await ask_for_it()
                assert await trunk.peer.nothing(0.5)
                [later] = waiting_calls()
                assert later.due > clock.now()
                assert sessions() == []
                assert (await desk.send(f"/tickets/{ticket}/calls/{later.id}", method="DELETE"))[0] == 200
                assert (await desk.send(f"/tickets/{ticket}/calls/{later.id}", method="DELETE"))[0] == 409
                with db.write() as session:
                    session.get_one(Phone, wang).state = "ready"
                assert (await desk.send(f"/tickets/{ticket}/calls", {"number": "not a number"}))[0] == 422
                assert (await desk.send(f"/tickets/{ticket}/calls", {"number": "+12025550123"}))[0] == 201
                await ask_for_it()
                assert await trunk.peer.nothing(0.5)
    assert "HOTLINE_PEOPLE_NUMBERS" in events("call.given_up")[0]["because"]


def test_a_call_back_is_owed_once_and_not_after_they_have_talked(any_database: Database) -> None:
    from connectors.sip.calling import call_out
    from intake.calling import has_talked, is_promised, promise_call
    from ticketing import Ticket, record

    ticket_id = draft(customer=customer())
    with db.write() as session:
        ticket = session.get_one(Ticket, ticket_id)
        assert not is_promised(session, "+8613912345678")
        made = promise_call(session, ticket, "+8613912345678", purpose="call back", actor="sip")
        assert is_promised(session, "+8613912345678")
        assert not is_promised(session, "+8613912345679")
        since = session.get_one(PromiseRow, made).payload["made"]
        assert not has_talked(session, ticket, since)
        record(session, ticket, "call.talked", "user:1", seconds=60)
        assert has_talked(session, ticket, since)
    assert call_out.__module__ == "connectors.sip.calling"
    keep_promises("call.out")  # asks no telephone process, for there is none
    assert events("call.withdrawn")[0]["because"] == "they have talked"
    with db.read() as session:
        assert not is_promised(session, "+8613912345678")


def test_only_a_call_back_takes_the_place_of_a_call_back_and_a_merged_ticket_keeps_its_call(
    any_database: Database,
) -> None:
    from intake.calling import is_promised, not_reached, promise_call, standing
    from ticketing import Ticket

    first, second = draft(customer=customer()), draft()
    number = "+8613912345678"
    with db.write() as session:
        ticket = session.get_one(Ticket, first)
        promise_call(session, ticket, number, purpose="appointment", due=clock.now() + timedelta(days=5), actor="sip")
        assert not is_promised(session, number)
        promise_call(session, ticket, number, purpose="call back", actor="sip")
        assert is_promised(session, number)
        ticket.state, ticket.merged_into_id = "merged", second
        found = standing(session, first)
        assert found is not None
        assert found.id == second
        facts = {"ticket": first, "number": number, "purpose": "call back"}
        not_reached(session, facts, "busy", (5.0,))
    assert sorted(one.payload["ticket"] for one in waiting_calls()) == [first, first, second]


def test_a_promised_call_that_no_process_takes_does_not_end_in_silence(database: Database) -> None:
    from intake.calling import promise_call
    from ticketing import Ticket

    ticket_id = draft(customer=customer())
    with db.write() as session:
        ticket = session.get_one(Ticket, ticket_id)
        promise_call(session, ticket, "+8613912345678", purpose="call back", actor="sip")
    for _ in range(20):
        keep_promises("call.out")  # there is no telephone process
        with db.write() as session:
            for row in session.scalars(select(PromiseRow).where(PromiseRow.state == "waiting")):
                row.due = clock.now()
    assert len(events("call.given_up")) == 1


def call_of_ours(facts: dict[str, Any], *, outcome: str = "completed", spoken: bool = True) -> MessageRow:
    """A call to a customer that has ended with these facts."""
    from intake import HeardTurn, Sender, append_turn, end_session, open_session
    from intake.calling import number_of
    from ticketing import Ticket

    ticket = draft(customer=customer())
    with db.read() as session:
        number = number_of(session, session.get_one(Ticket, ticket))
    sender = Sender(kind="phone", value=number, verified=True)
    known = {"direction": "out", "number": number, "purpose": "call back", "ticket": ticket, "attempt": 1}
    session_id = open_session("sip", "ours", sender, owner="test", facts=known)
    if spoken:
        append_turn(session_id, HeardTurn(speaker="system", text="这里是报修热线", expects="open"))
    end_session(session_id, outcome, facts)
    with db.read() as session:
        return session.scalars(select(MessageRow)).one()


@pytest.mark.parametrize("told", [True, False])
def test_a_call_that_was_answered_is_not_made_again_for_want_of_a_recording(database: Database, told: bool) -> None:
    row = call_of_ours({"complete": True, **({"answered": True} if told else {})})
    assert "event" not in row.content or not row.content["event"]
    assert waiting_calls() == []
    assert events("call.not_reached") == []


def test_a_customer_of_ours_who_found_no_agent_is_called_again_and_not_for_ever(database: Database) -> None:
    from intake.calling import still_owed

    people = {"wish": "call back", "because": "too long"}
    row = call_of_ours({"complete": True, "answered": True, "duration_ms": 9000, "people": people})
    [again] = waiting_calls()
    assert (again.payload["attempt"], again.payload["purpose"]) == (2, "call back")
    assert events("call.not_reached")[0]["because"] == "no agent"
    assert "请回电" in message_of(row).problem
    with db.write() as session:
        still_owed(session, {**again.payload, "attempt": 4}, (5, 30, 120))
    assert len(waiting_calls()) == 1
    assert events("call.given_up")[0]["attempts"] == 4


@pytest.mark.parametrize("stage", ["queue", "talking"])
def test_who_waits_when_everything_dies_keeps_his_wish(database: Database, stage: str) -> None:
    from intake import Sender, end_orphans, open_session

    facts = {"people": {"stage": stage, "ahead": 0}}
    open_session("sip", "theirs", Sender(kind="phone", value="+8613900001234"), owner="test", facts=facts)
    assert end_orphans(timedelta(0)) == 1
    with db.read() as session:
        row = session.scalars(select(MessageRow)).one()
    message = message_of(row)
    assert ("nobody could be reached" in message.problem) is (stage == "queue")
    wish = message.extra["people"].get("wish")
    assert wish == ("call back" if stage == "queue" else None)


async def test_who_waited_in_vain_is_called_back_when_an_agent_is_free(database: Database) -> None:
    with embedded_redis():
        async with telephone() as trunk, telephone() as phone, peer() as caller, rtp() as stream:
            wang = agent("wang", phone.address)
            with db.write() as session:
                session.get_one(Phone, wang).call = "f" * 32
            people = settings_for(trunk, queue_seconds=1.0)
            async with recogniser({"customer": ["转人工"]}), controller(people) as voice:
                _, response = await caller.establish(voice.front.port, rtp_port=stream.port)
                await stream.speak(tone(0.6, 400) + silence(0.5), voice_port(response))
                async with sending(stream, voice_port(response)):
                    await hung_up(caller)
                found: list[Message] = await messages(1)
                assert "sip.call_back" in found[0].promises
                await asyncio.to_thread(keep_promises, "intake.understand", "sip.call_back")
                assert events("call.promised")[0]["purpose"] == "call back"
                with db.write() as session:
                    session.get_one(Phone, wang).call = None
                calling = asyncio.create_task(ask_for_it())
                await trunk.rings(20)
                await calling
                assert trunk.invite.uri.startswith("sip:13900001234@")
                trunk.refuses(486, "Busy Here")
                await eventually(lambda: events("call.not_reached"))
