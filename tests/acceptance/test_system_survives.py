"""SIGKILL of each process in turn, in the middle of a load: every accepted message has exactly one draft afterwards."""

from __future__ import annotations

import contextlib
import re
import smtplib
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
from sqlalchemy import select

from core.outbox import PromiseRow
from intake import MessageRow
from tests.support.system import PROCESSES, RunningSystem, running_system, until
from ticketing import Ticket

EACH = 40


class Customer(threading.Thread):
    """Sends numbered messages on one channel; repeats each one until it is accepted, as channels do."""

    def __init__(self, name: str, send: Callable[[int], None]) -> None:
        super().__init__(name=name, daemon=True)
        self.send, self.accepted, self.tries = send, 0, 0

    def run(self) -> None:
        for number in range(EACH):
            while True:
                self.tries += 1
                with contextlib.suppress(OSError, requests.RequestException, smtplib.SMTPException):
                    self.send(number)
                    self.accepted += 1
                    break
                time.sleep(0.2)
            time.sleep(0.25)


def customers(system: RunningSystem) -> list[Customer]:
    def wechat(number: int) -> None:
        system.send_wechat(f"o-{number}", 7_000_000 + number, f"空调不制冷 wechat-{number}号").raise_for_status()

    def mail(number: int) -> None:
        with smtplib.SMTP("127.0.0.1", system.smtp_port, timeout=10) as server:
            server.send_message(
                system.mail(f"customer{number}@mail.example", f"冰箱不制冷，请派人维修。mail-{number}号")
            )

    return [Customer("wechat", wechat), Customer("mail", mail)]


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.xdist_group("system")
def test_every_accepted_message_has_one_draft_whatever_is_killed(tmp_path: Path) -> None:
    with running_system(tmp_path / "var") as system:
        load = customers(system)
        for customer in load:
            customer.start()
        for name in PROCESSES:
            until(lambda name=name: name in system.pids(), 30, f"{name} runs")
            before = system.kill(name)
            until(lambda name=name, before=before: system.pids().get(name, before) != before, 40, f"{name} is back")
        for customer in load:
            customer.join(120)
            assert not customer.is_alive()
        expected = EACH * len(load)
        until(lambda: understood(system) >= expected, 120, "all messages are understood")
        with system.read() as session:
            messages = session.scalars(select(MessageRow)).all()
            drafts = session.scalars(select(Ticket)).all()
            failed = session.scalars(select(PromiseRow).where(PromiseRow.state == "failed")).all()
        texts = Counter(found.group() for m in messages if (found := re.search(r"(wechat|mail)-\d+号", m.text)))
        assert len(messages) == expected
        assert len(texts) == expected
        assert set(texts.values()) == {1}
        assert len(drafts) == expected
        assert len({m.ticket_id for m in messages}) == expected
        assert failed == []
        assert system.stop() == 0


def understood(system: RunningSystem) -> int:
    with system.read() as session:
        return len(session.scalars(select(MessageRow.id).where(MessageRow.state == "understood")).all())
