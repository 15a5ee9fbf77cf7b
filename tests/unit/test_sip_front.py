"""The UDP front between callers and pjsua2 processes; a process is played by a socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest

from connectors.sip.front import Front
from connectors.sip.message import SipMessage, answer, parse
from connectors.sip.settings import Account, SipSettings
from core.errors import ConfigurationError
from tests.support.sip import DATA, Peer, peer


@contextlib.asynccontextmanager
async def front(lines: int = 1, **options: Any) -> AsyncIterator[tuple[Front, Peer, list[Peer]]]:
    """A front, a caller, and processes."""
    running = Front(SipSettings(port=0, min_free_mb=0, **options))
    await running.start()
    async with contextlib.AsyncExitStack() as stack:
        caller = await stack.enter_async_context(peer())
        processes = [await stack.enter_async_context(peer()) for _ in range(lines)]
        for number, process in enumerate(processes):
            running.add_line(f"line-{number}", process.port)
        try:
            yield running, caller, processes
        finally:
            await running.stop()


def reply(process: Peer, running: Front, request: SipMessage, status: int, reason: str = "OK") -> SipMessage:
    """What a process answers: as pjsip does, with the request's Record-Route and a tag."""
    response = answer(request, status, reason, tag="ours")
    for value in request.all("record-route"):
        response.headers.append(("record-route", value))
    response.headers.append(("contact", f"<sip:hotline@127.0.0.1:{running.port}>"))
    process.send(response, running.inner_port)
    return response


async def test_a_call_goes_to_a_process_and_its_answer_comes_back() -> None:
    async with front() as (running, caller, [process]):
        invite = caller.invite()
        caller.send(invite, running.port)
        seen = await process.get()
        assert seen.method == "INVITE"
        assert seen.all("via")[0].startswith(f"SIP/2.0/UDP 127.0.0.1:{running.inner_port};branch=z9hG4bK")
        assert seen.get("record-route") == f"<sip:127.0.0.1:{running.inner_port};lr>"
        assert seen.body == invite.body
        reply(process, running, seen, 200)
        response = await caller.final()
        assert len(response.all("via")) == 1
        assert invite.all("via")[0].split(";")[1] in response.all("via")[0]
        assert f"rport={caller.port}" in response.get("via")
        assert response.all("record-route") == []


async def test_a_dialog_stays_with_its_process() -> None:
    async with front(lines=2) as (running, caller, processes):
        dialogs = []
        for _ in range(4):
            invite = caller.invite()
            caller.send(invite, running.port)
        for _ in range(2):
            for process in processes:
                seen = await process.get()
                dialogs.append((process, reply(process, running, seen, 200)))
        for process, response in dialogs:
            caller.send(caller.within("BYE", response, response, 2), running.port)
            assert (await process.get()).call_id == response.call_id


async def test_cancel_and_ack_belong_to_the_invites_transaction() -> None:
    async with front() as (running, caller, [process]):
        invite = caller.invite()
        caller.send(invite, running.port)
        seen = await process.get()
        caller.send(caller.cancel(invite), running.port)
        cancelled = await process.get()
        assert cancelled.method == "CANCEL"
        assert cancelled.all("via")[0] == seen.all("via")[0]
        caller.send(invite, running.port)  # a retransmission
        assert (await process.get()).all("via")[0] == seen.all("via")[0]


async def test_a_full_house_says_when_to_try_again() -> None:
    async with front(retry_after=7) as (running, caller, [process]):
        for _ in range(4):
            caller.send(caller.invite(), running.port)
            await process.get()
        fifth = caller.invite()
        caller.send(fifth, running.port)
        refused = await caller.final()
        assert (refused.status, refused.get("retry-after"), refused.call_id) == (503, "7", fifth.call_id)
        running.free_slot((running.routes.running[0]).call_id)
        caller.send(fifth, running.port)  # a retransmission gets what the request got
        assert (await caller.final()).status == 503
        caller.send(caller.invite(), running.port)
        assert (await process.get()).method == "INVITE"


async def test_a_call_that_the_process_refused_holds_no_slot() -> None:
    async with front() as (running, caller, [process]):
        for _ in range(9):
            invite = caller.invite()
            caller.send(invite, running.port)
            reply(process, running, await process.get(), 488, "Not Acceptable Here")
            assert (await caller.final()).status == 488
        assert running.routes.free == 4


async def test_draining_takes_no_new_calls() -> None:
    async with front() as (running, caller, _):
        running.draining = True
        caller.send(caller.invite(), running.port)
        assert (await caller.final()).status == 503
        caller.send(caller.request("OPTIONS"), running.port)  # a dispatcher sees it before it loses a call
        assert (await caller.final()).status == 503


