"""Kamailio with the configuration that we ship, before real fronts: TCP and TLS in, phones registered, failover."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
from pathlib import Path

import pytest

from connectors.sip.caller import Caller, caller_of
from connectors.sip.controller import Controller
from connectors.sip.digest import Challenge, authorization, read_challenge
from connectors.sip.message import SipMessage, answer
from connectors.sip.plugin import prepare
from connectors.sip.recording import pcm_of
from connectors.sip.settings import PeopleSettings
from intake.understand import use
from tests.integration.test_sip_dialog import KnowsFourWords
from tests.support.agents import agent, sending
from tests.support.kamailio import REALM, SHIPPED, Kamailio, kamailio, machine
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
        for method in ("INVITE", "OPTIONS", "MESSAGE"):
            caller.send(caller.request(method), proxy.port)  # does not know our name
        assert await caller.nothing(0.5)
        caller.send(of(proxy, caller.request("OPTIONS")), proxy.port)
        assert (await caller.final()).status == 200
        statuses = []  # of an existing phone and one that there is not, in turn
        for number in range(1, 12):
            with contextlib.suppress(TimeoutError):
                statuses.append(await _register(proxy, caller, number, user=f"80{number % 2 + 1:02}", password="guess"))
        assert statuses == [401] * 10
        caller.send(of(proxy, caller.request("OPTIONS", number=20)), proxy.port)
        assert await caller.nothing(0.5)


async def test_an_old_nonce_is_no_wrong_password(tmp_path: Path) -> None:
    """After a restart, or on waking up, many phones of one office come with one."""
    async with kamailio(tmp_path / "k", [free_port(2)], phones=[PHONE], nonce_seconds=1) as proxy, peer() as phone:
        old = await _challenge(proxy, phone)
        await asyncio.sleep(2.5)
        for number in range(3, 15):
            assert await _register(proxy, phone, number, challenge=old) == 401
        foreign = Challenge(realm=REALM, nonce="aGF2ZSBJIGV2ZXIgYmVlbiBvbmUgb2YgeW91cnM/", qop=True)
        for number in range(15, 27):
            assert await _register(proxy, phone, number, challenge=foreign) == 401
        assert await _register(proxy, phone, 30) == 200


async def _challenge(proxy: Kamailio, phone: Peer) -> Challenge:
    phone.send(_as_phone(of(proxy, phone.request("REGISTER", user=PHONE[0]))), proxy.port)
    challenge = read_challenge([(await phone.final()).get("www-authenticate")])
    assert challenge is not None
    return challenge


async def _register(
    proxy: Kamailio,
    phone: Peer,
    number: int,
    *,
    user: str = PHONE[0],
    password: str = PHONE[1],
    challenge: Challenge | None = None,
) -> int:
    """What a REGISTER with this password is answered; with a fresh challenge, if none is given."""
    challenge = challenge or await _challenge(proxy, phone)
    request = _as_phone(of(proxy, phone.request("REGISTER", user=user, number=number)), user)
    request.headers.append(("authorization", authorization(challenge, user, password, "REGISTER", request.uri)))
    phone.send(request, proxy.port)
    return (await phone.final(3)).status


def _as_phone(message: SipMessage, user: str = PHONE[0]) -> SipMessage:
    for name in ("from", "contact"):
        message.put(name, message.get(name).replace("13900001234", user))
    return message


async def _call_as_phone(
    proxy: Kamailio, phone: Peer, number: str, *, shown: str = PHONE[0], **more: str
) -> SipMessage:
    """An INVITE with the phone's password, after it was asked for it; the INVITE as it went."""
    first = _as_phone(of(proxy, phone.invite(user=number)), shown)
    phone.send(first, proxy.port)
    asked = await phone.final()
    assert asked.status == 407
    challenge = read_challenge([asked.get("proxy-authenticate")])
    assert challenge is not None
    invite = _as_phone(of(proxy, phone.invite(user=number, call_id=first.call_id, number=2)), shown)
    given = authorization(challenge, *PHONE, "INVITE", invite.uri)
    invite.headers += [("proxy-authorization", given), *((name.replace("_", "-"), text) for name, text in more.items())]
    phone.send(invite, proxy.port)
    return invite


def _accepted(invite: SipMessage, by: Peer) -> SipMessage:
    """A 200 of one who keeps to RFC 3261 §12.1.1."""
    accepted = answer(invite, 200, "OK", tag="theirs")
    accepted.headers += [("record-route", each) for each in invite.all("record-route")]
    accepted.headers.append(("contact", f"<sip:there@127.0.0.1:{by.port}>"))
    return accepted


