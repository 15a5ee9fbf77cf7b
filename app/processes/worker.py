"""``hotline worker``: keeps promises of one queue, in a long-lived process without forks.

One queue a worker: a worker that listens on two can lose a job that it had just taken when it is killed.
"""

from __future__ import annotations

import logging

from rq import Queue
from rq.worker import SimpleWorker

from app import wiring
from core import db, log
from core.redis import connection
from intake.understand import warm_up

logger = log.get(__name__)


def run(queue: str) -> None:
    """Works until SIGTERM; finishes the job in hand first."""
    wiring.prepare()
    if queue == "understand":
        warm_up()
    logging.getLogger("rq.worker").setLevel(logging.WARNING)
    link = connection()
    worker = SimpleWorker([Queue(queue, connection=link)], connection=link, maintenance_interval=15)
    worker.log_result_lifespan = False
    try:
        worker.work(logging_level="WARNING", with_scheduler=False)
    finally:
        db.shut_down()
