"""The SMTP and LMTP servers with real clients on real sockets."""

from __future__ import annotations

import asyncio
import contextlib
import smtplib
import socket
import ssl
from collections.abc import AsyncIterator, Callable
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from pydantic import SecretStr
from sqlalchemy import select

import intake
from connectors.email import delivery, smtp, thread
from connectors.email.settings import MailSettings
from core import blobs, clock, db, settings
from core.db import Database

T = TypeVar("T")
MAIL = "From: 王芳 <wang@example.net>\r\nSubject: 空调故障\r\nMessage-ID: <one@example.net>\r\n\r\n三楼空调不制冷。\r\n".encode()


@contextlib.asynccontextmanager
async def server(way: str = "smtp", **options: Any) -> AsyncIterator[int]:
    config = MailSettings(port=0 if way == "smtp" else -1, lmtp_port=0 if way == "lmtp" else -1, **options)
    settings.use(config)
    (opened,) = await smtp.listen(config)
    try:
        yield opened.sockets[0].getsockname()[1]
    finally:
        opened.close()
        await opened.wait_closed()
        delivery.shut_down()


async def with_client(port: int, work: Callable[[smtplib.SMTP], T]) -> T:
    def talk() -> T:
        with smtplib.SMTP("127.0.0.1", port, timeout=20) as client:
            return work(client)

    return await asyncio.to_thread(talk)


def send(client: smtplib.SMTP, raw: bytes, recipient: str = "service@firm.example") -> tuple[int, bytes]:
    client.ehlo_or_helo_if_needed()
    client.mail("wang@example.net")
    client.rcpt(recipient)
    return client.data(raw)


def messages() -> list[intake.Message]:
    with db.read() as session:
        return [intake.message_of(row) for row in session.scalars(select(intake.MessageRow))]


async def test_250_means_that_it_is_on_disk(database: Database) -> None:
    async with server() as port:
        code, answer = await with_client(port, lambda client: send(client, MAIL))
        assert code == 250
        (message,) = messages()
        assert answer.split()[-1].decode() == _only_id()
    assert message.text == "三楼空调不制冷。\n"
    assert (message.sender.kind, message.sender.value, message.sender.name) == ("mail", "wang@example.net", "王芳")
    assert (message.channel, message.subject, message.style, message.event) == ("email", "空调故障", "email", "")
    assert blobs.store().get(message.original) == MAIL


async def test_a_mail_sent_again_is_known_and_two_mails_with_one_id_are_both_kept(database: Database) -> None:
    async with server() as port:
        for raw in (MAIL, b"Received: from relay\r\n" + MAIL, MAIL.replace("三楼".encode(), "四楼".encode())):
            assert (await with_client(port, lambda client, raw=raw: send(client, raw)))[0] == 250  # type: ignore[misc]
    assert sorted(one.text.strip() for one in messages()) == ["三楼空调不制冷。", "四楼空调不制冷。"]


async def test_recipients_are_checked(database: Database) -> None:
    async with server(addresses="service@firm.example, *@support.example") as port:

        def ask(client: smtplib.SMTP) -> list[int]:
            client.ehlo()
            client.mail("a@example.net")
            named = (
                "service@firm.example",
                "x@support.example",
                "other@firm.example",
                "SERVICE+HL-1.0123456789abcdef@firm.example",
                "nobody",
            )
            return [client.rcpt(one)[0] for one in named]

        assert await with_client(port, ask) == [250, 250, 550, 250, 550]


async def test_size_is_announced_and_kept(database: Database) -> None:
    async with server(max_size=5_000) as port:

        def ask(client: smtplib.SMTP) -> tuple[str, int, int]:
            client.ehlo()
            declared = client.mail("a@example.net", ["SIZE=6000"])[0]
            return client.esmtp_features["size"], declared, send(client, MAIL + b"x" * 100 + b"\r\n" * 6_000)[0]

        assert await with_client(port, ask) == ("5000", 552, 552)
    assert messages() == []