IDENTITIES = {
    "p_asserted_identity": "<sip:+8613800000001@127.0.0.1>",
    "p_preferred_identity": "<sip:+8613800000001@127.0.0.1>",
    "remote_party_id": "<sip:+8613800000001@127.0.0.1>;party=calling",
    "diversion": "<sip:+8613800000001@127.0.0.1>;reason=unconditional",
}


async def test_what_phones_say_of_themselves_is_not_passed_on(tmp_path: Path) -> None:
    async with machine() as hotline, peer() as phone:
        async with kamailio(tmp_path / "k", [hotline.port], phones=[PHONE]) as proxy:
            await _call_as_phone(proxy, phone, "400", **IDENTITIES)
            came = await hotline.get()
            assert not [name for name in IDENTITIES if came.get(name.replace("_", "-"))]
            assert caller_of(came) == Caller(number="8001", name="", asserted=False)
        async with kamailio(tmp_path / "k2", [hotline.port], trunks=["127.0.0.1/32"]) as proxy:
            from_trunk = of(proxy, phone.invite())
            from_trunk.headers += [(name.replace("_", "-"), text) for name, text in IDENTITIES.items()]
            phone.send(from_trunk, proxy.port)
            came = await hotline.get(wanted=lambda m: m.call_id == from_trunk.call_id)
            assert caller_of(came) == Caller(number="+8613800000001", name="", asserted=True)


async def test_nothing_is_relayed_for_who_is_on_no_call(tmp_path: Path) -> None:
    """A To tag, a Route through us and an alias can be invented by anybody."""
    async with (
        machine() as hotline,
        peer() as victim,
        peer() as stranger,
        peer() as trunk,
        kamailio(tmp_path / "k", [hotline.port], phones=[PHONE]) as proxy,
    ):
        ours = f"<sip:127.0.0.1:{proxy.port};lr{{}}>"
        for number, (method, mark, alias) in enumerate(
            [("INVITE", "", ""), ("MESSAGE", ";hl=0123456789abcdef0123456789abcdef", ""), ("BYE", ";hl=", "x")]
        ):
            request = of(proxy, stranger.request(method, tag="invented", number=number + 1))
            request.uri = f"sip:there@127.0.0.1:{victim.port}"
            if alias:
                request.uri = f"sip:there@192.0.2.99;alias=127.0.0.1~{victim.port}~1"
            request.headers.insert(1, ("route", ours.format(mark)))
            stranger.send(request, proxy.port)
            assert (await stranger.final()).status == 481
        ack = of(proxy, stranger.request("ACK", tag="invented"))
        ack.uri = f"sip:there@127.0.0.1:{victim.port}"
        ack.headers.insert(1, ("route", ours.format("")))
        stranger.send(ack, proxy.port)
        assert await victim.nothing(0.5)
        # The mark of a call is of no use for another one, and goes on being good for its own.
        invite = await _call_as_phone(proxy, trunk, "400")
        came = await hotline.get()
        hotline.send(_accepted(came, hotline), proxy.port)
        response = await trunk.get(wanted=lambda m: m.status == 200)
        other = _towards(proxy, stranger, invite, response, "BYE")
        other.put("call-id", "another")
        other.uri = f"sip:there@127.0.0.1:{victim.port}"
        stranger.send(other, proxy.port)
        assert (await stranger.final()).status == 481
        trunk.send(_towards(proxy, trunk, invite, response, "ACK"), proxy.port)
        assert (await hotline.get()).method == "ACK"
        trunk.send(_towards(proxy, trunk, invite, response, "BYE"), proxy.port)
        assert (await hotline.get()).method == "BYE"


async def test_running_calls_outlive_a_restart(tmp_path: Path) -> None:
    async with machine() as hotline, peer() as caller:
        trunks = ["127.0.0.1/32"]
        async with kamailio(tmp_path / "k", [hotline.port], trunks=trunks) as before:
            invite = of(before, caller.invite())
            caller.send(invite, before.port)
            hotline.send(_accepted(await hotline.get(), hotline), before.port)
            response = await caller.get(wanted=lambda m: m.status == 200)
            secret = (tmp_path / "k" / "secret.cfg").read_text()
        async with kamailio(tmp_path / "k2", [hotline.port], trunks=trunks, secret=secret) as after:
            bye = _towards(after, caller, invite, response, "BYE")
            bye.put_all("route", [each.replace(f":{before.port}", f":{after.port}") for each in bye.all("route")])
            caller.send(bye, after.port)
            assert (await hotline.get()).method == "BYE"


