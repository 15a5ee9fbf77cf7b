"""The embedded Redis server as an installation on one machine starts it."""

from __future__ import annotations

import contextlib
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import redis

from core import settings
from core.redis import connection, server_command


@contextlib.contextmanager
def embedded_redis() -> Iterator[Path]:
    """Runs while the block lasts; the process's settings point to it. The socket's path is short: sockets want that."""
    with tempfile.TemporaryDirectory(prefix="hl-") as directory:
        socket = Path(directory) / "redis.sock"
        config = settings.get(settings.CoreSettings)
        connection.cache_clear()
        settings.use(config.model_copy(update={"redis_url": f"unix://{socket}"}))
        server = subprocess.Popen(server_command(Path(directory), socket), stdout=subprocess.DEVNULL)
        try:
            _wait()
            yield socket
        finally:
            for timeout in (None, 0.2, 10.0):
                with contextlib.suppress(redis.RedisError):
                    connection(timeout=timeout).close()
            connection.cache_clear()
            server.terminate()
            server.wait(10)
            settings.use(config)


def _wait() -> None:
    deadline = time.monotonic() + 10
    while True:
        try:
            connection(timeout=0.2).ping()
            return
        except redis.RedisError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.02)
