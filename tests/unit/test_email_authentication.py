"""SPF, DKIM and DMARC against a DNS that is a table."""

from __future__ import annotations

import base64
from typing import Any

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from connectors.email.authentication import Verdict, check, judge

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC = base64.b64encode(
    KEY.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
).decode()
DNS: dict[tuple[str, str], list[Any]] = {
    ("firm.example", "TXT"): ["unrelated", "v=spf1 include:_spf.firm.example mx -all"],
    ("_spf.firm.example", "TXT"): ["v=spf1 ip4:192.0.2.0/28 -all"],
    ("firm.example", "MX"): [(10, "mx.firm.example")],
    ("mx.firm.example", "A"): ["198.51.100.7"],
    ("s1._domainkey.firm.example", "TXT"): [f"v=DKIM1; k=rsa; p={PUBLIC}"],
    ("_dmarc.firm.example", "TXT"): ["v=DMARC1; p=reject"],
}
MAIL = b"From: Wang <wang@firm.example>\r\nTo: service@other.example\r\nSubject: x\r\n\r\nThe pump leaks.\r\n"


def table(name: str, kind: str) -> list[Any]:
    return DNS.get((name.lower(), kind), [])


def signed(mail: bytes = MAIL) -> bytes:
    pem = KEY.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return bytes(dkim.sign(mail, b"s1", b"firm.example", pem, include_headers=[b"from", b"subject"])) + mail


@pytest.mark.parametrize(
    ("raw", "peer", "sender", "expected"),
    [
        (MAIL, "192.0.2.5", "wang@firm.example", Verdict(spf="pass", dkim="none", dmarc="pass")),
        (MAIL, "198.51.100.7", "wang@firm.example", Verdict(spf="pass", dkim="none", dmarc="pass")),
        (MAIL, "203.0.113.9", "wang@firm.example", Verdict(spf="fail", dkim="none", dmarc="fail")),
        (signed(), "203.0.113.9", "list@lists.example", Verdict(spf="none", dkim="pass", dmarc="pass")),
        (
            signed().replace(b"leaks", b"works"),
            "203.0.113.9",
            "a@b.example",
            Verdict(spf="none", dkim="fail", dmarc="fail"),
        ),
        (
            MAIL.replace(b"firm.example", b"none.example"),
            "192.0.2.5",
            "a@none.example",
            Verdict(spf="none", dkim="none", dmarc="none"),
        ),
    ],
)
def test_verdicts(raw: bytes, peer: str, sender: str, expected: Verdict) -> None:
    assert judge(raw, peer, sender, "mx.firm.example", table) == expected


def test_somebody_elses_pass_does_not_verify_the_address() -> None:
    forged = MAIL.replace(b"wang@firm.example", b"boss@firm.example")
    DNS[("evil.example", "TXT")] = ["v=spf1 +all"]
    verdict = judge(forged, "203.0.113.9", "x@evil.example", "evil.example", table)
    assert (verdict.spf, verdict.dmarc, verdict.aligned) == ("pass", "fail", False)


def test_dns_that_fails_is_a_verdict() -> None:
    def dead(name: str, kind: str) -> list[Any]:
        raise OSError("no DNS")

    verdict = judge(signed(), "192.0.2.5", "wang@firm.example", "x", dead)
    assert verdict.spf == "temperror"
    assert verdict.dkim in ("temperror", "fail")
    assert not verdict.aligned


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\xff" * 100,
        b"From: \xff\r\n\r\n",
        b"DKIM-Signature: v=1; a=;;;\r\nFrom: a@b\r\n\r\n",
        b"From: a\r\nFrom: b@c\r\n\r\n",
    ],
)
def test_hostile_mail_gets_some_verdict(raw: bytes) -> None:
    assert not judge(raw, "192.0.2.5", "\xff@", "", table).aligned


def test_without_a_resolver_nothing_is_asked() -> None:
    assert check(MAIL, "192.0.2.5", "a@b.example", "x") == Verdict()