async def test_a_mail_too_large_to_read_becomes_a_visible_draft(database: Database) -> None:
    async with server(parse_size=500) as port:
        assert (await with_client(port, lambda client: send(client, MAIL + b"x" * 600)))[0] == 250
    (message,) = messages()
    assert (message.subject, message.event) == ("空调故障", "")
    assert "larger than" in message.problem
    assert [one.type for one in message.attachments] == ["message/rfc822"]
    assert message.attachments[0].blob == message.original


async def test_a_mail_that_takes_too_long_is_stopped_and_shown(database: Database) -> None:
    long = MAIL + "> 三楼空调不制冷。\r\n".encode() * 100_000  # some 0.4 s
    async with server(parse_seconds=0.0) as port:
        assert (await with_client(port, lambda client: send(client, long)))[0] == 250
    (message,) = messages()
    assert "stopped" in message.problem
    assert (message.subject, message.sender.value) == ("空调故障", "wang@example.net")


async def test_long_lines_are_taken(database: Database) -> None:
    async with server() as port:
        assert (await with_client(port, lambda client: send(client, MAIL + b"x" * 200_000)))[0] == 250
    assert len(messages()[0].text) > 199_000


async def test_too_much_at_once_is_asked_to_come_again(database: Database) -> None:
    async with server(receiving=0) as port:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            await with_client(port, lambda client: send(client, MAIL))
        assert refused.value.smtp_code == 451
    async with server(trusted_peers="", peer_rate=2) as port:

        def ask(client: smtplib.SMTP) -> list[int]:
            client.ehlo()
            codes = []
            for _ in range(3):
                codes.append(client.mail("a@example.net")[0])
                client.rset()
            return codes

        assert await with_client(port, ask) == [250, 250, 451]


async def test_connections_of_one_peer_are_limited(database: Database) -> None:
    async with server(trusted_peers="", peer_connections=1) as port:

        def ask(client: smtplib.SMTP) -> bytes:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as second:
                return second.recv(100)

        assert (await with_client(port, ask)).startswith(b"421")
        # The first has gone, so there is room again.
        assert (await with_client(port, lambda client: send(client, MAIL)))[0] == 250


async def test_starttls_auth_and_utf8(database: Database, tmp_path: Path) -> None:
    certificate = _certificate(tmp_path)
    trust = ssl.create_default_context(cafile=str(certificate))
    async with server(
        tls_certificate=certificate, users=SecretStr("relay:geheim"), require_auth=True, require_tls=True
    ) as port:

        def ask(client: smtplib.SMTP) -> list[Any]:
            client.ehlo()
            before = client.has_extn("auth"), client.mail("a@example.net")[0]
            client._host = "localhost"  # the name that the certificate must have
            client.starttls(context=trust)
            client.ehlo()
            unsigned = client.mail("a@example.net")[0]
            try:
                client.login("relay", "falsch")
                wrong = 0
            except smtplib.SMTPAuthenticationError as error:
                wrong = error.smtp_code
            client.login("relay", "geheim")
            client.send_message(_utf8_mail(), from_addr="王芳@example.net", to_addrs=["service@firm.example"])
            return [*before, unsigned, wrong]

        assert await with_client(port, ask) == [False, 530, 530, 535]
    (message,) = messages()
    assert message.sender.verified
    assert message.text.strip() == "漏水"


async def test_lmtp_answers_for_each_recipient(database: Database) -> None:
    async with server("lmtp") as port:

        def ask() -> list[tuple[int, bytes]]:
            with smtplib.LMTP("127.0.0.1", port, timeout=20) as client:
                client.ehlo()
                client.mail("a@example.net")
                client.rcpt("a@firm.example")
                client.rcpt("b@firm.example")
                return [client.data(MAIL), client.getreply()]

        assert [code for code, _ in await asyncio.to_thread(ask)] == [250, 250]
    assert len(messages()) == 1


