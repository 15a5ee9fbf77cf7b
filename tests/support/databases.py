"""Databases for tests: all tables, and a PostgreSQL that is there or is started for us."""

from __future__ import annotations

import atexit
import contextlib
import getpass
import importlib.util
import os
import shutil
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg
import pytest

ROOMS = ("core.outbox", "ticketing.tables", "intake.tables", "sla.tables", "dispatch.tables", "settlement.tables")


def tables() -> None:
    """Imports every room's tables, so that the metadata is complete."""
    for name in ROOMS:
        with contextlib.suppress(ModuleNotFoundError):
            if importlib.util.find_spec(name):
                __import__(name)


@contextlib.contextmanager
def postgres() -> Iterator[str]:
    """The URL of an empty database, dropped afterwards. Skips where PostgreSQL is neither running nor installed."""
    server = _server()
    if server is None:
        pytest.skip("PostgreSQL is neither running on 127.0.0.1:5432 nor installed: apt install postgresql")
    name = f"hotline_test_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    base, _, _ = server.rpartition("/")
    try:
        yield f"{base}/{name}".replace("postgresql://", "postgresql+psycopg://")
    finally:
        with psycopg.connect(server, autocommit=True) as connection:
            connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@cache
def _server() -> str | None:
    given = os.environ.get("HOTLINE_TEST_POSTGRES")
    for url in filter(None, (given, f"postgresql://{getpass.getuser()}@127.0.0.1:5432/postgres")):
        with contextlib.suppress(psycopg.Error), psycopg.connect(url, connect_timeout=2):
            return url
    return _started()


def _started() -> str | None:
    """Starts a server of our own from installed binaries; not as root, which PostgreSQL refuses."""
    found = shutil.which("initdb") or max(map(str, Path("/usr/lib/postgresql").glob("*/bin/initdb")), default=None)
    if found is None:
        return None
    binaries = Path(found).resolve().parent
    home = Path(tempfile.mkdtemp(prefix="hotline-pg-"))
    prefix: list[str] = []
    if os.geteuid() == 0:
        if not shutil.which("runuser"):
            return None
        shutil.chown(home, "nobody")
        prefix = ["runuser", "-u", "nobody", "--"]
    run = [*prefix, str(binaries / "initdb"), "-D", str(home / "db"), "-U", "hotline", "-A", "trust"]
    if subprocess.run(run, capture_output=True, check=False).returncode:
        return None
    start = [*prefix, str(binaries / "pg_ctl"), "-D", str(home / "db"), "-w", "-l", str(home / "log")]
    options = f"-c listen_addresses=127.0.0.1 -p {_free_port()} -k {home}"
    port = options.split("-p ")[1].split()[0]
    if subprocess.run([*start, "-o", options, "start"], capture_output=True, check=False).returncode:
        return None
    atexit.register(
        lambda: (
            subprocess.run([*start, "-m", "immediate", "stop"], capture_output=True, check=False),
            shutil.rmtree(home, ignore_errors=True),
        )
    )
    return f"postgresql://hotline@127.0.0.1:{port}/postgres"


def _free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
