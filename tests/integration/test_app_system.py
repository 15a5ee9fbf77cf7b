"""The ground under the whole system: a data directory that one system has to itself."""

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

from app import system
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
