"""The ground under the whole system: a data directory of its own, sockets wherever that is, one key for all machines."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from app import system
from asr import AsrSettings
from core import secrets, settings
from core.errors import ConfigurationError
from core.settings import CoreSettings
from tests.support.system import alive, until

HOLDER = (
    "import subprocess, sys, time; from pathlib import Path; from app import system\n"
    "system.hold(Path(sys.argv[1]))\n"
    # A child as others start them may inherit; one that lives on must not have the lock.
    "print(subprocess.Popen(['sleep', '60'], close_fds=False, stdout=subprocess.DEVNULL).pid, flush=True)\n"
    "time.sleep(60)\n"
)


@contextmanager
def held(directory: Path) -> Iterator[tuple[int, int]]:
    """Another process that has the directory: its pid and its child's."""
    process = subprocess.Popen([sys.executable, "-c", HOLDER, str(directory)], stdout=subprocess.PIPE, text=True)
    child = 0
    try:
        assert process.stdout is not None
        child = int(process.stdout.readline())
        yield process.pid, child
    finally:
        process.kill()
        process.communicate()
        if child and alive(child):
            os.kill(child, signal.SIGKILL)


def hotline(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments], capture_output=True, text=True, check=False, timeout=60
    )


@pytest.mark.parametrize("command", ["up", "demo"])
def test_a_second_system_is_refused_and_harms_nothing(installation: Path, command: str) -> None:
    directory = installation if command == "up" else installation / "demo"
    (directory / "metrics").mkdir(parents=True)
    (directory / "metrics" / "counter.db").write_text("counted")
    (directory / "processes.json").write_text(json.dumps({"relay": os.getpid()}))
    with held(directory) as (pid, _):
        refused = hotline(command)
        assert refused.returncode == 1
        assert refused.stderr == (
            f"hotline: hotline up already runs with this data directory (pid {pid}): {directory}\n"
        )
        assert (directory / "metrics" / "counter.db").read_text() == "counted"
        assert (directory / "processes.json").exists()


def test_the_directory_is_free_when_its_holder_is_gone_though_its_children_are_not(tmp_path: Path) -> None:
    with held(tmp_path) as (pid, child):
        os.kill(pid, signal.SIGKILL)
        until(lambda: not alive(pid), 10, "its end")
        assert alive(child)
        system.hold(tmp_path)
    assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"
    (tmp_path / "old").mkdir()
    (tmp_path / "old" / "file").touch()
    (tmp_path / "hotline.db").touch()
    system.empty(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["lock"]


@pytest.mark.parametrize("command", ["up", "worker bulk", "web", "mail"])
def test_a_machine_on_a_database_server_makes_no_key_of_its_own(
    installation: Path, monkeypatch: pytest.MonkeyPatch, command: str
) -> None:
    monkeypatch.setenv("HOTLINE_DATABASE_URL", "postgresql+psycopg://hotline@127.0.0.1:1/hotline")
    refused = hotline(*command.split())
    assert refused.returncode == 1
    assert refused.stderr.startswith("hotline: HOTLINE_SECRET_KEY must be set")
    assert not (installation / "secret.key").exists()
    settings.forget()
    monkeypatch.setenv("HOTLINE_SECRET_KEY", "the same on every machine")
    first = secrets.key("a")
    monkeypatch.setenv("HOTLINE_DATA_DIR", str(installation / "of another machine"))
    settings.forget()
    assert secrets.key("a") == first


def test_a_machine_on_a_database_server_uses_the_key_that_it_has(
    installation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = secrets.key("a")
    monkeypatch.setenv("HOTLINE_DATABASE_URL", "postgresql+psycopg://hotline@127.0.0.1:1/hotline")
    settings.forget()
    assert secrets.key("a") == before


def test_sockets_of_a_deep_data_directory_are_reached_by_every_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = tmp_path / ("deep" * 20) / ("deeper" * 10) / "数据"
    monkeypatch.setenv("HOTLINE_DATA_DIR", str(deep))
    settings.forget()
    socket = settings.get(CoreSettings).redis_socket
    assert socket.parent == AsrSettings().socket_path.parent
    assert len(os.fsencode(AsrSettings().socket_path)) <= 107
    assert socket.parent.stat().st_mode & 0o777 == 0o700
    supervisor = system.whole_system()
    supervisor.children = [child for child in supervisor.children if child.name == "redis"]
    supervisor.start()
    try:
        other = subprocess.run(
            [sys.executable, "-c", "from core import settings as s; print(s.get(s.CoreSettings).redis)"],
            env={**supervisor.environment, "TMPDIR": str(tmp_path)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        with redis.Redis.from_url(other) as connection:
            until(lambda: _answers(connection), 10, "redis")
    finally:
        supervisor.stop()
        supervisor.watch()
        for path in socket.parent.iterdir():
            path.unlink()
        socket.parent.rmdir()


def _answers(connection: redis.Redis) -> bool:
    try:
        return bool(connection.ping())
    except redis.ConnectionError:
        return False


def test_two_data_directories_have_two_places_for_sockets_and_none_is_open_to_others(tmp_path: Path) -> None:
    first, second = (CoreSettings(data_dir=tmp_path / ("deep" * 30) / name) for name in "ab")
    places = [first.redis_socket.parent, second.redis_socket.parent]
    try:
        assert places[0] != places[1]
        assert CoreSettings(data_dir=tmp_path / "a").redis_socket == tmp_path / "a" / "redis.sock"
        places[0].chmod(0o777)
        with pytest.raises(ConfigurationError, match="open to others"):
            _ = first.redis_socket
        places[0].rmdir()
        places[0].symlink_to(places[1])
        with pytest.raises(ConfigurationError, match="open to others"):
            _ = first.redis_socket
        places[0].unlink()
        places[0].touch()
        with pytest.raises(ConfigurationError, match="open to others"):
            _ = first.redis_socket
        places[0].unlink()
        places[0].mkdir()
    finally:
        for place in places:
            place.rmdir()
