"""REGISTER with digest, against a registrar that is a UDP socket."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from connectors.sip.address import parse_address
from connectors.sip.digest import Challenge, authorization, read_challenge
from connectors.sip.front import Front
from connectors.sip.message import SipMessage, answer
from connectors.sip.registration import Registration
from connectors.sip.settings import Account, SipSettings
from tests.support.sip import Peer, peer

CHALLENGE = 'Digest realm="pbx", nonce="n1", qop="auth", algorithm=MD5, opaque="o"'


@contextlib.asynccontextmanager
async def registering(**options: object) -> AsyncIterator[tuple[Front, Peer, Registration]]:
    front = Front(SipSettings(port=0))
    await front.start()
    async with peer() as registrar:
        account = Account.model_validate(
            {"user": "400", "password": "secret", "registrar": f"127.0.0.1:{registrar.port}", **options}
        )
        registration = Registration(account, front)
        registration.start()
        try:
            yield front, registrar, registration
        finally:
            await registration.stop()
            await front.stop()


def test_the_digest_of_rfc_7616() -> None:
    # RFC 7616 §3.9.1
    given = {
        "user": "Mufasa",
        "password": "Circle of Life",
        "method": "GET",
        "uri": "/dir/index.html",
        "cnonce": "f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    }
    challenge = {"realm": "http-auth@example.org", "nonce": "7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", "qop": True}
    assert 'response="8ca523f5e9506fed4657c9700eebdbec"' in authorization(
        Challenge(**challenge, algorithm="md5"), **given
    )
    assert 'response="753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"' in authorization(
        Challenge(**challenge, algorithm="sha-256"), **given
    )


def test_the_strongest_challenge_that_can_be_answered_counts() -> None:
    weak, strong = (
        'Digest realm="a\\"b", nonce="1"',
        'Digest realm="r", nonce="2", algorithm=SHA-256, qop="auth-int,auth"',
    )
    found = read_challenge(["Basic realm=x", weak, strong, 'Digest nonce="3", algorithm=SHA-512-256'])
    assert found == Challenge(realm="r", nonce="2", algorithm="sha-256", qop=True)
    known = read_challenge([weak])
    assert known is not None
    assert known.realm == 'a"b'
    assert read_challenge(["Basic realm=x", "Digest nonsense", ""]) is None


def ok(request: SipMessage, expires: int) -> SipMessage:
    response = answer(request, 200, "OK", tag="r")
    response.headers.append(("contact", f"{request.get('contact')};expires={expires}"))
    return response


async def test_a_challenge_is_answered_and_the_registration_kept_fresh() -> None:
    async with registering() as (front, registrar, registration):
        first = await registrar.get()
        assert (first.method, first.uri) == ("REGISTER", "sip:127.0.0.1")
        assert first.get("contact") == f"<sip:400@127.0.0.1:{front.port}>"
        assert not first.get("authorization")
        registrar.send(answer(first, 401, "Unauthorized", [("www-authenticate", CHALLENGE)]), front.port)
        second = await registrar.get()
        assert second.cseq[0] == first.cseq[0] + 1
        assert 'username="400"' in second.get("authorization")
        assert "nc=00000001" in second.get("authorization")
        registrar.send(ok(second, 10), front.port)
        await asyncio.wait_for(registration.registered.wait(), 2)
        again = await registrar.get(8)  # before the ten seconds are over
        assert "nc=00000002" in again.get("authorization")
        registrar.send(ok(again, 3600), front.port)
        stopping = asyncio.create_task(registration.stop())
        last = await registrar.get()
        assert last.get("expires") == "0"
        registrar.send(ok(last, 0), front.port)
        await stopping


async def test_an_unanswered_request_is_said_again_and_then_another_proxy_tried(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("connectors.sip.registration.PATIENCE", 1.0)
    async with peer() as silent, peer() as second:
        proxies = (f"127.0.0.1:{silent.port}", f"127.0.0.1:{second.port}")
        async with registering(proxies=proxies) as (front, _, registration):
            assert (await silent.get()).cseq == (await silent.get()).cseq
            registrar_request = await second.get(8)
            second.send(ok(registrar_request, 300), front.port)
            await asyncio.wait_for(registration.registered.wait(), 2)


async def test_a_wrong_password_is_not_tried_in_a_loop() -> None:
    async with registering() as (front, registrar, registration):
        for _ in range(2):
            request = await registrar.get()
            registrar.send(answer(request, 401, "Unauthorized", [("www-authenticate", CHALLENGE)]), front.port)
        assert await registrar.nothing(1.0)
        assert not registration.registered.is_set()


async def test_a_longer_interval_is_accepted() -> None:
    async with registering(expires=60) as (front, registrar, registration):
        request = await registrar.get()
        registrar.send(answer(request, 423, "Interval Too Brief", [("min-expires", "600")]), front.port)
        request = await registrar.get()
        assert request.get("expires") == "600"
        registrar.send(ok(request, 600), front.port)
        await asyncio.wait_for(registration.registered.wait(), 2)


async def test_our_registrar_may_call_though_sources_are_listed() -> None:
    front = Front(SipSettings(port=0, sources=("192.0.2.0/24",), min_free_mb=0))
    await front.start()
    async with peer() as registrar:
        registration = Registration(Account(user="400", registrar=f"127.0.0.1:{registrar.port}"), front)
        registration.start()
        try:
            registrar.send(ok(await registrar.get(), 300), front.port)
            await asyncio.wait_for(registration.registered.wait(), 2)
            registrar.send(registrar.request("OPTIONS"), front.port)
            assert parse_address((await registrar.final()).get("to")).tag
        finally:
            await registration.stop()
            await front.stop()
