"""``hotline up``: runs every process, restarts what dies, stops all of them cleanly.

A process that keeps dying is started again after a growing pause (at most half a minute), so that it does not burn the
machine; the others go on meanwhile.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from core import log

logger = log.get(__name__)
_LIBC = ctypes.CDLL(None, use_errno=True)
STOP_PATIENCE = 12.0  # s between SIGTERM and SIGKILL


@dataclass(kw_only=True)
class Child:
    """One process: its name, its command line, and how it has fared."""

    name: str
    command: Sequence[str]
    running: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    falls: int = 0
    next_start: float = 0.0


@dataclass(kw_only=True)
class Supervisor:
    """Starts children in order, watches them, stops them in the opposite order. ``log``: a file for what they
    print; none: this process's own. ``status_file``: where the pids of what runs are kept, for ``hotline status``."""

    children: list[Child]
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    stopping: threading.Event = field(default_factory=threading.Event)
    log: IO[bytes] | None = None
    status_file: Path | None = None

    def start(self) -> None:
        for child in self.children:
            self._start(child)

    def watch(self, every: float = 0.2) -> None:
        """Returns after ``stop`` was called and everything has ended."""
        while not self.stopping.wait(every):
            self.look()
        self._end_all()

    def look(self) -> None:
        """Starts again what has died and whose pause is over."""
        for child in self.children:
            if child.running is not None and child.running.poll() is not None:
                self._mourn(child)
            if child.running is None and time.monotonic() >= child.next_start:
                self._start(child)

    def stop(self) -> None:
        self.stopping.set()

    def pids(self) -> dict[str, int]:
        return {c.name: c.running.pid for c in self.children if c.running is not None}

    def _start(self, child: Child) -> None:
        child.started = time.monotonic()
        try:
            child.running = subprocess.Popen(
                list(child.command),
                env={**self.environment, "HOTLINE_PROCESS": child.name},
                stdin=subprocess.DEVNULL,
                stdout=self.log,
                stderr=self.log,
                start_new_session=True,  # Ctrl-C reaches us only; we stop the children in order
                preexec_fn=_end_with_parent,  # one system call, nothing that could take a lock
            )
        except (OSError, subprocess.SubprocessError) as error:  # no memory, no more processes, no such file
            pause = self._put_off(child)
            logger.warning("a process could not be started", child=child.name, error=str(error), pause=round(pause, 1))
        self._tell()

    def _mourn(self, child: Child) -> None:
        code = child.running.returncode if child.running else None
        pause = self._put_off(child)
        logger.warning("a process died and will be started again", child=child.name, code=code, pause=round(pause, 1))

    def _put_off(self, child: Child) -> float:
        """Sets when it is started next; returns the pause in s."""
        lived = time.monotonic() - child.started
        child.falls = 0 if lived > 60 else child.falls + 1
        pause = min(0.1 * 2.0 ** min(child.falls, 10), 30.0)  # falls grow for days, a power of them must not
        child.running, child.next_start = None, time.monotonic() + pause
        return pause

    def _end_all(self) -> None:
        for child in reversed(self.children):
            self._end(child)

    def _end(self, child: Child) -> None:
        if child.running is None:
            return
        with contextlib.suppress(ProcessLookupError):
            child.running.send_signal(signal.SIGTERM)
        try:
            child.running.wait(STOP_PATIENCE)
        except subprocess.TimeoutExpired:
            logger.warning("a process did not stop and is killed", child=child.name)
            child.running.kill()
            child.running.wait()
        child.running = None
        self._tell()

    def _tell(self) -> None:
        """Best effort: that the status cannot be written, as on a full disk, is no reason to stop anything."""
        if self.status_file is None:
            return
        scratch = self.status_file.with_suffix(".new")
        try:
            scratch.write_text(json.dumps(self.pids()))
            scratch.replace(self.status_file)
        except OSError as error:
            logger.warning("the status file could not be written", error=str(error))


def _end_with_parent() -> None:
    """Has the kernel send this process SIGTERM when the supervisor is gone, even by SIGKILL: orphans would keep ports and
    the database's promises to themselves. (prctl(2), PR_SET_PDEATHSIG)"""
    _LIBC.prctl(1, signal.SIGTERM)


def hotline(*arguments: str) -> list[str]:
    """The command line of one of our own processes."""
    return [sys.executable, "-m", "app.cli", *arguments]
