"""Any other source: a channel is a YAML file that says how to verify, what to read and what to answer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.registry import Connector

if TYPE_CHECKING:
    import typer
    from aiohttp import web

    from ticketing import Outlet


def _routes(app: web.Application) -> None:
    from connectors.generic import webhook

    _prepare()
    webhook.routes(app)


def _outlets() -> list[Outlet]:
    from connectors.generic import outlets

    return outlets.outlets()


def _prepare() -> None:
    from connectors.generic import media  # noqa: F401  # importing registers its handler


def _commands() -> typer.Typer:
    from connectors.generic import commands

    return commands.commands


connector = Connector(
    name="generic",
    title=("其他渠道", "Other channels"),
    routes=_routes,
    outlets=_outlets,
    prepare=_prepare,
    commands=_commands,
    command_group="channels",
)
