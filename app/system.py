"""The whole system on one machine: which processes there are, and getting the ground ready for them."""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from pathlib import Path

import redis

from app.migrate import upgrade
from app.supervisor import Child, Supervisor, hotline
from core import settings
from core.outbox import QUEUES
from core.redis import server_command


def make_ready() -> Path:
    """Creates the data directory and brings the database to the newest version; returns the directory."""
    config = settings.get(settings.CoreSettings)
    directory = config.data_dir.absolute()
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    upgrade(config.database)
    return directory


def whole_system() -> Supervisor:
    """A supervisor of all processes; Redis too, unless HOTLINE_REDIS_URL names one."""
    config = settings.get(settings.CoreSettings)
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
        Child(name="asr", command=hotline("asr", "serve")),
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
    return Supervisor(children=children, environment=environment)


def wait_for_redis(seconds: float = 10.0) -> None:
    """Returns when Redis answers; raises redis.RedisError after the time."""
    deadline = time.monotonic() + seconds
    link = redis.Redis.from_url(settings.get(settings.CoreSettings).redis)
    with contextlib.closing(link):
        while True:
            try:
                link.ping()
                return
            except redis.RedisError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
