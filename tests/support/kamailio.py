"""A real Kamailio with the configuration that we ship, on ports of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from connectors.sip.message import answer, parse
from tests.support.sip import Peer
from tests.support.system import free_port

SHIPPED = Path(__file__).parent.parent.parent / "deploy" / "kamailio"
REALM = "sip.example.com"


class Machine(Peer):
    """A machine of Hotline's or a trunk, as Kamailio sees it: it answers the dispatcher's questions."""

    there = (200, "OK")

    def datagram_received(self, data: bytes, addr: Any) -> None:
        message = parse(data)
        if message.method == "OPTIONS":
            self.transport.sendto(answer(message, *self.there).encode(), addr)
        else:
            self.came.put_nowait(message)


@contextlib.asynccontextmanager
async def machine() -> AsyncIterator[Machine]:
    loop = asyncio.get_running_loop()
    transport, protocol = await loop.create_datagram_endpoint(Machine, local_addr=("127.0.0.1", 0))
    try:
        yield protocol
    finally:
        transport.close()


class Kamailio:
    """``port`` takes UDP and TCP, ``tls_port`` TLS; ``log`` is what it said."""

    def __init__(self, directory: Path, port: int, tls_port: int) -> None:
        self.directory, self.port, self.tls_port = directory, port, tls_port
        self.process: asyncio.subprocess.Process | None = None

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    def add_phone(self, user: str, password: str) -> None:
        """As an administrator does, by the script that is shipped."""
        made = subprocess.run(
            [self.directory / "add-phone", user, REALM],
            input=f"{password}\n",
            capture_output=True,
            text=True,
            check=True,
        )
        with (self.directory / "dbtext" / "subscriber").open("a") as table:
            table.write(made.stdout)


@contextlib.asynccontextmanager
async def kamailio(
    directory: Path,
    fronts: Sequence[int],
    *,
    trunks: Sequence[str] = (),
    out: Sequence[int] = (),
    phones: Sequence[tuple[str, str]] = (),
    nonce_seconds: int = 300,
    secret: str = "",
) -> AsyncIterator[Kamailio]:
    """Before these fronts (ports). ``trunks`` are addresses that may call in without a password, ``out`` those (ports) that
    Hotline calls out through; ``secret`` is another one's secret.cfg."""
    program = shutil.which("kamailio") or shutil.which("kamailio", path="/usr/sbin")
    if program is None:
        pytest.skip("kamailio is not installed: apt install kamailio kamailio-tls-modules")
    shutil.copytree(SHIPPED, directory)
    (directory / "log").touch()
    running = Kamailio(directory, free_port(), free_port())
    shipped = (directory / "local.cfg").read_text()
    changed = (
        shipped.replace("192.0.2.10:5060", f"127.0.0.1:{running.port}")
        .replace("192.0.2.10:5061", f"127.0.0.1:{running.tls_port}")
        .replace("!CONFIGDIR!/etc/kamailio!", f"!CONFIGDIR!{directory}!")
        .replace("!RUNDIR!/run/kamailio!", f"!RUNDIR!{directory}!")
        .replace("!PING_SECONDS!5!", "!PING_SECONDS!1!")
        .replace("198.51.100.0/28", ",".join(trunks) or "255.255.255.255")
    )
    (directory / "local.cfg").write_text(changed)
    sets = [*((1, port) for port in fronts), *((2, port) for port in out)]
    (directory / "dispatcher.list").write_text("".join(f"{one} sip:127.0.0.1:{port}\n" for one, port in sets))
    whole = (directory / "kamailio.cfg").read_text()
    expires = '("auth", "nonce_expire", {})'
    assert expires.format(300) in whole
    (directory / "kamailio.cfg").write_text(whole.replace(expires.format(300), expires.format(nonce_seconds)))
    tls = (directory / "tls.cfg").read_text().replace("/etc/kamailio", str(directory))
    (directory / "tls.cfg").write_text(tls)
    certificate(directory / "tls.pem", directory / "tls.key")
    if secret:
        (directory / "secret.cfg").write_text(secret)
    await asyncio.to_thread(subprocess.run, [directory / "prepare"], check=True)
    for user, password in phones:
        running.add_phone(user, password)
    with (directory / "log").open("wb") as log:
        running.process = await asyncio.create_subprocess_exec(
            *(program, "-f", str(directory / "kamailio.cfg"), "-DD", "-E", "-m", "32", "-M", "4"),
            *("-Y", str(directory), "-P", str(directory / "pid")),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        await _listens(running)
        yield running
    finally:
        if running.process.returncode is None:
            running.process.terminate()
            try:
                await asyncio.wait_for(running.process.wait(), 10)
            except TimeoutError:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(running.process.pid, 9)
                await running.process.wait()


def certificate(path: Path, key: Path) -> None:
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", f"/CN={REALM}"),
            *("-addext", f"subjectAltName=DNS:{REALM},IP:127.0.0.1", "-keyout", key, "-out", path),
        ],
        check=True,
        capture_output=True,
    )


async def _listens(running: Kamailio) -> None:
    assert running.process is not None
    for _ in range(200):
        if running.process.returncode is not None:
            break
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", running.tls_port)
            writer.close()
            await writer.wait_closed()
            return
        except OSError:
            await asyncio.sleep(0.05)
    raise AssertionError(f"kamailio does not start:\n{running.log[-3000:]}")