@pytest.mark.parametrize(
    ("method", "status"), [("OPTIONS", 200), ("BYE", 481), ("MESSAGE", 405), ("REGISTER", 405), ("FROBNICATE", 501)]
)
async def test_requests_outside_a_call(method: str, status: int) -> None:
    async with front() as (running, caller, _):
        caller.send(caller.request(method), running.port)
        assert (await caller.final()).status == status


async def test_scanners_and_strangers_get_no_answer() -> None:
    async with front() as (running, caller, _):
        scan = caller.request("OPTIONS")
        scan.headers.append(("user-agent", "friendly-scanner"))
        caller.send(scan, running.port)
        assert await caller.nothing()
    async with front(sources=("192.0.2.0/24",)) as (running, caller, [process]):
        caller.send(caller.request("OPTIONS"), running.port)
        caller.send(caller.invite(), running.port)
        assert await caller.nothing()
        assert await process.nothing(0.1)
    async with front(sources=("192.0.2.0/24", "127.0.0.0/8")) as (running, caller, _):
        caller.send(caller.request("OPTIONS"), running.port)
        assert (await caller.final()).status == 200


async def test_only_our_numbers_are_answered() -> None:
    async with front(called=("400*", "8001")) as (running, caller, [process]):
        caller.send(caller.invite(user="00441234567"), running.port)  # toll fraud's favourite
        assert (await caller.final()).status == 404
        caller.send(caller.invite(user="4008001"), running.port)
        assert (await process.get()).method == "INVITE"


async def test_one_address_does_not_take_every_line() -> None:
    async with front(lines=3, calls_per_source=3) as (running, caller, _):
        for _ in range(3):
            caller.send(caller.invite(), running.port)
        caller.send(caller.invite(), running.port)
        assert (await caller.final()).status == 503


@pytest.mark.parametrize("sources", [("127.0.0.1",), ("192.0.2.0/24", "127.0.0.1/32")])
async def test_a_proxy_that_is_named_brings_the_calls_of_many(sources: tuple[str, ...]) -> None:
    async with front(lines=3, calls_per_source=3, sources=sources) as (running, caller, _):
        for _ in range(6):
            caller.send(caller.invite(), running.port)
        assert await caller.nothing()
        assert running.routes.free == 6
    async with front(lines=3, calls_per_source=3, sources=("127.0.0.0/8",)) as (running, caller, _):
        running.admission.trust("127.0.0.1")  # a registrar
        for _ in range(6):
            caller.send(caller.invite(), running.port)
        assert await caller.nothing()
        assert running.routes.free == 6


async def test_a_network_has_no_more_than_its_addresses_may() -> None:
    async with front(lines=3, calls_per_source=3, sources=("127.0.0.0/8",)) as (running, caller, _):
        for _ in range(4):
            caller.send(caller.invite(), running.port)
        assert (await caller.final()).status == 503
        assert running.routes.free == 9


async def test_what_is_not_sip_is_dropped_and_the_front_goes_on() -> None:
    async with front() as (running, caller, _):
        for junk in (
            b"\r\n\r\n",
            b"\x00" * 2000,
            b"GET / HTTP/1.1\r\n\r\n",
            b"INVITE sip:x SIP/2.0\r\n" + b"a" * 60_000,
        ):
            caller.send(junk, running.port)
        large = caller.invite()
        large.headers.append(("subject", "x" * 50_000))
        caller.send(large, running.port)
        assert (await caller.final()).status == 513
        caller.send(caller.request("OPTIONS"), running.port)
        assert (await caller.final()).status == 200


async def test_a_malformed_invite_is_refused() -> None:
    async with front() as (running, caller, [process]):
        data = (DATA / "rfc4475" / "quotbal.dat").read_bytes()
        caller.send(data.replace(b"192.0.2.59:5050", b"127.0.0.1:%d" % caller.port), running.port)
        assert (await caller.final()).status == 400
        assert await process.nothing(0.1)


async def test_a_large_invite_reaches_the_process_without_what_it_does_not_need() -> None:
    async with front() as (running, caller, [process]):
        invite = caller.invite()
        invite.headers.append(("x-long", "y" * 6000))
        caller.send(invite, running.port)
        seen = await process.get()
        assert len(seen.encode()) < 3900
        assert seen.body == invite.body


