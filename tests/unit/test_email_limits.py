"""What holds mail within limits: the parser's processes, the virus scanner, the counts for each peer, the command."""

from __future__ import annotations

import json
import socket
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from connectors.email import delivery, scan
from connectors.email.bounded import BoundedParser
from connectors.email.commands import commands
from connectors.email.peers import Peers
from connectors.email.settings import MailSettings
from core import blobs, settings
from core.db import Database
from core.errors import Unavailable

MAIL = b"From: a@example.net\r\nSubject: pump\r\n\r\nIt leaks.\r\n"


@contextmanager
def parser(*, seconds: float = 20, memory: int = 1_000) -> Iterator[BoundedParser]:
    one = BoundedParser(processes=1, seconds=seconds, memory=memory)
    try:
        yield one
    finally:
        one.close()


def test_a_mail_is_read_in_another_process() -> None:
    with parser() as bounded:
        assert [bounded.parse(MAIL).text for _ in range(3)] == ["It leaks.\n"] * 3


def test_the_next_mail_is_read_after_one_was_stopped() -> None:
    with parser(seconds=0.3) as bounded:
        # Nothing in it is hostile: it is only more than can be done in the time.
        part = b"--b\r\nContent-Type: text/html\r\n\r\n" + b"<table><tr><td>x</table>" * 4_000 + b"\r\n"
        stopped = bounded.parse(b"Subject: slow\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 40)
        assert stopped.unreadable
        assert stopped.subject == "slow"
        assert "stopped after 0.3 s" in stopped.problems[0]
        assert bounded.parse(MAIL).subject == "pump"


def test_a_mail_that_needs_too_much_memory_is_shown() -> None:
    with parser(memory=150) as bounded:
        mail = bounded.parse(b"Subject: big\r\nContent-Type: text/html\r\n\r\n" + b"x" * 60_000_000)
        assert mail.unreadable
        assert mail.subject == "big"
        assert bounded.parse(MAIL).subject == "pump"


@pytest.mark.parametrize(
    "answer",
    [
        "(2**64 - 1).to_bytes(8, 'big')",
        "(2**45).to_bytes(8, 'big')",
        "(4).to_bytes(8, 'big') + b'junk'",
        "(400).to_bytes(8, 'big') + b'too little'",
        "b'no'",
    ],
)
def test_a_reader_that_was_taken_over_can_neither_break_nor_fill_the_server(
    answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = (
        "import sys; out = sys.stdout.buffer; out.write((5).to_bytes(8, 'big') + b'ready'); out.flush();"
        f"sys.stdin.buffer.read(8 + {len(MAIL)}); out.write({answer}); out.flush()"
    )
    with parser() as bounded:
        command = bounded._command
        monkeypatch.setattr(bounded, "_command", lambda: [sys.executable, "-c", program])
        mail = bounded.parse(MAIL)
        assert (mail.unreadable, mail.subject) == (True, "pump")
        monkeypatch.setattr(bounded, "_command", command)
        assert bounded.parse(MAIL).text == "It leaks.\n"  # by another process


class Scanner:
    """Speaks clamd's INSTREAM and finds a virus in whatever has EICAR in it."""

    def __init__(self, answer: bytes | None = None) -> None:
        self._answer = answer
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _ = self._socket.accept()
            except OSError:
                return
            with peer, peer.makefile("rb") as stream:
                if stream.read(10) != b"zINSTREAM\0":
                    return
                content = b""
                while length := int.from_bytes(stream.read(4), "big"):
                    content += stream.read(length)
                found = b"stream: Eicar-Signature FOUND\0" if b"EICAR" in content else b"stream: OK\0"
                peer.sendall(found if self._answer is None else self._answer)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(10)


def test_the_virus_scanner_is_asked(database: Database) -> None:
    scanner = Scanner()
    try:
        settings.use(MailSettings(clamav=scanner.address))
        assert scan.threat_in(b"a picture" * 20_000) == ""
        assert scan.threat_in(b"x" * 70_000 + b"EICAR") == "Eicar-Signature"
        raw = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: a/b; name=a.com\r\n\r\nEICAR\r\n--b\r\nContent-Type: a/b; name=b.txt\r\n\r\nfine\r\n--b--"
        message = delivery.message_of(raw, delivery.Envelope(way="smtp"))
        assert [one.name for one in message.attachments] == ["b.txt"]
        assert "Eicar-Signature" in message.problem
    finally:
        scanner.close()
        delivery.shut_down()


def test_whatever_goes_wrong_with_a_mail_it_becomes_a_draft_with_its_original(database: Database) -> None:
    settings.use(MailSettings(clamav="127.0.0.1:no port"))
    raw = b"From: a@b.example\r\nSubject: x\r\nContent-Type: a/b; name=a.bin\r\n\r\nfine\r\n"
    try:
        message = delivery.message_of(raw, delivery.Envelope(way="smtp"), problem="known before.")
    finally:
        delivery.shut_down()
    assert [one.name for one in message.attachments] == ["original.eml"]
    assert blobs.store().get(message.attachments[0].blob) == raw
    assert (message.sender.value, message.subject, message.event) == ("a@b.example", "x", "")
    assert message.problem.startswith("known before. The mail could not be read")


def test_without_its_scanner_a_mail_comes_again(installation: Path) -> None:
    scanner = Scanner(b"INSTREAM size limit exceeded. ERROR\0")
    try:
        settings.use(MailSettings(clamav=scanner.address))
        with pytest.raises(Unavailable):
            scan.threat_in(b"x")
    finally:
        scanner.close()
    with pytest.raises(Unavailable):
        scan.threat_in(b"x")


def test_peers_are_counted_apart() -> None:
    peers = Peers(MailSettings(connections=3, peer_connections=2, peer_rate=1, trusted_peers="10.0.0.1"))
    assert [peers.opened("192.0.2.1") for _ in range(3)] == [True, True, False]
    assert [peers.opened("10.0.0.1") for _ in range(2)] == [True, False]
    peers.closed("192.0.2.1")
    assert peers.opened("192.0.2.1")
    assert [peers.may_send("192.0.2.1") for _ in range(2)] == [True, False]
    assert peers.may_send("192.0.2.2")
    assert all(peers.may_send("10.0.0.1") for _ in range(50))


def test_the_command_prints_json(tmp_path: Path) -> None:
    file = tmp_path / "a.eml"
    file.write_bytes(
        MAIL.replace(b"\r\n\r\n", b"\r\nTo: B <b@example.net>\r\nDate: Fri, 20 Nov 2026 10:00:00 +0800\r\n\r\n")
    )
    printed = CliRunner().invoke(commands, ["parse", str(file), "--json"])
    assert printed.exit_code == 0
    made = json.loads(printed.stdout)
    assert made["subject"] == "pump"
    assert made["sender"] == {"name": None, "address": "a@example.net"}
    assert made["recipients"] == [{"name": "B", "address": "b@example.net"}]
    assert made["date"] == "2026-11-20T02:00:00+00:00"
    assert (made["text"], made["cut_text"], made["kind"], made["attachments"]) == (
        "It leaks.\n",
        "It leaks.",
        "person",
        [],
    )
    assert "pump" in CliRunner().invoke(commands, ["parse", str(file)]).stdout


def test_reading_is_quick() -> None:
    with parser() as bounded:
        bounded.parse(MAIL)
        started = time.process_time()
        for _ in range(20):
            bounded.parse(MAIL)
        assert time.process_time() - started < 2
