"""Notices by mail, to a real SMTP server that keeps what it gets."""

from __future__ import annotations

import email
import email.policy
import socket
from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from typing import Any

import pytest
from aiosmtpd.controller import Controller

import intake
from connectors.email import bounce, delivery, outlet, thread
from connectors.email.parse import parse
from connectors.email.past import Past
from connectors.email.settings import MailSettings
from core import clock, db, settings
from core.db import Database
from core.errors import Unavailable
from tests.support import keep_promises
from tests.support.messages import message
from ticketing import CannotDeliver, Customer, Notice, OutgoingNotice, Ticket


class Provider:
    """A mail server that answers as it is told."""

    def __init__(self) -> None:
        self.mails: list[bytes] = []
        self.at_rcpt = "250 OK"
        self.at_data = "250 OK"

    async def handle_RCPT(self, server: Any, session: Any, envelope: Any, address: str, options: list[str]) -> str:
        if self.at_rcpt.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.at_rcpt

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:
        if self.at_data.startswith("250"):
            self.mails.append(envelope.original_content)
        return self.at_data


@pytest.fixture
def provider(database: Database) -> Iterator[Provider]:
    one = Provider()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    controller = Controller(one, hostname="127.0.0.1", port=port, enable_SMTPUTF8=True)
    controller.start()
    try:
        settings.use(
            MailSettings(address="service@firm.example", hostname="mail.firm.example"),
            outlet.MailOutSettings(host="127.0.0.1", port=port, starttls=False, name="某某售后", seconds=5),
        )
        yield one
    finally:
        controller.stop()


def notice(**more: Any) -> OutgoingNotice:
    given: dict[str, Any] = {
        "id": 7,
        "key": "hotline-7",
        "purpose": "assigned",
        "subject": "工程师已安排",
        "text": "您好，工程师明天上午九点到。\n",
        "language": "zh",
        "ticket_number": "HL-20261121-0007",
        "identities": {"mail": ["wang@example.net"]},
    }
    return OutgoingNotice(**{**given, **more})


def received(provider: Provider) -> EmailMessage:
    (raw,) = provider.mails
    mail = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(mail, EmailMessage)
    return mail


@pytest.fixture
def ticket(database: Database) -> Ticket:
    """A ticket of two mails of wang@example.net."""
    with db.write() as session:
        customer = Customer(name="王芳", created=clock.now())
        session.add(customer)
        session.flush()
        made = Ticket(
            number="HL-20261121-0007",
            state="open",
            service="repair",
            customer_id=customer.id,
            channel="email",
            created=clock.now(),
        )
        session.add(made)
    for number, (own, chain) in enumerate((("a@example.net", ()), ("b@example.net", ("a@example.net",)))):
        accepted = intake.accept_now(
            message(
                channel="email",
                sender="wang@example.net",
                subject="答复: 空调",
                thread=chain,
                extra={"message_id": own, "kind": "person"},
            )
        )
        with db.write() as session:
            row = session.get_one(intake.MessageRow, accepted.message_id)
            row.ticket_id, row.received_at = made.id, clock.now() + timedelta(seconds=number)
    return made


def test_a_notice_answers_the_customers_last_mail(provider: Provider, ticket: Ticket) -> None:
    sender = outlet.MailOutlet()
    asked = notice(identities={"mail": ["old@example.net", "wang@example.net"]})
    assert sender.reaches(asked)
    delivery = sender.send(asked)
    mail = received(provider)
    assert mail["Subject"] == "工程师已安排 [HL-20261121-0007]"
    assert mail.get_content().replace("\r\n", "\n") == notice().text
    assert mail["From"].addresses[0].display_name == "某某售后"
    assert mail["In-Reply-To"] == "<b@example.net>"
    assert mail["References"] == "<a@example.net> <b@example.net>"
    assert mail["Auto-Submitted"] == "auto-replied"
    assert mail["To"] == "wang@example.net"
    assert mail["Message-ID"] == f"<{delivery.receipt}>"
    assert thread.ticket_of([mail["Reply-To"].addresses[0].addr_spec]) == "HL-20261121-0007"


