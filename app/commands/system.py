"""Commands that run the system: all of it, or one of its processes."""

from __future__ import annotations

import signal
from collections.abc import Callable
from typing import Annotated

import typer

from core.errors import InvalidInput


def command(name: str) -> Callable[..., None]:
    return {c.__name__: c for c in (up, status, web, voice, worker, relay, demo)}[name]


def up() -> None:
    """Run the whole system on this machine until Ctrl-C."""
    from app import system

    supervisor = system.whole_system()
    print("\n".join(system.greeting()))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: supervisor.stop())
    supervisor.start()
    supervisor.watch()


def status() -> None:
    """Say which processes of `hotline up` run here; exit code 1 if none does."""
    from app import system

    pids = system.running()
    for name, pid in pids.items():
        print(f"{name:20} {pid}")
    if not pids:
        print("hotline up does not run with this data directory")
        raise typer.Exit(1)


def web() -> None:
    """Serve the API, the live feed, callbacks, forms and the console."""
    from app.processes.serving import run_until_stopped
    from app.web import serve

    run_until_stopped(serve)


def mail() -> None:
    """Take in mail: SMTP server and IMAP mailboxes."""
    _connectors("mail")


def voice() -> None:
    """Take calls: SIP, RTP, recordings."""
    _connectors("voice")


def _connectors(process: str) -> None:
    from app import wiring
    from app.processes.serving import run_until_stopped, services_of

    wiring.prepare()
    run_until_stopped(*services_of(process))


def worker(queue: Annotated[str, typer.Argument(help="One of understand, promises, outbound, bulk.")]) -> None:
    """Keep promises of one queue."""
    from core.outbox import QUEUES

    if queue not in QUEUES:
        raise InvalidInput(f"There is no queue {queue}; there are {', '.join(QUEUES)}.")
    from app.processes.worker import run

    run(queue)


def relay() -> None:
    """Hand due promises to the workers and take lost ones back."""
    from app.processes.relay import run

    run()


def demo(
    stay: Annotated[bool, typer.Option(help="Keep the console open afterwards.")] = True,
) -> None:
    """Send real requests through the real entrances and show what becomes of them."""
    from app.demo.play import play

    raise typer.Exit(play(stay=stay))
