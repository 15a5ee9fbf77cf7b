"""Kamailio with the configuration that we ship, before real fronts: TCP and TLS in, phones registered, failover."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path

import pytest

from connectors.sip.controller import Controller
from connectors.sip.message import SipMessage
from connectors.sip.plugin import prepare
from connectors.sip.recording import pcm_of
from connectors.sip.settings import PeopleSettings
from intake.understand import use
from tests.integration.test_sip_dialog import KnowsFourWords
from tests.support.agents import agent, sending
from tests.support.kamailio import REALM, Kamailio, kamailio
from tests.support.phones import baresip, needs, run, sipp
from tests.support.rtp import rtp, silence, tone, voice_port
from tests.support.sip import DATA, Peer, controller, eventually, messages, peer, recogniser, sessions
from tests.support.system import free_port

pytestmark = [pytest.mark.usefixtures("database", "blob_store"), pytest.mark.slow]
PHONE = ("8001", "only-for-this-test")


@pytest.fixture(autouse=True)
def handlers() -> None:
    prepare()


def account(proxy: Kamailio, transport: str, user: str = "", password: str = "") -> str:
    """A line of baresip's accounts file."""
    port = proxy.tls_port if transport == "tls" else proxy.port
    user, password = user or PHONE[0], password or PHONE[1]
    return (
        f"<sip:{user}@{REALM};transport={transport}>;auth_pass={password};regint=60;audio_codecs=PCMA/8000/1;"
        f'outbound="sip:127.0.0.1:{port};transport={transport}"'
    )


def of(proxy: Kamailio, message: SipMessage) -> SipMessage:
    """Addressed as who knows this Kamailio's name does."""
    message.uri = message.uri.replace("127.0.0.1", REALM)
    for name in ("from", "to"):
        message.put(name, message.get(name).replace("127.0.0.1", REALM))
    return message


@pytest.mark.parametrize("transport", ["tls", "tcp"])
async def test_a_phone_calls_hotline(tmp_path: Path, transport: str) -> None:
    async with recogniser(["冰箱不制冷"]), controller() as voice, contextlib.AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(kamailio(tmp_path / "k", [voice.front.port], phones=[PHONE]))
        phone = await stack.enter_async_context(baresip(tmp_path / "phone", account(proxy, transport)))
        await phone.registered()
        await phone.do("dial", f"sip:400@{REALM}")
        await phone.until("CALL_ESTABLISHED")
        await asyncio.sleep(4)  # what is spoken meanwhile is looked for below
        await phone.do("hangup")
        [message] = await messages(1)
        await eventually(lambda: voice.front.routes.free == 4)
        assert voice.front.address == "127.0.0.1"
    assert message.extra["outcome"] == "completed"
    assert message.text.startswith("冰箱不制冷")
    assert len(pcm_of(message.recording)) > 2 * 32_000


@pytest.mark.parametrize("transport", ["t1", "u1"])
async def test_a_trunk_calls_without_a_password(tmp_path: Path, transport: str) -> None:
    needs("sipp", "sip-tester")
    async with recogniser([]), controller(processes=2) as voice, contextlib.AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(kamailio(tmp_path / "k", [voice.front.port], trunks=["127.0.0.1/32"]))
        command = sipp(proxy.port, "-sf", str(DATA / "hold.xml"), "-t", transport, "-m", "6", "-l", "3", "-r", "4")
        code, out = await run(*command, "-trace_msg", cwd=tmp_path, seconds=15)
        assert code == 0, out[-2000:]
        assert [message.text for message in await messages(6)] == ["5"] * 6
        await eventually(lambda: voice.front.routes.free == 8)


async def test_hotline_is_an_extension(tmp_path: Path) -> None:
    port = free_port(2)
    extension = {"user": "400", "password": "of-hotline", "registrar": REALM}
    async with contextlib.AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(
            kamailio(tmp_path / "k", [], phones=[PHONE, ("400", "of-hotline")])  # no dispatcher: only the registration
        )
        accounts = ({**extension, "proxies": [f"127.0.0.1:{proxy.port}"]},)
        voice = await stack.enter_async_context(controller(port=port, accounts=accounts, confirm_seconds=5))
        [registration] = voice.registrations
        async with asyncio.timeout(10):
            await registration.registered.wait()
        phone = await stack.enter_async_context(baresip(tmp_path / "phone", account(proxy, "tcp")))
        await phone.registered()
        await phone.do("dial", f"sip:400@{REALM}")
        await phone.until("CALL_ESTABLISHED")
        await phone.do("hangup")
        assert len(await messages(1)) == 1
        await voice.registrations[0].stop()
        before = len(phone.events)
        await phone.do("dial", f"sip:400@{REALM}")  # taken back: nobody is there any more
        closed = await phone.until("CALL_CLOSED", after=before)
        assert "503" in closed["param"]