async def test_automatic_mail_is_recorded_as_an_event(database: Database) -> None:
    raws = {
        "auto-reply": b"Auto-Submitted: auto-replied\r\n",
        "bounce": b"X-Failed-Recipients: a@example.net\r\n",
        "list": b"List-Id: <a.example.net>\r\n",
        "loop": f"X-Hotline-Loop: {thread.loop_mark('a@b')}\r\n".encode(),
        "": b"X-Hotline-Loop: forged 0123456789abcdef01234567\r\n",
    }
    async with server() as port:
        for head in raws.values():
            await with_client(port, lambda client, head=head: send(client, head + MAIL))  # type: ignore[misc]
    assert sorted(one.event for one in messages()) == sorted(raws)


@pytest.mark.parametrize("signature", ["é" * 16, "\udce9" * 20, "e" * 20])
async def test_a_strangers_loop_field_does_no_harm(database: Database, signature: str) -> None:
    field = f"X-Hotline-Loop: <a@b> {signature}\r\n".encode("utf-8", "surrogateescape")
    async with server() as port:
        assert (await with_client(port, lambda client: send(client, field + MAIL)))[0] == 250
    (message,) = messages()
    assert (message.event, message.text, message.problem) == ("", "三楼空调不制冷。\n", "")


async def test_only_a_signed_reply_address_names_a_ticket(database: Database) -> None:
    address = thread.reply_address("service@firm.example", "HL-20261121-0007")
    forged = address[:-20] + "0" * 7 + address[-13:]
    async with server() as port:
        for recipient in (address, forged, "service@firm.example"):
            raw = f"Subject: Re: [HL-20261121-0007] {recipient}\r\n".encode() + MAIL
            await with_client(port, lambda client, raw=raw, recipient=recipient: send(client, raw, recipient))  # type: ignore[misc]
    numbers = {one.extra["envelope"]["to"][0]: one.ticket_number for one in messages()}
    assert numbers == {address: "HL-20261121-0007", forged: "", "service@firm.example": ""}


async def test_a_session_of_rubbish_ends_alone(database: Database) -> None:
    async with server() as port:

        def rubbish() -> bytes:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
                peer.recv(200)
                peer.sendall(b"\xff\xfe GET / HTTP/1.1\r\n" + b"A" * 100_000 + b"\r\nMAIL FROM:<\xff>\r\nQUIT\r\n")
                return peer.recv(10_000)

        assert b"250" not in await asyncio.to_thread(rubbish)
        assert (await with_client(port, lambda client: send(client, MAIL)))[0] == 250


async def test_smuggled_commands_stay_text(database: Database) -> None:
    async with server() as port:
        body = MAIL + b"\n.\nMAIL FROM:<evil@example.net>\nRCPT TO:<x@y.example>\nDATA\nSubject: smuggled\n\nx\n.\n"

        def raw() -> bytes:
            with socket.create_connection(("127.0.0.1", port), timeout=10) as peer:
                for line in (
                    b"EHLO x\r\n",
                    b"MAIL FROM:<a@example.net>\r\n",
                    b"RCPT TO:<a@firm.example>\r\n",
                    b"DATA\r\n",
                ):
                    peer.recv(2000)
                    peer.sendall(line)
                peer.recv(2000)
                peer.sendall(body + b"\r\n.\r\n")
                return peer.recv(2000)

        await asyncio.to_thread(raw)
    assert "smuggled" not in {one.subject for one in messages()}


def _only_id() -> str:
    with db.read() as session:
        return session.scalars(select(intake.MessageRow.id)).one()


def _utf8_mail() -> Any:
    from email.message import EmailMessage
    from email.policy import SMTPUTF8

    mail = EmailMessage(policy=SMTPUTF8)
    mail["From"], mail["To"], mail["Subject"] = "王芳@example.net", "service@firm.example", "漏水"
    mail.set_content("漏水")
    return mail


def _certificate(folder: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(clock.now() - timedelta(days=1))
        .not_valid_after(clock.now() + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = folder / "localhost.pem"
    path.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return path
