"""Telephones that others wrote, as processes: baresip and linphone, steered as a person would."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from connectors.sip.sound import sound_of
from tests.support.sip import DATA, eventually, free_rtp_port
from tests.support.system import free_port

MODULES = max(Path("/usr/lib").glob("*/baresip/modules"), default=Path("/usr/lib/baresip/modules"))


def needs(program: str, package: str) -> None:
    if shutil.which(program) is None:
        pytest.skip(f"{program} is not installed: apt install {package}")


async def run(*command: str, seconds: float = 60, cwd: Path) -> tuple[int, str]:
    """Lets a program end by itself; its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        stdin=asyncio.subprocess.DEVNULL,
    )
    try:
        out, _ = await asyncio.wait_for(process.communicate(), seconds)
    except TimeoutError:
        process.kill()
        out, _ = await process.communicate()
    return process.returncode or 0, out.decode(errors="replace")


def sipp(port: int, *options: str) -> list[str]:
    own = ["-i", "127.0.0.1", "-p", str(free_port(2)), "-mp", str(free_port(2) // 2 * 2), "-nostdin"]
    return ["sipp", f"127.0.0.1:{port}", "-s", "400", *own, *options]


class Baresip:
    """``do`` types a command; ``until`` waits for an event of its user agent or call (``CALL_ESTABLISHED`` ...)."""

    def __init__(self, directory: Path, port: int) -> None:
        self.directory, self.port = directory, port
        self.events: list[dict[str, Any]] = []
        self._came = asyncio.Condition()
        self._reader: asyncio.StreamReader | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    @property
    def heard(self) -> Path:
        return self.directory / "heard.wav"

    async def connect(self, port: int) -> None:
        for _ in range(200):
            try:
                self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
                break
            except OSError:
                await asyncio.sleep(0.05)
        else:
            raise AssertionError(f"baresip does not start:\n{self.log[-2000:]}")
        self._reading = asyncio.create_task(self._read())

    async def close(self) -> None:
        if self._writer is not None:
            self._writer.close()
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.gather(self._reading, return_exceptions=True)

    async def do(self, command: str, params: str = "") -> None:
        assert self._writer is not None
        body = json.dumps({"command": command, "params": params}).encode()
        self._writer.write(str(len(body)).encode() + b":" + body + b",")
        await self._writer.drain()

    async def registered(self) -> None:
        """At its registrar; this may have happened before somebody listened to its events."""
        await eventually(lambda: "200 OK () [" in self.log)

    async def until(self, event: str, seconds: float = 15.0, after: int = 0) -> dict[str, Any]:
        """The first such event after the first ``after`` events; AssertionError if none comes."""
        try:
            async with asyncio.timeout(seconds), self._came:
                while True:
                    for one in self.events[after:]:
                        if one.get("type") == event:
                            return one
                    await self._came.wait()
        except TimeoutError:
            told = [one.get("type") for one in self.events]
            raise AssertionError(f"no {event}, but {told}\n{self.log[-3000:]}") from None

    async def _read(self) -> None:
        assert self._reader is not None
        while True:
            try:
                length = await self._reader.readuntil(b":")
                body = await self._reader.readexactly(int(length[:-1]) + 1)
            except (asyncio.IncompleteReadError, OSError):
                return
            event = json.loads(body[:-1])
            if event.get("event"):
                async with self._came:
                    self.events.append(event)
                    self._came.notify_all()


@contextlib.asynccontextmanager
async def baresip(
    directory: Path, account: str, *, config: str = "", modules: str = "", rate: int = 8000, say: Any = None
) -> AsyncIterator[Baresip]:
    """A phone with this line in its accounts file that says the tests' call, or 16-bit samples; ``modules`` by name, parted by
    blanks."""
    needs("baresip", "baresip-core")
    await asyncio.to_thread(directory.mkdir)
    sound = np.frombuffer(sound_of(DATA / "call.wav"), dtype="<i2")[:: 16_000 // rate] if say is None else say
    soundfile.write(directory / "say.wav", sound, rate, subtype="PCM_16")
    control, port = free_port(), free_port()
    rtp = free_rtp_port()
    loaded = "".join(f"module {name}.so\n" for name in ("g711", "aufile", *modules.split()))
    (directory / "config").write_text(
        f"module_path {MODULES}\n{loaded}module_app menu.so\nmodule_app account.so\nmodule_app ctrl_tcp.so\n"
        f"ctrl_tcp_listen 127.0.0.1:{control}\nsip_listen 127.0.0.1:{port}\nrtp_ports {rtp}-{rtp + 100}\n"
        f"audio_source aufile,{directory}/say.wav\naudio_player aufile,{directory}/heard.wav\n"
        f"audio_srate {rate}\naudio_channels 1\nsip_verify_server no\n{config}"
    )
    (directory / "accounts").write_text(f"{account}\n")
    (directory / "contacts").write_text("")
    phone = Baresip(directory, port)
    with (directory / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            "baresip", "-f", str(directory), "-v", stdout=log, stderr=log, stdin=asyncio.subprocess.DEVNULL
        )
    try:
        await phone.connect(control)
        yield phone
    finally:
        await phone.close()
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
        try:
            await asyncio.wait_for(process.wait(), 8)
        except TimeoutError:
            process.kill()
            await process.wait()


class Linphone:
    """linphonec at its prompt."""

    def __init__(self, directory: Path, process: asyncio.subprocess.Process) -> None:
        self.directory, self._process = directory, process
        self._seen = 0

    @property
    def log(self) -> str:
        return (self.directory / "log").read_text(errors="replace")

    async def type(self, command: str, wanted: str = "", seconds: float = 15.0) -> None:
        """A line at the prompt; returns once ``wanted`` has been said after it."""
        assert self._process.stdin is not None
        self._seen = len(self.log)
        self._process.stdin.write(f"{command}\n".encode())
        await self._process.stdin.drain()
        if wanted:
            try:
                await eventually(lambda: wanted in self.log[self._seen :], seconds)
            except AssertionError:
                raise AssertionError(f"no {wanted!r} after {command!r}:\n{self.log[-3000:]}") from None


@contextlib.asynccontextmanager
async def linphone(directory: Path, sip: dict[str, Any]) -> AsyncIterator[Linphone]:
    """``sip`` goes into its configuration."""
    needs("linphonec", "linphone-cli")
    (directory / ".local" / "share" / "linphone").mkdir(parents=True)
    options = {
        "sip_port": free_port(2),
        "sip_tcp_port": 0,
        "sip_tls_port": 0,
        "use_ipv6": 0,
        "ipv6_migration_done": 1,
        "default_proxy": -1,
        "contact": "<sip:13900005678@127.0.0.1>",
        **sip,
    }
    codecs = "".join(
        f"[audio_codec_{at}]\nmime={name}\nrate=8000\nchannels=1\nenabled=1\n"
        for at, name in enumerate(("PCMA", "PCMU"))
    )
    lines = "".join(f"{name}={value}\n" for name, value in options.items())
    (directory / "rc").write_text(f"[sip]\n{lines}[rtp]\naudio_rtp_port={free_rtp_port()}\n{codecs}")
    with (directory / "log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            *("linphonec", "-c", str(directory / "rc")),
            stdout=log,
            stderr=log,
            stdin=asyncio.subprocess.PIPE,
            env={**os.environ, "HOME": str(directory)},
        )
    phone = Linphone(directory, process)
    try:
        await eventually(lambda: "linphonec>" in phone.log)
        yield phone
    finally:
        with contextlib.suppress(OSError):
            await phone.type("quit")
        await _end(process)
