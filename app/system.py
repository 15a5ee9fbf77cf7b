"""The whole system on one machine: which processes there are, and getting the ground ready for them."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from pathlib import Path

import tts
from app.migrate import upgrade
from app.supervisor import Child, Supervisor, hotline
from app.web import WebSettings
from core import db, secrets, settings
from core.errors import Conflict
from core.outbox import QUEUES
from core.redis import server_command
from ticketing import setup_code, wants_first_administrator

PROCESSES = "processes.json"
LOCK = "lock"
_held: dict[Path, int] = {}


def make_ready() -> Path:
    """Creates the data directory and brings the database to the newest version; returns the directory."""
    config = settings.get(settings.CoreSettings)
    directory = config.data_dir.absolute()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    upgrade(config.database)
    return directory


def hold(directory: Path) -> None:
    """Takes the directory for this process as long as it lives, and makes it if there is none; again does nothing. Two
    systems in one directory would take each other's Redis, metrics and database. Raises Conflict if another has it."""
    directory = directory.absolute()
    if directory in _held:
        return
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    # Closed on exec, as Python's descriptors are: no child holds the directory after this process.
    descriptor = os.open(directory / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        pid = os.read(descriptor, 20).decode("ascii", "replace").strip()
        os.close(descriptor)
        raise Conflict(f"hotline up already runs with this data directory (pid {pid}): {directory}") from error
    os.truncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    _held[directory] = descriptor


def empty(directory: Path) -> None:
    """Removes what is in a directory that this process holds, but for what it holds it with."""
    for path in directory.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path, ignore_errors=True)
        elif path.name != LOCK:
            with contextlib.suppress(OSError):
                path.unlink()


def whole_system() -> Supervisor:
    """A supervisor of all processes; Redis too, unless HOTLINE_REDIS_URL names one. Raises Conflict if another one has
    the data directory."""
    config = settings.get(settings.CoreSettings)
    hold(config.data_dir)
    secrets.key("start")  # each child would say in vain that it is missing
    directory = make_ready()
    metrics = directory / "metrics"
    shutil.rmtree(metrics, ignore_errors=True)
    metrics.mkdir()
    children: list[Child] = []
    if not config.redis_url:
        children.append(Child(name="redis", command=server_command(directory, config.redis_socket)))
    children += [
        Child(name="relay", command=hotline("relay")),
        *(Child(name=f"worker {queue}", command=hotline("worker", queue)) for queue in QUEUES),
        Child(name="asr", command=hotline("asr", "serve", "--wait-for-model")),
        *([Child(name="speaker", command=hotline("speaker"))] if _needs_our_voice() else []),
        Child(name="web", command=hotline("web")),
        Child(name="mail", command=hotline("mail")),
        Child(name="voice", command=hotline("voice")),
    ]
    environment = {
        **os.environ,
        "HOTLINE_DATA_DIR": str(directory),
        "PROMETHEUS_MULTIPROC_DIR": str(metrics),
        "OMP_NUM_THREADS": "1",
    }
    return Supervisor(children=children, environment=environment, status_file=directory / PROCESSES)


def _needs_our_voice() -> bool:
    """A program of one's own speaks where one is set: ours would only take its memory."""
    return tts.installed() and not settings.get(tts.SpeakerSettings).command.strip()


def greeting() -> list[str]:
    """What whoever starts the system should know: where it is, and how the first administrator is made."""
    web = settings.get(WebSettings)
    lines = [f"console: http://{web.host}:{web.port}/console/   API: http://{web.host}:{web.port}/api"]
    with db.read() as session:
        if wants_first_administrator(session):
            lines.append(f"nobody can sign in yet; the console asks for this setup code: {setup_code()}")
    db.use(None)
    return lines


def running() -> dict[str, int]:
    """The processes that ``hotline up`` of this data directory runs now: name to pid; empty if it does not run."""
    file = settings.get(settings.CoreSettings).data_dir / PROCESSES
    try:
        pids: dict[str, int] = json.loads(file.read_text())
    except (FileNotFoundError, ValueError):
        return {}
    return {name: pid for name, pid in pids.items() if Path(f"/proc/{pid}").exists()}
