"""Parsing with a limit on time and memory: in processes of their own that are stopped when a mail takes too long.

Python cannot interrupt a regular expression or lxml in the middle, and a mail that exhausts memory would take the
server with it; a process can be killed at any point, and only that mail is affected.
"""

from __future__ import annotations

import queue
import subprocess
import sys
import threading
from contextlib import suppress

from connectors.email import crossing, parse
from connectors.email.crossing import LENGTH
from connectors.email.parsed import ParsedMail
from core import log

logger = log.get(__name__)
MOST = 32_000_000  # bytes of an answer beyond eight times the mail: no mail unfolds to more


class BoundedParser:
    """A fixed number of parser processes, started when first needed. Safe to use from many threads."""

    def __init__(self, *, processes: int, seconds: float, memory: int) -> None:
        """``seconds`` for one mail; ``memory`` in MB for each process."""
        self._seconds, self._memory = seconds, memory
        self._idle: queue.LifoQueue[subprocess.Popen[bytes] | None] = queue.LifoQueue()
        for _ in range(max(1, processes)):
            self._idle.put(None)
        self._closed = False

    def parse(self, raw: bytes) -> ParsedMail:
        """Never raises; waits while all processes are busy."""
        process = self._idle.get()
        try:
            if process is None or process.poll() is not None:
                process = self._start()
            asked, process = process, None  # until it has answered as it should, it is not to be asked again
            try:
                mail, process = self._ask(asked, raw)
            except BaseException:
                _end(asked)
                raise
            return mail
        except OSError:
            logger.exception("no process to read mail could be started")
            return parse.parse(raw)
        finally:
            if self._closed and process is not None:
                _end(process)
                process = None
            self._idle.put(process)

    def close(self) -> None:
        """Ends the processes; one that is reading a mail ends after it."""
        self._closed = True
        with suppress(queue.Empty):
            while True:
                process = self._idle.get_nowait()
                if process is not None:
                    _end(process)

    def _start(self) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(self._command(), stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        if _answer(process, LENGTH) != b"ready":
            _end(process)
            raise OSError("the parser process did not start")
        return process

    def _command(self) -> list[str]:
        return [sys.executable, "-m", "connectors.email.parser_process", str(self._memory)]

    def _ask(self, process: subprocess.Popen[bytes], raw: bytes) -> tuple[ParsedMail, subprocess.Popen[bytes] | None]:
        expired = threading.Event()

        def stop() -> None:
            expired.set()
            process.kill()

        timer = threading.Timer(self._seconds, stop)
        timer.daemon = True
        timer.start()
        try:
            answer = _exchange(process, raw)
        finally:
            timer.cancel()
            timer.join()  # from here on it kills nothing
        mail = _mail(answer)
        if mail is not None and not expired.is_set():
            return mail, process
        _end(process)
        if mail is not None:
            return mail, None
        if expired.is_set():
            logger.warning("a mail took too long to read", size=len(raw))
            why = f"Reading the mail was stopped after {self._seconds:g} s; the original is attached."
        else:
            logger.warning("a mail broke the process that read it", size=len(raw))
            why = "The mail could not be read within the limits; the original is attached."
        return parse.unreadable(raw, why), None


def _mail(answer: bytes) -> ParsedMail | None:
    try:
        return crossing.decode(answer) if answer else None
    except ValueError:
        logger.warning("the process that read a mail gave no proper answer", size=len(answer))
        return None


def _exchange(process: subprocess.Popen[bytes], raw: bytes) -> bytes:
    """The answer; empty where the process ended instead."""
    try:
        if process.stdin is None:
            return b""
        process.stdin.write(len(raw).to_bytes(LENGTH, "big"))
        process.stdin.write(raw)
        process.stdin.flush()
        return _answer(process, MOST + 8 * len(raw))
    except (BrokenPipeError, OSError, ValueError):
        return b""


def _answer(process: subprocess.Popen[bytes], most: int) -> bytes:
    """What the process says, of at most ``most`` bytes; empty where it says nothing proper."""
    if process.stdout is None:
        return b""
    head = process.stdout.read(LENGTH)
    length = int.from_bytes(head, "big")
    if len(head) != LENGTH or length > most:
        return b""
    answer = process.stdout.read(length)
    return answer if len(answer) == length else b""


def _end(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    for stream in (process.stdin, process.stdout):
        if stream is not None:
            with suppress(OSError):
                stream.close()
    process.wait()
