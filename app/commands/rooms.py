"""Commands of the rooms below: recognising, understanding, and each connector's own."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from app.commands import corrections, transcribing
from app.commands.system import mail
from asr import commands as asr_commands
from connectors.registry import all_connectors
from core import clock, settings
from core.errors import InvalidInput
from nlu import Context, Turn
from nlu import commands as nlu_commands

PROCESSES = {"mail": mail}


def add_to(app: typer.Typer) -> None:
    app.add_typer(asr_commands.models_app, name="models")
    app.command()(transcribing.transcribe)
    app.command()(understand)
    corrections.add_to(nlu_commands.app)
    app.add_typer(nlu_commands.app, name="nlu")
    channels = typer.Typer(help="Channels: list them, try a mapping.", no_args_is_help=True)
    channels.command(name="list")(list_channels)
    groups = {"asr": asr_commands.app, "channels": channels}
    for connector in all_connectors().values():
        if connector.commands is not None:
            _gather(groups, connector.commands(), connector.name)
    for name, group in groups.items():
        app.add_typer(group, name=name)


def _gather(groups: dict[str, typer.Typer], group: typer.Typer, otherwise: str) -> None:
    """A connector's group keeps its name; commands of one that is there already join it. A group that is called like a
    process runs the process when no subcommand is named."""
    name = group.info.name if isinstance(group.info.name, str) else otherwise
    if name in groups:
        groups[name].registered_commands.extend(group.registered_commands)
        return
    groups[name] = group
    run = PROCESSES.get(name)
    if run is not None:
        group.info.no_args_is_help = False

        @group.callback(invoke_without_command=True)
        def process(context: typer.Context) -> None:
            if context.invoked_subcommand is None:
                run()


def understand(
    text: Annotated[str, typer.Argument(help="What the customer said or wrote; - reads standard input.")],
    channel: Annotated[str, typer.Option(help="How it is written: call, wechat, email or form.")] = "form",
) -> None:
    """Print what a text means: intents, urgency, fields with their places, as JSON."""
    import nlu

    if channel not in ("call", "wechat", "email", "form"):
        raise InvalidInput("A channel's style is call, wechat, email or form.")
    config = settings.get(settings.CoreSettings)
    content = sys.stdin.read() if text == "-" else text
    understanding = nlu.load().understand(
        [Turn(text=content, channel=channel)],  # type: ignore[arg-type]  # checked above
        Context(now=clock.now(), zone=config.zone, region=config.region),
    )
    print(json.dumps(understanding.as_json(), ensure_ascii=False, indent=2, default=str))


def list_channels() -> None:
    """List the channels and outside systems."""
    for connector in all_connectors().values():
        print(f"{connector.name:12} {' / '.join(connector.title)}")
