"""SIGKILL of each process in turn, in the middle of a load on four entrances: whatever was accepted has exactly one draft
afterwards."""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import signal
import smtplib
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
import requests
import rq
import soundfile
from redis import Redis, RedisError
from sqlalchemy import func, select

from asr import AsrSettings, models
from core.outbox import PromiseRow
from core.settings import CoreSettings
from intake import MessageRow, message_of
from tests.support.sip import free_rtp_port
from tests.support.system import PROCESSES, RunningSystem, running_system, until
from ticketing import Ticket

SPEECH = Path(__file__).parent.parent / "data" / "speech" / "w1-011.wav"
SECONDS = 2.5  # of it that each caller says


class Customer(threading.Thread):
    """Sends numbered messages on one channel until it is enough; repeats each one until it is accepted, as channels do."""

    def __init__(self, name: str, send: Callable[[int], None], enough: threading.Event) -> None:
        super().__init__(name=name, daemon=True)
        self.send, self.enough, self.accepted = send, enough, 0

    def run(self) -> None:
        for number in itertools.count():
            while True:
                with contextlib.suppress(OSError, requests.RequestException, smtplib.SMTPException):
                    self.send(number)
                    self.accepted += 1
                    break
                time.sleep(0.2)
            if self.enough.wait(0.6):
                return


class Caller(threading.Thread):
    """Calls, each time from another number; a call that is not answered is not made again, for it has left a trace."""

    def __init__(self, system: RunningSystem, sound: Path, enough: threading.Event) -> None:
        super().__init__(name="sip", daemon=True)
        self.system, self.sound, self.enough = system, sound, enough
        self.answered: list[str] = []

    @property
    def accepted(self) -> int:
        return len(self.answered)

    def run(self) -> None:
        for number in itertools.count():
            caller = f"139{number:08d}"
            if self.system.call(caller, self.sound):
                self.answered.append(f"+86{caller}")
            if self.enough.wait(0.5):
                return


def customers(system: RunningSystem, enough: threading.Event) -> dict[str, Customer]:
    forms: dict[int, dict[str, str]] = {}

    def wechat(number: int) -> None:
        system.send_wechat(f"o-{number}", 7_000_000 + number, f"空调不制冷 wechat-{number}号").raise_for_status()

    def mail(number: int) -> None:
        with smtplib.SMTP("127.0.0.1", system.smtp_port, timeout=10) as server:
            server.send_message(
                system.mail(f"customer{number}@mail.example", f"冰箱不制冷，请派人维修。mail-{number}号")
            )

    def form(number: int) -> None:
        if number not in forms:
            forms[number] = system.open_form()
        inputs = {"phone": f"137{number:08d}", "address": f"北京市海淀区中关村南大街{number + 1}号", "device": "洗衣机"}
        system.send_form(forms[number], fault=f"不排水 form-{number}号", **inputs).raise_for_status()

    return {name: Customer(name, send, enough) for name, send in (("wechat", wechat), ("mail", mail), ("form", form))}


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.xdist_group("system")
def test_whatever_is_accepted_has_one_draft_whatever_is_killed(tmp_path: Path) -> None:
    sound = tmp_path / "speech.wav"
    samples, rate = soundfile.read(SPEECH, dtype="int16")
    soundfile.write(sound, samples[: int(SECONDS * rate)], rate)
    more = {
        "HOTLINE_SIP_PROCESSES": "1",
        "HOTLINE_SIP_RTP_PORT": str(free_rtp_port()),
        "HOTLINE_SIP_MIN_FREE_MB": "0",
    }
    with running_system(tmp_path / "var", **more) as system:
        enough = threading.Event()
        texts = customers(system, enough)
        calls = Caller(system, sound, enough)
        load: list[Customer | Caller] = [*texts.values(), calls]
        for customer in load:
            customer.start()
        flows(system, load)
        cut_off = kill_at_work(system)  # first: its lease has run out when the others have been killed
        for name in PROCESSES:
            flows(system, load)
            until(lambda name=name: serves(system, name), 40, f"{name} serves")
            before = system.kill(name)
            until(lambda name=name, before=before: system.pids().get(name, before) != before, 40, f"{name} is back")
        flows(system, load)
        enough.set()
        for customer in load:
            customer.join(120)
            assert not customer.is_alive()
        until(lambda: settled(system, load), 120, "everything has its draft")
        assert_one_draft_each(system, texts, calls)
        with system.read() as session:
            attempts = {row.id: row.attempts for row in session.scalars(select(PromiseRow))}
            unkept = session.scalars(select(PromiseRow).where(PromiseRow.state == "failed")).all()
        assert attempts[cut_off] > 1
        assert unkept == []
        assert system.stop() == 0


