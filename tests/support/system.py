"""The whole system as its users start it: ``hotline up`` in a directory of its own, spoken to from outside."""

from __future__ import annotations

import contextlib
import json
import os
import re
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from html import escape
from pathlib import Path

import requests
from sqlalchemy.orm import Session
from wechatpy.utils import WeChatSigner

from connectors.webform import tokens
from core.db import Database

PROCESSES = (
    "redis",
    "relay",
    "worker understand",
    "worker promises",
    "worker outbound",
    "worker bulk",
    "asr",
    "web",
    "mail",
    "voice",
)


def until(done: Callable[[], object], seconds: float = 30.0, what: str = "it") -> None:
    """Polls until ``done`` is true; fails the test after the time."""
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} did not happen within {seconds:.0f} s")
        time.sleep(0.05)


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(type=kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(kw_only=True)
class RunningSystem:
    """``hotline up`` and the ways into it."""

    directory: Path
    process: subprocess.Popen[bytes]
    web: str
    smtp_port: int
    sip_port: int
    wechat_token: str
    database: Database

    def pids(self) -> dict[str, int]:
        """The processes that run now, by name, as ``hotline status`` knows them."""
        try:
            pids: dict[str, int] = json.loads((self.directory / "processes.json").read_text())
        except FileNotFoundError:
            return {}
        return {name: pid for name, pid in pids.items() if alive(pid)}

    def kill(self, name: str) -> int:
        """SIGKILL; returns the pid that was."""
        pid = self.pids()[name]
        os.kill(pid, signal.SIGKILL)
        return pid

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def healthy(self) -> bool:
        try:
            return requests.get(f"{self.web}/healthz", timeout=2).json().get("redis") == "ok"
        except (requests.RequestException, ValueError):
            return False

    @contextlib.contextmanager
    def read(self) -> Iterator[Session]:
        with self.database.read() as session:
            yield session

    def send_wechat(self, openid: str, message_id: int, text: str) -> requests.Response:
        """A text in plain mode, signed; the same arguments are the same message."""
        moment, nonce = str(int(time.time())), secrets.token_hex(5)
        signer = WeChatSigner()
        signer.add_data(self.wechat_token, moment, nonce)
        xml = (
            f"<xml><ToUserName>gh_test</ToUserName><FromUserName>{openid}</FromUserName><CreateTime>{moment}</CreateTime>"
            f"<MsgType>text</MsgType><Content>{escape(text)}</Content><MsgId>{message_id}</MsgId></xml>"
        )
        query = {"signature": signer.signature, "timestamp": moment, "nonce": nonce}
        return requests.post(f"{self.web}/wechat", params=query, data=xml.encode(), timeout=10)

    def mail(self, sender: str, text: str) -> EmailMessage:
        """A mail whose bytes depend on the arguments alone."""
        made = EmailMessage(policy=SMTP)
        made["From"] = sender
        made["To"] = "service@hotline.example"
        made["Subject"] = "报修"
        made["Date"] = "Fri, 20 Nov 2026 10:00:00 +0800"
        made.set_content(text, charset="utf-8", cte="base64")
        return made

    def open_form(self) -> dict[str, str]:
        """The hidden inputs of a repair form that is opened now; sending them again is the same report."""
        page = requests.get(f"{self.web}/form/repair", timeout=10)
        page.raise_for_status()
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page.text))
        bits = re.search(r'data-bits="(\d+)"', page.text)
        return {**hidden, "website": "", "work": tokens.prove(hidden["token"], int(bits.group(1)) if bits else 0)}

    def send_form(self, opened: dict[str, str] | None = None, **inputs: str) -> requests.Response:
        """Sends the repair form, as a browser does; opens one if none is given."""
        content = {**(opened or self.open_form()), **inputs}
        return requests.post(f"{self.web}/form/repair", data=content, files=[], timeout=20)

    def call(self, caller: str, sound: Path) -> bool:
        """A SIP call from a process of its own that plays the sound; whether it was answered."""
        command = [sys.executable, "-m", "connectors.sip.softphone", f"sip:400@127.0.0.1:{self.sip_port}", str(sound)]
        told = subprocess.run(
            [*command, "--caller", caller], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False, timeout=90
        )
        return "answered" in [json.loads(line)["event"] for line in told.stdout.splitlines()]


@contextlib.contextmanager
def running_system(directory: Path, **more: str) -> Iterator[RunningSystem]:
    """Starts the system and stops it afterwards; what it printed is in ``directory/log``."""
    web, smtp, sip = free_port(), free_port(), free_port(socket.SOCK_DGRAM)
    token = secrets.token_hex(8)
    environment = {
        **{k: v for k, v in os.environ.items() if not k.startswith("HOTLINE_") or k == "HOTLINE_ASR_MODEL"},
        "HOTLINE_DATA_DIR": str(directory),
        "HOTLINE_ENV_FILE": "",
        "HOTLINE_WEB_PORT": str(web),
        "HOTLINE_MAIL_PORT": str(smtp),
        "HOTLINE_SIP_PORT": str(sip),
        "HOTLINE_WECHAT_TOKEN": token,
        "HOTLINE_WEBFORM_PER_HOUR": "100000",
        **more,
    }
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "log").open("ab") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "up"], env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL
        )
        database = Database(more.get("HOTLINE_DATABASE_URL") or f"sqlite:///{directory / 'hotline.db'}")
        system = RunningSystem(
            directory=directory,
            process=process,
            web=f"http://127.0.0.1:{web}",
            smtp_port=smtp,
            sip_port=sip,
            wechat_token=token,
            database=database,
        )
        try:
            until(lambda: system.healthy() or process.poll() is not None, 60, "the system's start")
            until(lambda: _listens(smtp), 30, "the mail server's start")
            yield system
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(60)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
            database.close()


def alive(pid: int) -> bool:
    """Whether the process is there and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
