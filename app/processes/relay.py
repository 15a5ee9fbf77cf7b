"""``hotline relay``: hands due promises to the workers, takes lost ones back, ends sessions whose process died."""

from __future__ import annotations

import signal
import threading
from datetime import timedelta

from app import wiring
from core import db, log
from core.relay import Relay
from intake import end_orphans, retention

logger = log.get(__name__)
SILENT_FOR = timedelta(seconds=15)


def run() -> None:
    """Runs until SIGTERM or SIGINT."""
    wiring.prepare()
    relay = Relay()
    sweeping = threading.Thread(target=_sweep_sessions, args=(relay.stopping,), name="sessions", daemon=True)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: relay.stop())
    sweeping.start()
    try:
        relay.run()
    finally:
        sweeping.join(timeout=5)
        db.shut_down()


def _sweep_sessions(stopping: threading.Event) -> None:
    begun = False
    while not stopping.wait(3.0):
        try:
            if not begun:
                retention.begin()
                begun = True
            end_orphans(SILENT_FOR)
        except Exception:
            logger.exception("sessions could not be swept")
