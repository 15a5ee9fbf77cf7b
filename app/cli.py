"""``hotline``: the command line. Each group of commands has a file in ``app/commands``."""

from __future__ import annotations

import os
import sys

import typer

from app.commands import config, database, outbox, rooms, system, users
from core import log
from core.errors import HotlineError

app = typer.Typer(
    name="hotline",
    help="Self-hosted after-sales contact centre: from a customer's words to a settled, punctual visit.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
system.add_to(app)
rooms.add_to(app)
app.add_typer(config.app, name="config")
app.add_typer(database.app, name="db")
app.add_typer(users.app, name="user")
app.add_typer(outbox.app, name="outbox")


@app.callback()
def prepare() -> None:
    log.configure(os.environ.get("HOTLINE_PROCESS", "hotline"))


def main() -> None:
    """Runs a command; an error of ours is one line on standard error and exit code 1."""
    try:
        app()
    except HotlineError as error:
        details = "".join(f"\n  {name}: {value}" for name, value in error.details.items())
        print(f"hotline: {error.message}{details}", file=sys.stderr)
        sys.exit(1)


if __name__ == "__main__":
    main()
