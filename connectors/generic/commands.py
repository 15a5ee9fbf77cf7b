"""``hotline channels``: what channels there are, and what one makes of a body."""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qsl

import typer

from connectors.generic import pages as documentation
from connectors.generic.arrival import Arrival
from connectors.generic.definition import definitions, is_open, read, shipped
from connectors.generic.mapping import messages
from connectors.generic.webhook import open_arrival
from core.errors import HotlineError
from intake import Message

commands = typer.Typer(name="channels", help="Channels described by a YAML file.", no_args_is_help=True)


@commands.command("mappings")
def list_channels() -> None:
    """Every channel that a YAML file describes, and whether it is open."""
    for name, definition in definitions().items():
        typer.echo(
            f"{name:20} {'open' if is_open(definition) else '-':5} {definition.title['zh']} · {definition.title['en']}"
        )


@commands.command("try")
def try_channel(
    file: Annotated[Path, typer.Argument(help="The channel's YAML file, or the name of a shipped one.")],
    body: Annotated[Path, typer.Argument(help="A body as the provider sends it; - for standard input.")],
    header: Annotated[list[str] | None, typer.Option(help="A header the mapping looks at, as Name: value.")] = None,
    query: Annotated[str, typer.Option(help="The query, as a=1&b=2.")] = "",
    secret: Annotated[
        list[str] | None, typer.Option(help="A secret, as name=value; only decryption needs one.")
    ] = None,
) -> None:
    """Show the messages that would result; nothing is verified or kept."""
    try:
        known = shipped().get(str(file))
        definition = known or read(file.read_text("utf-8"), file.name)
        arrival = Arrival(
            raw=sys.stdin.buffer.read() if str(body) == "-" else body.read_bytes(),
            query=dict(parse_qsl(query)),
            headers={name.strip(): value.strip() for name, _, value in (one.partition(":") for one in header or [])},
        )
        secrets = dict(one.split("=", 1) for one in secret or [] if "=" in one)
        scope, shaken = open_arrival(definition, arrival, secrets, verified=True)
        found = [] if shaken else messages(definition, scope)
    except (HotlineError, OSError) as error:
        typer.echo(f"{type(error).__name__}: {error}", err=True)
        raise typer.Exit(1) from None
    if shaken is not None:
        typer.echo("a handshake: answered, no message", err=True)
    elif not found:
        typer.echo("nothing to keep: the definition skips this body", err=True)
    typer.echo(json.dumps([shown(message) for message in found], ensure_ascii=False, indent=2))


@commands.command("pages")
def write_pages(
    folder: Annotated[Path, typer.Argument(help="Where the pages are written.")] = Path("docs/channels/generic"),
) -> None:
    """Write the documentation pages of the shipped channels."""
    written = documentation.write(dict(shipped()), folder)
    typer.echo(f"{len(written)} pages in {folder}")


def shown(message: Message) -> dict[str, object]:
    """A message without what is empty."""
    content = dataclasses.asdict(message)
    content["sent_at"] = message.sent_at.isoformat()
    del content["extra"]
    return {name: value for name, value in content.items() if value not in ("", (), {}, None, [])}
