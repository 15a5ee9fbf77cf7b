"""The supervisor with real processes: restarts what dies, pauses longer for what keeps dying, stops all in order."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from app.supervisor import Child, Supervisor
from tests.support.system import alive, until

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def watched(supervisor: Supervisor) -> threading.Thread:
    supervisor.start()
    thread = threading.Thread(target=supervisor.watch, args=(0.02,))
    thread.start()
    return thread


def test_what_dies_is_started_again() -> None:
    supervisor = Supervisor(children=[Child(name="a", command=SLEEP), Child(name="b", command=SLEEP)])
    thread = watched(supervisor)
    try:
        before = supervisor.pids()
        os.kill(before["a"], signal.SIGKILL)
        until(lambda: supervisor.pids().get("a", before["a"]) != before["a"], 10, "a restart")
        assert supervisor.pids()["b"] == before["b"]
    finally:
        supervisor.stop()
        thread.join(20)
    assert supervisor.pids() == {}


def test_what_keeps_dying_is_started_less_and_less_often() -> None:
    supervisor = Supervisor(children=[Child(name="a", command=["false"])])
    thread = watched(supervisor)
    try:
        until(lambda: supervisor.children[0].falls >= 4, 20, "four falls")
        child = supervisor.children[0]
        assert child.next_start - child.started > 1.0
    finally:
        supervisor.stop()
        thread.join(20)


def test_what_has_died_for_days_pauses_half_a_minute() -> None:
    supervisor = Supervisor(children=[Child(name="a", command=["false"], falls=5000)])
    supervisor.start()
    child = supervisor.children[0]
    until(lambda: supervisor.look() or child.falls == 5001, 20, "a fall")
    assert 25.0 < child.next_start - child.started <= 40.0


def test_what_cannot_be_started_now_is_started_later_and_harms_nobody(tmp_path: Path) -> None:
    program = tmp_path / "program"
    children = [Child(name="a", command=[str(program)]), Child(name="b", command=SLEEP)]
    supervisor = Supervisor(children=children)
    thread = watched(supervisor)
    try:
        before = supervisor.pids()
        assert set(before) == {"b"}
        until(lambda: children[0].falls >= 2, 10, "a second try")
        assert thread.is_alive()
        program.write_text(f"#!/bin/sh\nexec {sys.executable} -c 'import time; time.sleep(600)'\n")
        program.chmod(0o700)
        until(lambda: "a" in supervisor.pids(), 10, "a start")
        assert supervisor.pids()["b"] == before["b"]
    finally:
        supervisor.stop()
        thread.join(20)
    assert supervisor.pids() == {}


def test_a_status_file_that_cannot_be_written_stops_nothing(tmp_path: Path) -> None:
    status = tmp_path / "gone" / "processes.json"
    status.parent.mkdir()
    supervisor = Supervisor(children=[Child(name="a", command=SLEEP)], status_file=status)
    thread = watched(supervisor)
    try:
        before = supervisor.pids()["a"]
        shutil.rmtree(status.parent)
        os.kill(before, signal.SIGKILL)
        until(lambda: supervisor.pids().get("a", before) != before, 10, "a restart")
        status.parent.mkdir()
        now = supervisor.pids()["a"]
        os.kill(now, signal.SIGKILL)
        until(lambda: status.exists() and json.loads(status.read_text()).get("a", now) != now, 10, "its status")
    finally:
        supervisor.stop()
        thread.join(20)
    assert supervisor.pids() == {}


def test_children_stop_in_the_opposite_order(tmp_path: Path) -> None:
    said = tmp_path / "said"
    program = (
        "import signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (open({str(said)!r}, 'a').write(sys.argv[1]), sys.exit(0)))\n"
        f"open({str(tmp_path)!r} + '/ready' + sys.argv[1], 'w').close()\n"
        "time.sleep(600)\n"
    )
    children = [Child(name=name, command=[sys.executable, "-c", program, name]) for name in "abc"]
    supervisor = Supervisor(children=children)
    thread = watched(supervisor)
    until(lambda: all((tmp_path / f"ready{name}").exists() for name in "abc"), 20, "three children")
    supervisor.stop()
    thread.join(20)
    assert said.read_text() == "cba"


def test_a_child_that_will_not_stop_is_killed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("app.supervisor.STOP_PATIENCE", 0.3)
    program = (
        "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN);"
        f"open({str(tmp_path / 'ready')!r}, 'w').close(); time.sleep(600)"
    )
    supervisor = Supervisor(children=[Child(name="a", command=[sys.executable, "-c", program])])
    thread = watched(supervisor)
    until(lambda: (tmp_path / "ready").exists(), 20, "the child")
    pid = supervisor.pids()["a"]
    supervisor.stop()
    thread.join(20)
    assert not Path(f"/proc/{pid}").exists()


def test_children_end_with_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    program = (
        "import sys; from app.supervisor import *\n"
        f"s = Supervisor(children=[Child(name='a', command=[sys.executable, '-c', 'import time; time.sleep(600)'])])\n"
        f"s.start(); open({str(tmp_path / 'pid')!r}, 'w').write(str(s.pids()['a'])); s.watch()\n"
    )
    supervisor = subprocess.Popen([sys.executable, "-c", program])
    try:
        until(lambda: (tmp_path / "pid").exists() and (tmp_path / "pid").read_text(), 20, "the child")
        child = int((tmp_path / "pid").read_text())
        assert Path(f"/proc/{child}").exists()
    finally:
        supervisor.kill()
        supervisor.wait()
    until(lambda: not alive(child), 10, "the child's end")
