"""``hotline``: the command line. Each group of commands has a file in ``app/commands``, imported when it is asked for."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperGroup

from connectors.registry import all_connectors
from core import log
from core.errors import HotlineError

# Name of a command or group: where it is. What is not asked for is not imported, for a command shall answer at once.
COMMANDS = {
    **dict.fromkeys(("up", "status", "web", "voice", "worker", "relay", "demo"), "app.commands.system"),
    **dict.fromkeys(("speaker", "speak"), "tts.commands"),
    "transcribe": "app.commands.transcribing",
    "understand": "app.commands.understanding",
    "models": "app.commands.rooms",
    "nlu": "app.commands.rooms",
    "asr": "app.commands.rooms",
    "channels": "app.commands.rooms",
    "config": "app.commands.config",
    "db": "app.commands.database",
    "user": "app.commands.users",
    "outbox": "app.commands.outbox",
    "retention": "app.commands.keeping",
    "seal": "app.commands.keeping",
}


class Commands(TyperGroup):
    """The commands of ``COMMANDS`` and the groups that connectors bring."""

    def list_commands(self, ctx: Any) -> list[str]:
        brought = {c.command_group or c.name for c in all_connectors().values() if c.commands is not None}
        return [*COMMANDS, *sorted(brought - COMMANDS.keys())]

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        module = importlib.import_module(COMMANDS.get(cmd_name, "app.commands.rooms"))
        found: typer.Typer | Callable[..., None] | None = module.command(cmd_name)
        if found is None:
            return None
        alone = typer.Typer(add_completion=False)
        alone.callback()(lambda: None)  # makes a group even of one command
        if isinstance(found, typer.Typer):
            alone.add_typer(found, name=cmd_name)
        else:
            alone.command(name=cmd_name)(found)
        return typer.main.get_group(alone).commands[cmd_name]


app = typer.Typer(
    name="hotline",
    cls=Commands,
    help="Self-hosted after-sales contact centre: from a customer's words to a settled, punctual visit.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


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
