"""Watched mailboxes, against a real dovecot."""

from __future__ import annotations

import imaplib
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from sqlalchemy import select

import intake
from connectors.email import delivery, mailbox, watermark
from connectors.email.serve import deliver_from
from core import db, settings
from core.db import Database
from core.errors import ConfigurationError, TooMany
from intake.inbox import InboxSettings
from tests.support.dovecot import PASSWORD, dovecot


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with dovecot(tmp_path_factory.mktemp("dovecot")) as opened:
        yield opened


@pytest.fixture
def address(port: int, request: pytest.FixtureRequest) -> mailbox.Address:
    user = request.node.name.replace("[", "-").rstrip("]")
    return mailbox.Address.of(f"imap://{user}:{quote(PASSWORD, safe='')}@127.0.0.1:{port}/INBOX")


@pytest.fixture(autouse=True)
def parser_ends() -> Iterator[None]:
    yield
    delivery.shut_down()


def raw(number: int, size: int = 0) -> bytes:
    return (
        f"From: kunde{number}@example.net\r\nSubject: Nr. {number}\r\nMessage-ID: <same@example.net>\r\n\r\n"
        f"Mail {number}{'x' * size}\r\n"
    ).encode()


class Owner:
    """The mailbox's owner with a mail program."""

    def __init__(self, address: mailbox.Address) -> None:
        self.client = imaplib.IMAP4("127.0.0.1", address.port)
        self.client.login(address.user, PASSWORD)
        self.client.select("INBOX")

    def put(self, content: bytes, flags: str = "") -> None:
        assert self.client.append("INBOX", flags, "", content)[0] == "OK"

    def unread(self) -> int:
        self.client.noop()
        return len(self.client.search(None, "UNSEEN")[1][0].split())

    def close(self) -> None:
        self.client.logout()


@pytest.fixture
def owner(address: mailbox.Address) -> Iterator[Owner]:
    one = Owner(address)
    yield one
    one.close()


def take_in(address: mailbox.Address, deliver: mailbox.Deliver | None = None, max_size: int = 100_000) -> None:
    box = mailbox.Mailbox(address, max_size=max_size)
    try:
        box.take_in(watermark.load(address.key), deliver or deliver_from(address))
    finally:
        box.close()


def subjects() -> list[str]:
    with db.read() as session:
        return sorted(intake.message_of(row).subject for row in session.scalars(select(intake.MessageRow)))


def test_what_is_taken_in_is_marked_read(database: Database, address: mailbox.Address, owner: Owner) -> None:
    owner.put(raw(1))
    owner.put(raw(2))
    take_in(address)
    assert subjects() == ["Nr. 1", "Nr. 2"]
    assert owner.unread() == 0


def test_the_history_of_a_new_mailbox_is_left_alone(database: Database, address: mailbox.Address, owner: Owner) -> None:
    owner.put(raw(1), "(\\Seen)")
    take_in(address)
    assert subjects() == []


def test_a_mail_that_its_owner_read_first_is_taken_in(
    database: Database, address: mailbox.Address, owner: Owner
) -> None:
    take_in(address)
    owner.put(raw(1), "(\\Seen)")
    take_in(address)
    assert subjects() == ["Nr. 1"]


def test_what_could_not_be_kept_stays_unread_and_comes_again(
    database: Database, address: mailbox.Address, owner: Owner
) -> None:
    for number in (1, 2, 3):
        owner.put(raw(number))
    keep = deliver_from(address)

    def full(content: bytes, problem: str) -> None:
        if b"Nr. 2" in content:
            raise TooMany
        keep(content, problem)

    with pytest.raises(TooMany):
        take_in(address, full)
    assert subjects() == ["Nr. 1"]
    assert owner.unread() == 2
    take_in(address)
    assert subjects() == ["Nr. 1", "Nr. 2", "Nr. 3"]
    assert owner.unread() == 0


def test_nothing_comes_twice_when_the_server_renumbers(
    database: Database, address: mailbox.Address, owner: Owner
) -> None:
    owner.put(raw(1))
    take_in(address)
    known = watermark.load(address.key)
    assert known is not None
    watermark.save(address.key, watermark.Watermark(validity=known.validity + 1, highest=900, seen=known.seen))
    owner.put(raw(2), "(\\Seen)")
    take_in(address)
    assert subjects() == ["Nr. 1", "Nr. 2"]
    again = watermark.load(address.key)
    assert again is not None
    assert again.validity == known.validity