async def test_a_caller_is_put_through_to_agents_phones(tmp_path: Path) -> None:
    """By a trunk to Hotline, from there by TLS to an agent's phone, and by its REFER to another's."""
    use(KnowsFourWords())
    port = free_port(2)
    auto = ";answermode=auto"
    async with contextlib.AsyncExitStack() as stack:
        enter = stack.enter_async_context
        phones = [PHONE, ("8002", "of-the-other")]
        proxy = await enter(kamailio(tmp_path / "k", [port], trunks=["127.0.0.1/32"], phones=phones))
        first = await enter(baresip(tmp_path / "first", account(proxy, "tls") + auto))
        second = await enter(baresip(tmp_path / "second", account(proxy, "tcp", *phones[1]) + auto))
        await asyncio.gather(first.registered(), second.registered())
        await enter(recogniser({"customer": ["转人工"], "agent": ["我转给同事"]}))
        agent("wang", "8001")
        people = PeopleSettings(trunk=f"127.0.0.1:{proxy.port}", ring_seconds=5, wrap_up=0)
        await enter(controller(people, port=port))
        caller, stream = await enter(peer()), await enter(rtp())
        invite, response = await _call(caller, proxy, rtp_port=stream.port)
        await stream.speak(tone(0.6) + silence(0.5), voice_port(response))
        async with sending(stream, voice_port(response)):
            await first.until("CALL_ESTABLISHED", 20)
            await eventually(lambda: sessions()[0].facts.get("people", {}).get("stage") == "talking")
            agent("li", "8002")
            await first.do("transfer", f"sip:8002@{REALM}")
            await second.until("CALL_ESTABLISHED", 20)
            await first.until("CALL_CLOSED")
        caller.send(_towards(proxy, caller, invite, response, "BYE"), proxy.port)
        await second.until("CALL_CLOSED")
        [message] = await messages(1)
        use(None)
    assert message.text == "转人工"
    assert len(message.extra["people"]["talked"]) == 2


async def test_only_hotline_calls_phones_without_a_password(tmp_path: Path) -> None:
    async with kamailio(tmp_path / "k", [free_port(2)], phones=[PHONE]) as proxy, peer() as stranger:
        stranger.send(of(proxy, stranger.invite(user="8001")), proxy.port)
        assert (await stranger.get()).status == 407


async def test_calls_go_to_the_machine_that_can_take_them(tmp_path: Path) -> None:
    async with contextlib.AsyncExitStack() as stack:
        one: Controller = await stack.enter_async_context(controller(retry_after=3))
        two: Controller = await stack.enter_async_context(controller(retry_after=3))
        fronts = [one.front.port, two.front.port, free_port(2)]  # nobody is at the third
        proxy = await stack.enter_async_context(kamailio(tmp_path / "k", fronts, trunks=["127.0.0.1/32"]))
        caller = await stack.enter_async_context(peer())
        dialogs = [await _call(caller, proxy) for _ in range(8)]
        assert [response.status for _, response in dialogs] == [200] * 8
        assert one.front.routes.free == two.front.routes.free == 0
        _, refused = await _call(caller, proxy)
        assert refused.status == 503
        assert refused.get("retry-after")
        # One goes away for an upgrade; its dispatcher's next question tells.
        for invite, response in dialogs:
            caller.send(_towards(proxy, caller, invite, response, "BYE"), proxy.port)
        await eventually(lambda: one.front.routes.free == two.front.routes.free == 4)
        one.front.draining = True
        after = [await _call(caller, proxy) for _ in range(4)]
        assert [response.status for _, response in after] == [200] * 4
        assert two.front.routes.free == 0


async def _call(caller: Peer, proxy: Kamailio, rtp_port: int = 40_000) -> tuple[SipMessage, SipMessage]:
    invite = of(proxy, caller.invite(rtp_port=rtp_port))
    caller.send(invite, proxy.port)
    wanted = lambda m: m.call_id == invite.call_id and m.status >= 200  # noqa: E731
    response = await caller.get(15, wanted)
    caller.send(_towards(proxy, caller, invite, response, "ACK"), proxy.port)
    return invite, response


def _towards(proxy: Kamailio, caller: Peer, invite: SipMessage, response: SipMessage, method: str) -> SipMessage:
    """Inside the dialog, along its Record-Route; the ACK of a refusal belongs to the INVITE's own transaction."""
    message = caller.within(method, invite, response, 1 if method == "ACK" else 2)
    if response.status >= 300:
        message.put("via", invite.get("via"))
        message.uri = invite.uri
        return message
    message.uri = response.all("contact")[0].strip("<>")
    for at, each in enumerate(response.all("record-route")[::-1]):
        message.headers.insert(1 + at, ("route", each))
    return message


async def test_scanners_and_guessers_are_left_alone(tmp_path: Path) -> None:
    async with kamailio(tmp_path / "k", [free_port(2)], phones=[PHONE]) as proxy, peer() as caller:
        scanner = of(proxy, caller.request("OPTIONS"))
        scanner.headers.append(("user-agent", "friendly-scanner"))
        caller.send(scanner, proxy.port)
        caller.send(caller.invite(), proxy.port)  # does not know our name
        assert await caller.nothing(0.5)
        caller.send(of(proxy, caller.request("OPTIONS")), proxy.port)
        assert (await caller.final()).status == 200
        statuses = []
        for number in range(1, 12):
            guess = of(proxy, caller.request("REGISTER", user="8001", number=number))
            guess.put("from", guess.get("from").replace("13900001234", "8001"))
            guess.headers.append(
                (
                    "authorization",
                    f'Digest username="8001", realm="{REALM}", nonce="x", uri="sip:{REALM}", response="{number:032}"',
                )
            )
            caller.send(guess, proxy.port)
            with contextlib.suppress(TimeoutError):
                statuses.append((await caller.final(0.5)).status)
        assert statuses == [401] * 10
        caller.send(of(proxy, caller.request("OPTIONS", number=20)), proxy.port)
        assert await caller.nothing(0.5)
