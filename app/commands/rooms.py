"""The groups of commands that belong to rooms below: recognising, understanding, and each connector's own."""

from __future__ import annotations

import typer

from connectors.registry import all_connectors


def command(name: str) -> typer.Typer | None:
    """The group of this name, with what connectors add to it. A group that is called like a process runs the process when
    no subcommand is named."""
    if name == "models":
        from asr.commands import models_app

        return models_app
    group = _own(name)
    for connector in all_connectors().values():
        if connector.commands is None or name != (connector.command_group or connector.name):
            continue
        brought = connector.commands()
        if group is None:
            group = brought
        else:
            known = group.registered_commands
            known.extend(command for command in brought.registered_commands if command not in known)
    if name == "mail" and group is not None:
        _run_without_subcommand(group)
    return group


def _own(name: str) -> typer.Typer | None:
    if name == "nlu":
        from app.commands import corrections
        from nlu.commands import app

        corrections.add_to(app)
        return app
    if name == "asr":
        from asr.commands import app as recognition

        return recognition
    if name == "channels":
        channels = typer.Typer(help="Channels: list them, try a mapping.", no_args_is_help=True)
        channels.command(name="list")(list_channels)
        return channels
    return None


def _run_without_subcommand(group: typer.Typer) -> None:
    from app.commands.system import mail

    group.info.no_args_is_help = False

    @group.callback(invoke_without_command=True)
    def process(context: typer.Context) -> None:
        if context.invoked_subcommand is None:
            mail()


def list_channels() -> None:
    """List the channels and outside systems."""
    for connector in all_connectors().values():
        print(f"{connector.name:12} {' / '.join(connector.title)}")