def test_a_damaged_watermark_loses_no_unread_mail(
    database: Database, address: mailbox.Address, owner: Owner, installation: Path
) -> None:
    take_in(address)
    (file,) = (installation / "mailboxes").glob("*.json")
    file.write_text("{")
    owner.put(raw(1))
    take_in(address)
    assert subjects() == ["Nr. 1"]


def test_a_huge_mail_shows_its_header_and_stays_unread(
    database: Database, address: mailbox.Address, owner: Owner
) -> None:
    owner.put(raw(1, size=5_000))
    take_in(address, max_size=1_000)
    assert subjects() == ["Nr. 1"]
    assert owner.unread() == 1
    with db.read() as session:
        assert "only its header" in session.scalars(select(intake.MessageRow)).one().problem


def test_the_watcher_hears_of_new_mail_at_once(database: Database, address: mailbox.Address, owner: Owner) -> None:
    stop = threading.Event()
    deliver = deliver_from(address)
    watcher = threading.Thread(
        target=mailbox.watch, args=(address, deliver, stop), kwargs={"max_size": 100_000, "rest": 600.0, "retry": 0.1}
    )
    watcher.start()
    try:
        for number in (1, 2, 3):
            owner.put(raw(number))
            wait_until(lambda number=number: len(subjects()) == number)  # type: ignore[misc]
    finally:
        stop.set()
        watcher.join(20)
    assert not watcher.is_alive()
    assert owner.unread() == 0


def test_a_mail_that_the_inbox_refuses_becomes_an_unreadable_one(
    database: Database, address: mailbox.Address, owner: Owner
) -> None:
    settings.use(InboxSettings(attachments=1))
    parts = b"--b\r\nContent-Type: a/b; name=a.bin\r\n\r\nfine\r\n" * 2
    owner.put(b"Subject: Nr. 1\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + parts + b"--b--\r\n")
    owner.put(raw(2))
    take_in(address)
    assert subjects() == ["Nr. 1", "Nr. 2"]
    assert owner.unread() == 0


def test_the_watcher_outlives_whatever_a_mail_does(database: Database, address: mailbox.Address, owner: Owner) -> None:
    stop = threading.Event()
    keep = deliver_from(address)
    tries: list[bytes] = []

    def failing(content: bytes, problem: str) -> None:
        tries.append(content)
        if len(tries) == 1:
            raise ValueError("a mail that nobody thought of")
        keep(content, problem)

    watcher = threading.Thread(
        target=mailbox.watch, args=(address, failing, stop), kwargs={"max_size": 100_000, "rest": 600.0, "retry": 0.1}
    )
    owner.put(raw(1))
    watcher.start()
    try:
        wait_until(lambda: subjects() == ["Nr. 1"])
    finally:
        stop.set()
        watcher.join(20)
    assert owner.unread() == 0


def test_mail_that_comes_while_another_is_taken_in_is_not_waited_for(
    database: Database, address: mailbox.Address, owner: Owner
) -> None:
    owner.put(raw(1))
    keep = deliver_from(address)

    def while_another_comes(content: bytes, problem: str) -> None:
        keep(content, problem)
        if b"Nr. 1" in content:
            owner.put(raw(2))

    box = mailbox.Mailbox(address, max_size=100_000)
    try:
        box.take_in(watermark.load(address.key), while_another_comes)
        started = time.monotonic()
        box.wait(60, threading.Event())
        assert time.monotonic() - started < 30
        box.take_in(watermark.load(address.key), keep)
    finally:
        box.close()
    assert subjects() == ["Nr. 1", "Nr. 2"]


def test_addresses() -> None:
    one = mailbox.Address.of("imaps://hilfe%40firm.example:a%2Fb@imap.example/Support%20in")
    assert (one.user, one.password, one.port, one.folder) == ("hilfe@firm.example", "a/b", 993, "Support in")
    assert "a/b" not in one.key
    for wrong in ("http://a:geheim@b", "imaps://b", "imaps://a:geheim@[::1", "geheim"):
        with pytest.raises(ConfigurationError) as refused:
            mailbox.Address.of(wrong)
        assert "geheim" not in str(refused.value)


def wait_until(holds: Callable[[], bool], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)