def test_a_reply_without_a_subject_takes_the_customers(provider: Provider, ticket: Ticket) -> None:
    outlet.MailOutlet().send(notice(purpose="reply", subject=""))
    assert received(provider)["Subject"] == "回复：空调 [HL-20261121-0007]"


def test_robots_do_not_talk_for_ever(provider: Provider, ticket: Ticket) -> None:
    with db.write() as session:
        for _ in range(10):
            one = Notice(
                ticket_id=ticket.id,
                purpose="received",
                text="x",
                sent_by="email",
                created=clock.now(),
                sent=clock.now(),
            )
            session.add(one)
    with pytest.raises(CannotDeliver):
        outlet.MailOutlet().send(notice())
    outlet.MailOutlet().send(notice(purpose="reply"))


def test_a_bounce_marks_its_notice(provider: Provider, ticket: Ticket) -> None:
    receipt = outlet.MailOutlet().send(notice()).receipt
    with db.write() as session:
        one = Notice(
            ticket_id=ticket.id,
            purpose="received",
            text="x",
            sent_by="email",
            state="sent",
            receipt=receipt,
            created=clock.now(),
        )
        session.add(one)
    raw = (
        "From: MAILER-DAEMON@example.net\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=z\r\n\r\n"
        f"--z\r\nContent-Type: message/rfc822\r\n\r\nMessage-ID: <{receipt}>\r\n\r\nx\r\n--z--\r\n"
    ).encode()
    try:
        intake.accept_now(delivery.message_of(raw, delivery.Envelope(way="smtp")))
    finally:
        delivery.shut_down()
    keep_promises(bounce.KIND)
    with db.read() as session:
        assert session.get_one(Notice, one.id).state == "failed"


def test_a_mail_sent_twice_has_one_id(provider: Provider) -> None:
    first, second = (outlet.MailOutlet().send(notice()) for _ in range(2))
    assert first.receipt == second.receipt
    assert outlet.MailOutlet().send(notice(key="hotline-8")).receipt != first.receipt


def test_our_own_mail_is_known_when_it_comes_back(provider: Provider) -> None:
    outlet.MailOutlet().send(notice(purpose="reply"))
    assert "Auto-Submitted" not in received(provider)
    assert thread.is_own(parse(provider.mails[0]).loop_mark)


@pytest.mark.parametrize(
    ("at_rcpt", "at_data", "error"),
    [
        ("550 5.1.1 no such user", "250 OK", CannotDeliver),
        ("450 4.2.1 later", "250 OK", Unavailable),
        ("250 OK", "554 5.7.1 refused", CannotDeliver),
        ("250 OK", "451 4.3.0 later", Unavailable),
        ("421 4.3.2 going down", "250 OK", Unavailable),
    ],
)
def test_refusals(provider: Provider, at_rcpt: str, at_data: str, error: type[Exception]) -> None:
    provider.at_rcpt, provider.at_data = at_rcpt, at_data
    with pytest.raises(error):
        outlet.MailOutlet().send(notice())


def test_a_server_that_is_not_there(provider: Provider) -> None:
    settings.use(outlet.MailOutSettings(host="127.0.0.1", port=1, starttls=False, seconds=1))
    with pytest.raises(Unavailable):
        outlet.MailOutlet().send(notice())


def test_nothing_is_injected(provider: Provider) -> None:
    hostile = "x\r\nBcc: all@example.net\r\n\r\nbody"
    before = Past(mail_id="a>\r\nBcc: b@c", chain=("ok@example.net", "b\r\nX: y"), subject=hostile)
    for one in (notice(subject=hostile), notice(subject="")):
        mail = email.message_from_bytes(
            bytes(outlet.compose(one, "wang@example.net", before)), policy=email.policy.default
        )
        assert mail["Bcc"] is None
        assert mail["In-Reply-To"] is None
        assert mail["References"] == "<ok@example.net>"
        assert "x Bcc: all@example.net body" in mail["Subject"]


def test_who_has_no_address_is_not_reached(provider: Provider) -> None:
    assert not outlet.MailOutlet().reaches(notice(identities={"phone": ["+8613800000000"]}))
    settings.use(outlet.MailOutSettings(host=""))
    assert not outlet.MailOutlet().reaches(notice())