async def test_hotline_calls_out_through_the_trunk(tmp_path: Path) -> None:
    async with (
        machine() as hotline,
        machine() as trunk,
        kamailio(tmp_path / "k", [hotline.port], out=[trunk.port]) as proxy,
    ):
        trunk.there = (403, "Forbidden")  # many answer so to OPTIONS, and are no worse for it
        await asyncio.sleep(4)  # for longer than two questions take
        invite = of(proxy, hotline.invite(user="01087654321"))
        hotline.send(invite, proxy.port)
        came = await trunk.get()
        assert (came.method, came.uri) == ("INVITE", invite.uri)
        await asyncio.sleep(3)  # a trunk behind other networks: longer than a Hotline may take
        trunk.send(_accepted(came, trunk), proxy.port)
        response = await hotline.get(wanted=lambda m: m.status >= 200)
        assert response.status == 200
        hotline.send(_towards(proxy, hotline, invite, response, "ACK"), proxy.port)
        assert (await trunk.get(wanted=lambda m: m.method != "INVITE")).method == "ACK"
        bye = trunk.request("BYE", call_id=invite.call_id, number=2)  # whom we called hangs up
        bye.put("from", response.get("to"))
        bye.put("to", response.get("from"))
        bye.uri = invite.get("contact").strip("<>")
        for at, each in enumerate(came.all("record-route")):
            bye.headers.insert(1 + at, ("route", each))
        trunk.send(bye, proxy.port)
        assert (await hotline.get()).method == "BYE"


async def test_phones_call_hotline_and_nobody_outside(tmp_path: Path) -> None:
    async with (
        machine() as hotline,
        machine() as trunk,
        peer() as phone,
        kamailio(tmp_path / "k", [hotline.port], out=[trunk.port], phones=[PHONE]) as proxy,
    ):
        invite = await _call_as_phone(proxy, phone, "0019005550100")
        came = await hotline.get()  # which answers its own numbers only
        assert came.uri == invite.uri
        hotline.send(answer(came, 404, "Not Found", tag="x"), proxy.port)
        assert (await phone.final()).status == 404
        assert await trunk.nothing(0.5)


async def test_a_phone_shows_its_own_number(tmp_path: Path) -> None:
    async with (
        machine() as hotline,
        peer() as phone,
        kamailio(tmp_path / "k", [hotline.port], phones=[PHONE]) as proxy,
    ):
        await _call_as_phone(proxy, phone, "400", shown="8002")
        refused = await phone.final()
        assert (refused.status, refused.reason) == (403, "Not Your Number")
        assert await hotline.nothing(0.5)


async def test_a_flood_is_not_answered_and_hotline_is(tmp_path: Path) -> None:
    async with (
        machine() as hotline,
        machine() as trunk,
        peer() as flood,
        kamailio(tmp_path / "k", [hotline.port], out=[trunk.port]) as proxy,
    ):
        flood.send(of(proxy, flood.request("OPTIONS")), proxy.port)
        assert (await flood.final()).status == 200
        for _ in range(30):  # a slow machine may need more than one to be too fast
            for number in range(100):
                flood.send(of(proxy, flood.request("OPTIONS", number=number + 2)), proxy.port)
            await asyncio.sleep(0.5)
            while not flood.came.empty():
                flood.came.get_nowait()
            flood.send(of(proxy, flood.request("OPTIONS", number=200)), proxy.port)
            if await flood.nothing():
                break
        else:
            pytest.fail("a flood goes on being answered")
        hotline.send(of(proxy, hotline.invite(user="01087654321")), proxy.port)
        assert (await trunk.get()).method == "INVITE"


async def test_what_holds_secrets_is_closed_to_others(tmp_path: Path) -> None:
    async with kamailio(tmp_path / "k", [free_port(2)], phones=[PHONE]) as proxy:
        for name in ("dbtext/subscriber", "secret.cfg", "tls.key"):
            assert (proxy.directory / name).stat().st_mode & 0o007 == 0, name
        secret = (proxy.directory / "secret.cfg").read_text()
        await asyncio.to_thread(subprocess.run, [proxy.directory / "prepare"], check=True)
        assert (proxy.directory / "secret.cfg").read_text() == secret
    assert not (SHIPPED / "secret.cfg").exists()  # each makes its own
