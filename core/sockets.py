"""Unix sockets that a service of this machine listens on."""

from __future__ import annotations

import socket
from pathlib import Path

from core.errors import ConfigurationError
from core.settings import LONGEST_SOCKET


def unix_socket(path: Path, what: str) -> socket.socket:
    """Bound, for this user only. A socket that a killed process left is replaced, one that answers is not: then ConfigurationError
    says that another ``what`` listens there."""
    if len(str(path).encode()) > LONGEST_SOCKET:
        raise ConfigurationError(f"the path of the socket is longer than a unix socket allows: {path}")
    path.parent.mkdir(parents=True, exist_ok=True)
    with socket.socket(socket.AF_UNIX) as probe:
        probe.settimeout(1)
        try:
            probe.connect(str(path))
        except OSError:
            if path.is_socket():
                path.unlink()
        else:
            raise ConfigurationError(f"another {what} already listens on {path}")
    bound = socket.socket(socket.AF_UNIX)
    try:
        bound.bind(str(path))
        path.chmod(0o600)  # before listen(), so nobody else was let in
    except OSError as error:
        bound.close()
        raise ConfigurationError(f"can't listen on {path}: {error.strerror}") from error
    return bound
