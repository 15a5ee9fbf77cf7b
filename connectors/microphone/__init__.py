"""The counter desk: what a customer says at the desk is recognised from a microphone and becomes a draft."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.registry import Connector

if TYPE_CHECKING:
    import typer


def _commands() -> typer.Typer:
    from connectors.microphone import commands

    return commands.commands


connector = Connector(
    name="microphone", title=("柜台话筒", "Counter microphone"), commands=_commands, command_group="asr"
)
