"""Mails accepted per second: real SMTP connections to a real ``hotline mail`` on SQLite.

    python -m benchmarks.email_intake [--mails 2000] [--connections 20]

A mail counts when its 250 is back, that is when it is on disk. Every mail has a picture of 20 kB and quoted text.
"""

from __future__ import annotations

import argparse
import base64
import itertools
import os
import random
import smtplib
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

from sqlalchemy import func, select

from app.system import make_ready
from core import db, settings
from intake import MessageRow


def mail(number: int, picture: int = 20_000) -> bytes:
    """A customer's mail in GB18030 with a quotation and a picture; every one is different."""
    text = f'您好，三楼会议室的空调不制冷，编号{number}，请尽快派人来修。电话13900{number:06d}。\r\n\r\n在 2026-11-20 10:00:00，"售后" 写道：\r\n> 您好\r\n'
    content = b"\x89PNG\r\n\x1a\n" + random.Random(number).randbytes(picture)
    return (
        f"From: kunde{number}@example.net\r\nTo: service@firm.example\r\nSubject: =?gb2312?B?v9W197nK1c8=?= {number}\r\n"
        f"Message-ID: <{number}@example.net>\r\nDate: Fri, 20 Nov 2026 10:00:00 +0800\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\nContent-Type: text/plain; charset=gb2312\r\n'
        "Content-Transfer-Encoding: base64\r\n\r\n"
    ).encode() + b"".join(
        (
            base64.encodebytes(text.encode("gb18030")),
            b'--b\r\nContent-Type: image/png; name="a.png"\r\nContent-Transfer-Encoding: base64\r\n\r\n',
            base64.encodebytes(content),
            b"--b--\r\n",
        )
    )


def send_all(port: int, mails: list[bytes], connections: int) -> tuple[float, list[float]]:
    """Seconds for all, and ms for each."""
    numbers = itertools.count()
    delays: list[float] = []

    def deliver() -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=120) as client:
            while (number := next(numbers)) < len(mails):
                started = time.perf_counter()
                client.sendmail("a@example.net", ["service@firm.example"], mails[number])
                delays.append((time.perf_counter() - started) * 1000)

    threads = [threading.Thread(target=deliver) for _ in range(connections)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return time.perf_counter() - started, delays


def wait_for(port: int, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)
        else:
            return


def run(count: int, connections: int) -> float:
    """Mails a second."""
    with tempfile.TemporaryDirectory() as folder, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
        probe.close()
        os.environ.update(HOTLINE_DATA_DIR=folder, HOTLINE_MAIL_PORT=str(port), HOTLINE_LOG_LEVEL="ERROR")
        settings.forget()
        make_ready()
        process = subprocess.Popen([sys.executable, "-m", "app.cli", "mail"])
        try:
            wait_for(port)
            send_all(port, [mail(-number) for number in range(1, 21)], 4)  # starts the parser's processes
            seconds, delays = send_all(port, [mail(number) for number in range(count)], connections)
        finally:
            process.terminate()
            process.wait()
        with db.read() as session:
            kept = session.scalar(select(func.count()).select_from(MessageRow)) or 0
        size = sum(file.stat().st_size for file in (Path(folder) / "blobs").rglob("*") if file.is_file())
        db.shut_down()
    if kept != count + 20:
        raise SystemExit(f"{count + 20} mails were answered 250, {kept} are in the database")
    quantiles = statistics.quantiles(delays, n=100)
    print(f"{count} mails over {connections} connections in {seconds:.1f} s: {count / seconds:.0f} mails/s")
    print(
        f"until 250: median {quantiles[49]:.0f} ms, p99 {quantiles[98]:.0f} ms; {size / 1e6:.0f} MB of originals and pictures"
    )
    return count / seconds


if __name__ == "__main__":
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--mails", type=int, default=2_000)
    arguments.add_argument("--connections", type=int, default=20)
    given = arguments.parse_args()
    run(given.mails, given.connections)
