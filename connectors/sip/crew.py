"""The pjsua2 processes as the controller sees them: started, spoken to, replaced when they die."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

from connectors.sip import wire
from connectors.sip.settings import LINES, SipSettings
from core import log

RTP_PORTS = 40  # UDP ports reserved for one process: four calls, each RTP and RTCP, twice over
START_SECONDS = 20.0
SILENT_SECONDS = 10.0
LEAVE_SECONDS = 2.0  # between the end of its line and its end
logger = log.get(__name__)
Heard = Callable[["Crewman", dict[str, Any]], None]


class Crewman:
    """One process. ``heard`` gets its events in the controller's loop; a last event ``dead`` when it is gone."""

    def __init__(self, name: str, configuration: dict[str, Any], heard: Heard) -> None:
        self.name = name
        self.port = 0
        self.ready = asyncio.Event()
        self._configuration = configuration
        self._heard = heard
        self._heard_at = 0.0
        self._process: asyncio.subprocess.Process | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._reading: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        return self._process.pid if self._process is not None else 0

    @property
    def exit_code(self) -> int | None:
        """None while it runs."""
        return self._process.returncode if self._process is not None else None

    async def start(self) -> None:
        ours, theirs = socket.socketpair()
        for end in (ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * 1024 * 1024)
        try:
            self._process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "connectors.sip.worker",
                str(theirs.fileno()),
                pass_fds=[theirs.fileno()],
                stdin=asyncio.subprocess.DEVNULL,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
            )
        finally:
            theirs.close()
        reader, self._writer = await asyncio.open_connection(sock=ours)
        self.tell({"event": "configure", **self._configuration})
        self._reading = asyncio.create_task(self._read(reader))

    def tell(self, event: dict[str, Any]) -> None:
        self._write(wire.pack(event))

    def play(self, call: int, token: int, pcm: bytes) -> None:
        self._write(wire.pack_prompt(call, token, pcm))

    def kill(self) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(signal.SIGKILL)

    async def stop(self, seconds: float = 5.0) -> None:
        """Lets it hang up and leave; kills it if it doesn't."""
        self.tell({"event": "quit"})
        if self._process is not None:
            try:
                await asyncio.wait_for(self._process.wait(), seconds)
            except TimeoutError:
                logger.warning("a pjsua2 process did not leave by itself", line=self.name)
                self.kill()
                await self._process.wait()
        if self._reading is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._reading

    def _write(self, data: bytes) -> None:
        if self._writer is not None and not self._writer.is_closing():
            self._writer.write(data)

    async def _read(self, reader: asyncio.StreamReader) -> None:
        unpacker = wire.Unpacker()
        try:
            while data := await reader.read(1 << 16):
                for event in unpacker.feed(data):
                    try:
                        self._take(event)
                    except Exception:  # one call's trouble must not cost the process its other three
                        logger.exception("an event of a call could not be handled", event_name=event.get("event"))
        except (OSError, ValueError) as error:
            logger.warning("a pjsua2 process broke its line", line=self.name, reason=type(error).__name__)
        finally:
            if self._writer is not None:
                self._writer.close()
            await self._gone()
            self._heard(self, {"event": "dead"})

    async def _gone(self) -> None:
        """Whatever is left of it must not go on taking calls."""
        if self._process is None:
            return
        try:
            await asyncio.wait_for(self._process.wait(), LEAVE_SECONDS)
        except TimeoutError:
            self.kill()
            await self._process.wait()

    @property
    def silent_for(self) -> float:
        """s since its last event; it tells its counters every second."""
        return asyncio.get_running_loop().time() - self._heard_at

    def _take(self, event: dict[str, Any]) -> None:
        self._heard_at = asyncio.get_running_loop().time()
        if event["event"] == "ready":
            self.port = event["port"]
            self.ready.set()
        self._heard(self, event)


class Crew:
    """Keeps as many processes as settings say; a dead one is replaced after a pause that grows while deaths go on."""

    def __init__(self, config: SipSettings, contact: str, heard: Heard, proxy: str = "") -> None:
        self._config, self._contact, self._heard, self._proxy = config, contact, heard, proxy
        self.members: dict[str, Crewman] = {}
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._started = asyncio.Event()

    async def start(self) -> None:
        """Returns once the first process is ready; raises TimeoutError if none gets there."""
        self._tasks = [asyncio.create_task(self._keep(number)) for number in range(self._config.processes)]
        await asyncio.wait_for(self._started.wait(), START_SECONDS)

    async def stop(self) -> None:
        self._stopping = True
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(member.stop() for member in list(self.members.values())))

    async def _keep(self, number: int) -> None:
        pause, generation = 0.2, 0
        while not self._stopping:
            generation += 1
            over = asyncio.Event()

            def heard(member: Crewman, event: dict[str, Any], over: asyncio.Event = over) -> None:
                if event["event"] == "ready":
                    self._started.set()
                if event["event"] == "dead":
                    self.members.pop(member.name, None)
                    over.set()
                self._heard(member, event)

            member = Crewman(f"line-{number + 1}.{generation}", self._configuration(number), heard)
            self.members[member.name] = member
            began = asyncio.get_running_loop().time()
            await member.start()
            try:
                await asyncio.wait_for(member.ready.wait(), START_SECONDS)
            except TimeoutError:
                logger.error("a pjsua2 process did not start", line=member.name)
                member.kill()
            await self._watch(member, over)
            if asyncio.get_running_loop().time() - began > 60:
                pause = 0.2
            if not self._stopping:
                logger.error("a pjsua2 process died and is replaced", line=member.name, exit_code=member.exit_code)
                await asyncio.sleep(pause)
                pause = min(10.0, pause * 2)

    async def _watch(self, member: Crewman, over: asyncio.Event) -> None:
        """Returns when the process is gone; one that says nothing any more, not even its counters, is killed."""
        while not over.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(over.wait(), 1.0)
                return
            if member.ready.is_set() and member.silent_for > SILENT_SECONDS:
                logger.error("a pjsua2 process hangs and is killed", line=member.name)
                member.kill()

    def _configuration(self, number: int) -> dict[str, Any]:
        config = self._config
        host = config.host if config.host not in ("0.0.0.0", "") else ""  # noqa: S104  (compared, not bound)
        return {
            "calls": LINES,
            "agent": "Hotline",
            "codecs": list(config.codecs),
            "srtp": config.srtp,
            "contact": self._contact,
            "proxy": self._proxy,
            "credentials": [
                (each.auth_user or each.user, each.password.get_secret_value()) for each in config.accounts
            ],
            "address": config.address(),
            "rtp_bind": host,
            "rtp_port": config.rtp_port + RTP_PORTS * number,
            "rtp_ports": RTP_PORTS - 2,
            "confirm_seconds": config.confirm_seconds,
        }