async def test_the_caller_of_a_dead_process_is_told() -> None:
    async with front(lines=1) as (running, caller, [process]):
        talking, ringing = caller.invite(), caller.invite()
        talking.headers.append(("record-route", f"<sip:127.0.0.1:{caller.port};lr;x=1>"))
        caller.send(talking, running.port)
        reply(process, running, await process.get(), 200)
        established = await caller.final()
        caller.send(ringing, running.port)
        await process.get()
        running.lose_line("line-0")
        told = {message.call_id: message for message in [await caller.get(), await caller.get()]}
        assert told[ringing.call_id].status == 500
        bye = told[talking.call_id]
        assert bye.method == "BYE"
        assert bye.get("from") == established.get("to")
        assert bye.get("to") == established.get("from")
        assert bye.all("route") == [f"<sip:127.0.0.1:{caller.port};lr;x=1>"]
        assert (await caller.get()).method == "BYE"  # said again until it is answered
        caller.send(answer(bye, 200, "OK"), running.port)
        caller.send(caller.invite(), running.port)
        assert (await caller.final()).status == 503  # nobody is left to take it


async def test_requests_of_a_process_go_out_under_our_name() -> None:
    async with front() as (running, caller, [process]):
        invite = caller.invite()
        caller.send(invite, running.port)
        seen = await process.get()
        response = reply(process, running, seen, 200)
        await caller.final()
        bye = SipMessage("BYE", f"sip:13900001234@127.0.0.1:{caller.port}")
        bye.headers = [
            ("via", f"SIP/2.0/UDP 127.0.0.1:{process.port};branch=z9hG4bKown"),
            ("route", f"<sip:127.0.0.1:{running.inner_port};lr>"),
            ("from", response.get("to")),
            ("to", response.get("from")),
            ("call-id", invite.call_id),
            ("cseq", "5 BYE"),
        ]
        process.send(bye, running.inner_port)
        came = await caller.get()
        assert came.method == "BYE"
        assert came.all("route") == []
        assert len(came.all("via")) == 2
        assert f":{running.port};" in came.all("via")[0]
        caller.send(answer(came, 200, "OK"), running.port)
        back = await process.get()
        assert (back.status, len(back.all("via"))) == (200, 1)


def outgoing(process: Peer, running: Front, target: str, call_id: str = "out-1", number: int = 7) -> SipMessage:
    """The INVITE of a process that calls somebody, as pjsip writes it with the front as its outbound proxy."""
    invite = SipMessage("INVITE", target)
    invite.headers = [
        ("via", f"SIP/2.0/UDP 127.0.0.1:{process.port};branch=z9hG4bKout{number};rport"),
        ("route", f"<sip:127.0.0.1:{running.inner_port};lr>"),
        ("max-forwards", "70"),
        ("from", "<sip:400@127.0.0.1>;tag=ours"),
        ("to", f"<{target}>"),
        ("call-id", call_id),
        ("cseq", f"{number} INVITE"),
        ("contact", f"<sip:400@127.0.0.1:{running.port}>"),
    ]
    process.send(invite, running.inner_port)
    return invite


async def test_a_process_makes_a_call() -> None:
    async with front(sources=("192.0.2.0/24",)) as (running, phone, [process]):
        invite = outgoing(process, running, f"sip:8001@127.0.0.1:{phone.port}")
        came = await phone.get()
        assert came.method == "INVITE"
        assert came.all("route") == []
        assert f":{running.port};" in came.all("via")[0]
        assert running.routes.free == 3
        accepted = answer(came, 200, "OK", tag="theirs")
        accepted.headers += [("record-route", f"<sip:127.0.0.1:{phone.port};lr>"), ("contact", "<sip:8001@192.0.2.9>")]
        phone.send(accepted, running.port)  # its address may not call, but it may answer
        back = await process.get()
        assert back.all("via") == invite.all("via")
        # What is last is where the process goes first.
        assert back.all("record-route")[-1] == f"<sip:127.0.0.1:{running.inner_port};lr>"
        phone.send(phone.request("BYE", call_id=invite.call_id, number=2), running.port)
        assert (await process.get()).method == "BYE"
        running.free_slot(invite.call_id)
        assert running.routes.free == 4


async def test_whom_we_call_may_speak_of_that_call_only() -> None:
    async with front(sources=("192.0.2.0/24",)) as (running, phone, [process]):
        invite = outgoing(process, running, f"sip:8001@127.0.0.1:{phone.port}")
        came = await phone.get()
        referred: list[SipMessage] = []
        running.on_refer = lambda message, _: referred.append(message)
        for method in ("INVITE", "OPTIONS", "BYE", "REFER", "MESSAGE"):
            phone.send(phone.request(method), running.port)
        stray = answer(came, 200, "OK", tag="theirs")
        stray.put("call-id", "another")
        phone.send(stray, running.port)
        assert await phone.nothing()
        assert await process.nothing(0.1)
        assert referred == []
        phone.send(answer(came, 180, "Ringing", tag="theirs"), running.port)
        assert (await process.get()).status == 180
        phone.send(phone.request("REFER", call_id=invite.call_id, number=2), running.port)
        phone.send(phone.request("INFO", call_id=invite.call_id, number=3), running.port)
        assert (await process.get()).method == "INFO"
        assert [message.call_id for message in referred] == [invite.call_id]