def flows(system: RunningSystem, load: list[Customer | Caller]) -> None:
    """Waits until every entrance has accepted something more, and something more was understood."""
    entered = {customer.name: customer.accepted for customer in load}
    read = understood(system)
    for customer in load:
        until(lambda customer=customer: customer.accepted > entered[customer.name], 60, f"{customer.name} goes on")
    until(lambda: understood(system) > read, 60, "understanding goes on")


def serves(system: RunningSystem, name: str) -> bool:
    """Whether the process is at work itself, where the flow of messages does not show it."""
    pid = system.pids().get(name)
    config = CoreSettings(data_dir=system.directory)
    if name.startswith("worker "):
        with Redis.from_url(config.redis) as connection, contextlib.suppress(RedisError):
            queue = rq.Queue(name.removeprefix("worker "), connection=connection)
            return pid in [worker.pid for worker in rq.Worker.all(queue=queue)]
        return False
    if name == "asr" and models.chosen(AsrSettings()) is not None:
        with socket.socket(socket.AF_UNIX) as probe, contextlib.suppress(OSError):
            probe.connect(str(config.socket("asr.sock")))
            return True
        return False
    return pid is not None


def kill_at_work(system: RunningSystem) -> int:
    """SIGKILL of the worker that understands, for certain in the middle of a promise: it is halted before one looks.
    Returns the promise's id."""
    pid = system.pids()["worker understand"]
    while True:
        until(lambda: at_work(system) is not None, 60, "a promise is being kept")
        os.kill(pid, signal.SIGSTOP)
        until(lambda: Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "T", 10, "it halts")
        promise = at_work(system)
        os.kill(pid, signal.SIGCONT if promise is None else signal.SIGKILL)
        if promise is not None:
            until(lambda: system.pids().get("worker understand", pid) != pid, 40, "the worker is back")
            return promise


def at_work(system: RunningSystem) -> int | None:
    with system.read() as session:
        return session.scalar(
            select(PromiseRow.id).where(PromiseRow.state == "running", PromiseRow.queue == "understand")
        )


def understood(system: RunningSystem) -> int:
    with system.read() as session:
        return session.scalar(select(func.count()).where(MessageRow.state == "understood")) or 0


def settled(system: RunningSystem, load: list[Customer | Caller]) -> bool:
    """Whether as many messages as were accepted have a ticket, nothing is left to do, and every call has ended."""
    with system.read() as session:
        drafted = session.scalar(select(func.count()).where(MessageRow.ticket_id.is_not(None))) or 0
        left = session.scalar(
            select(func.count()).where(
                PromiseRow.queue == "understand", PromiseRow.state.in_(("waiting", "queued", "running"))
            )
        )
    return drafted >= sum(customer.accepted for customer in load) and not left


def assert_one_draft_each(system: RunningSystem, texts: dict[str, Customer], calls: Caller) -> None:
    with system.read() as session:
        messages = session.scalars(select(MessageRow)).all()
        drafts = session.scalars(select(Ticket)).all()
        callers = Counter(message_of(m).sender.value for m in messages if m.channel == "sip")
    written = Counter(found.group() for m in messages if (found := re.search(r"(wechat|mail|form)-\d+号", m.text)))
    assert written == {f"{name}-{n}号": 1 for name, sent in texts.items() for n in range(sent.accepted)}
    assert set(calls.answered) <= set(callers)
    assert set(callers.values()) == {1}
    # Each message, and each call, is the only one of its ticket; tickets without one there are none.
    assert len({m.ticket_id for m in messages}) == len(messages) == len(drafts)
    assert Counter(d.channel for d in drafts) == Counter(m.channel for m in messages)
    assert len(messages) == written.total() + callers.total()
