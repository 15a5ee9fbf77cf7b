"""The program of one parser process: lengths and mails in on stdin, lengths and what was read out on stdout."""

from __future__ import annotations

import os
import resource
import signal
import sys
from typing import BinaryIO

from connectors.email.crossing import LENGTH, encode
from connectors.email.parse import parse


def main(memory: int) -> None:
    """``memory`` in MB. Ends when stdin does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the server, which ends us by closing stdin
    size = memory * 1_000_000
    resource.setrlimit(resource.RLIMIT_AS, (size, size))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    source, out = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # nothing that a library prints may get between the answers
    _write(out, b"ready")
    while len(length := source.read(LENGTH)) == LENGTH:
        raw = source.read(int.from_bytes(length, "big"))
        try:
            answer = encode(parse(raw))
        except MemoryError:
            answer = b""
        _write(out, answer)


def _write(out: BinaryIO, answer: bytes) -> None:
    out.write(len(answer).to_bytes(LENGTH, "big"))
    out.write(answer)
    out.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]))