async def test_a_call_of_ours_asked_for_a_password_stays_one_call() -> None:
    async with front() as (running, phone, [process]):
        outgoing(process, running, f"sip:8001@127.0.0.1:{phone.port}", number=7)
        came = await phone.get()
        phone.send(answer(came, 407, "Proxy Authentication Required", tag="x"), running.port)
        assert (await process.get()).status == 407
        outgoing(process, running, f"sip:8001@127.0.0.1:{phone.port}", number=8)
        assert (await phone.get()).cseq == (8, "INVITE")
        assert running.routes.free == 3


async def test_a_call_to_a_name_that_does_not_exist_fails_at_once() -> None:
    async with front() as (running, _, [process]):
        outgoing(process, running, "sip:8001@nowhere.invalid")
        assert (await process.get()).status == 503


@pytest.mark.parametrize("answered", [True, False])
async def test_whom_a_dead_process_called_is_told(answered: bool) -> None:
    async with front() as (running, phone, [process]):
        outgoing(process, running, f"sip:8001@127.0.0.1:{phone.port}")
        came = await phone.get()
        if answered:
            accepted = answer(came, 200, "OK", tag="theirs")
            accepted.headers.append(("contact", f"<sip:8001@127.0.0.1:{phone.port}>"))
            phone.send(accepted, running.port)
            await process.get()
        running.lose_line("line-0")
        told = await phone.get()
        assert told.method == ("BYE" if answered else "CANCEL")
        assert told.get("from") == "<sip:400@127.0.0.1>;tag=ours"
        assert ("theirs" in told.get("to")) is answered
        assert answered or told.all("via") == came.all("via")[:1]
        assert told.cseq[0] == (8 if answered else 7)


async def test_who_answers_while_a_dead_process_takes_its_call_back_is_told_too() -> None:
    async with front() as (running, phone, [process]):
        outgoing(process, running, f"sip:8001@127.0.0.1:{phone.port}")
        came = await phone.get()
        running.lose_line("line-0")
        assert (await phone.get()).method == "CANCEL"
        accepted = answer(came, 200, "OK", tag="theirs")
        accepted.headers.append(("contact", f"<sip:8001@127.0.0.1:{phone.port}>"))
        for again in (False, True):
            phone.send(accepted, running.port)  # it crossed the CANCEL
            ack = await phone.get(2, lambda message: message.method == "ACK")
            assert (ack.cseq, ack.uri) == ((7, "ACK"), f"sip:8001@127.0.0.1:{phone.port}")
            assert "theirs" in ack.get("to")
            if not again:
                bye = await phone.get(2, lambda message: message.method == "BYE")
                assert bye.cseq == (8, "BYE")
                phone.send(answer(bye, 200, "OK"), running.port)
        assert await phone.nothing(0.2) or (await phone.get()).method == "CANCEL"


async def test_a_stray_response_goes_nowhere() -> None:
    async with front() as (running, caller, [process]):
        for name in ("bcast", "scalarlg", "unreason"):
            caller.send((DATA / "rfc4475" / f"{name}.dat").read_bytes(), running.port)
        assert await process.nothing(0.3)


async def test_a_taken_port_is_a_wrong_setting() -> None:
    async with front() as (running, _, _):
        with pytest.raises(ConfigurationError, match="HOTLINE_SIP_PORT"):
            await Front(SipSettings(port=running.port)).start()


def test_an_account_is_at_its_registrar_unless_it_says_otherwise() -> None:
    assert Account(user="400", registrar="pbx.example:5080").realm == "pbx.example"
    assert parse(b"OPTIONS sip:a@b SIP/2.0\r\n\r\n").call_id == ""


async def test_a_busy_process_hands_the_call_to_another() -> None:
    async with front(lines=2) as (running, caller, processes):
        invite = caller.invite()
        caller.send(invite, running.port)
        coming = [asyncio.ensure_future(process.get()) for process in processes]
        done, waiting = await asyncio.wait(coming, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
        seen = done.pop().result()
        first, second = processes if coming[0].done() and not coming[0].cancelled() else processes[::-1]
        reply(first, running, seen, 486, "Busy Here")
        assert (await second.get()).call_id == invite.call_id
        reply(second, running, seen, 486, "Busy Here")
        assert (await caller.final()).status == 503
        assert running.routes.free == 8
