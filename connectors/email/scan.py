"""Looks at attachments with ClamAV's daemon, where one is configured (its INSTREAM command)."""

from __future__ import annotations

import socket

from connectors.email.settings import MailSettings
from core import settings
from core.errors import Unavailable

_CHUNK = 65_536
_TIMEOUT = 30.0


def threat_in(content: bytes) -> str:
    """The name of what was found; "" for nothing or no scanner. Raises Unavailable when the scanner does not answer."""
    where = settings.get(MailSettings).clamav
    if not where:
        return ""
    try:
        with _connect(where) as daemon:
            daemon.sendall(b"zINSTREAM\0")
            for start in range(0, len(content), _CHUNK):
                chunk = content[start : start + _CHUNK]
                daemon.sendall(len(chunk).to_bytes(4, "big") + chunk)
            daemon.sendall(bytes(4))
            answer = b""
            while not answer.endswith(b"\0") and (more := daemon.recv(4096)):
                answer += more
    except OSError as error:
        raise Unavailable("The virus scanner does not answer.") from error
    verdict = answer.rstrip(b"\0").decode("utf-8", "replace")
    if verdict.endswith("FOUND"):
        return verdict.removeprefix("stream:").removesuffix("FOUND").strip()[:100]
    if not verdict.endswith("OK"):
        raise Unavailable("The virus scanner could not look at an attachment.")
    return ""


def _connect(where: str) -> socket.socket:
    if "/" in where:
        daemon = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        daemon.settimeout(_TIMEOUT)
        daemon.connect(where)
        return daemon
    host, _, port = where.rpartition(":")
    return socket.create_connection((host, int(port)), timeout=_TIMEOUT)
