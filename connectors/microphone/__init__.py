"""The counter desk: what a customer says at the desk is recognised from a microphone and becomes a draft."""

from __future__ import annotations

import typer

from connectors.registry import Connector


def _commands() -> typer.Typer:
    from connectors.microphone import commands

    return commands.commands


connector = Connector(name="microphone", title=("柜台话筒", "Counter microphone"), commands=_commands)
