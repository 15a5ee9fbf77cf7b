"""Commands about requests: recognising, understanding, and each connector's own."""

from __future__ import annotations

import json
import sys
from typing import Annotated

import typer

from asr import commands as asr_commands
from connectors.registry import all_connectors
from core import clock, settings
from core.errors import InvalidInput
from nlu import Context, Turn
from nlu import commands as nlu_commands


def add_to(app: typer.Typer) -> None:
    app.add_typer(asr_commands.app, name="asr")
    app.add_typer(asr_commands.models_app, name="models")
    app.command()(asr_commands.transcribe)
    app.command()(understand)
    app.add_typer(nlu_commands.app, name="nlu")
    channels = typer.Typer(help="Channels: list them, try a mapping.", no_args_is_help=True)
    channels.command(name="list")(list_channels)
    app.add_typer(channels, name="channels")
    for connector in all_connectors().values():
        if connector.commands is not None:
            app.add_typer(connector.commands())


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
