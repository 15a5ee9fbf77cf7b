"""What the asynchronous processes share: run until SIGTERM or SIGINT, then stop cleanly."""

from __future__ import annotations

import asyncio
import contextlib
import signal
from collections.abc import Awaitable, Callable

from connectors.registry import all_connectors
from core import db, log
from core.errors import HotlineError

logger = log.get(__name__)


def run_until_stopped(*services: Callable[[], Awaitable[None]]) -> None:
    """Runs the services together; ends when a signal says so, or with the first one that fails."""
    try:
        asyncio.run(_run(services))
    finally:
        db.shut_down()


async def _run(services: tuple[Callable[[], Awaitable[None]], ...]) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    tasks = [asyncio.ensure_future(service()) for service in services]
    waiting = asyncio.ensure_future(stop.wait())
    done, _ = await asyncio.wait({*tasks, waiting}, return_when=asyncio.FIRST_COMPLETED)
    for task in (*tasks, waiting):
        task.cancel()
    for task in tasks:
        with contextlib.suppress(asyncio.CancelledError):
            await task
    if waiting not in done and not any(task in done for task in tasks):
        raise HotlineError("a service ended by itself")


def services_of(process: str) -> list[Callable[[], Awaitable[None]]]:
    """What the connectors want to run in this process."""
    return [c.serve[process] for c in all_connectors().values() if process in c.serve]
