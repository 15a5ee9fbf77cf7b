"""1,000 mails from 20 connections while the mail process is killed twice: every 250 is in the database once."""

from __future__ import annotations

import itertools
import os
import signal
import smtplib
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import select

import intake
from connectors.email import identity
from core import blobs, db
from core.db import Database

MAILS, CONNECTIONS = 1_000, 20
KILLS = (250, 600)


class MailProcess:
    """``hotline mail`` as the supervisor starts it."""

    def __init__(self, data: Path, database: Database) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._environment = {
            **os.environ,
            "HOTLINE_DATA_DIR": str(data),
            "HOTLINE_DATABASE_URL": database.url.render_as_string(hide_password=False),
            "HOTLINE_MAIL_PORT": str(self.port),
            "HOTLINE_LOG_LEVEL": "ERROR",
        }
        self._process = self._start()

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen([sys.executable, "-m", "app.cli", "mail"], env=self._environment)
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            if process.poll() is not None:
                raise RuntimeError("hotline mail ended by itself")
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return process
        raise RuntimeError("hotline mail did not listen")

    def kill_and_restart(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._process = self._start()

    def stop(self) -> int:
        self._process.terminate()
        return self._process.wait(timeout=30)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_250_is_in_the_database_once(database: Database, installation: Path) -> None:
    process = MailProcess(installation, database)
    accepted: list[str] = []
    lock = threading.Lock()
    numbers = itertools.count()
    reached = {mark: threading.Event() for mark in KILLS}

    def deliver() -> None:
        client: smtplib.SMTP | None = None
        while (number := next(numbers)) < MAILS:
            raw = _mail(number)
            deadline = time.monotonic() + 120
            while True:
                try:
                    if client is None:
                        client = smtplib.SMTP("127.0.0.1", process.port, timeout=30)
                    client.sendmail("a@example.net", ["service@firm.example"], raw)
                    break
                except (OSError, smtplib.SMTPException):
                    client = None
                    if time.monotonic() > deadline:
                        raise
                    time.sleep(0.05)
            with lock:
                accepted.append(identity.of(raw))
                for mark, event in reached.items():
                    if len(accepted) >= mark:
                        event.set()
        if client is not None:
            client.quit()

    threads = [threading.Thread(target=deliver) for _ in range(CONNECTIONS)]
    for thread in threads:
        thread.start()
    for mark in KILLS:
        assert reached[mark].wait(120)
        process.kill_and_restart()
    for thread in threads:
        thread.join(150)
    assert process.stop() == 0
    with db.read() as session:
        rows = list(session.scalars(select(intake.MessageRow)))
    kept = [row.channel_id for row in rows]
    assert len(accepted) == MAILS
    assert sorted(kept) == sorted(accepted)
    assert all(blobs.store().get(intake.message_of(row).original) for row in rows)


def _mail(number: int) -> bytes:
    return (
        f"From: Kunde {number} <k{number}@example.net>\r\nSubject: =?utf-8?B?56m66LCD5pWF6Zqc?= {number}\r\n"
        f"Message-ID: <{number % 7}@example.net>\r\n\r\nNummer {number}: das Display bleibt dunkel.\r\n"
    ).encode()
