"""Public pages: report a fault, follow a ticket, the widget for other sites, labels for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.registry import Connector

if TYPE_CHECKING:
    import typer
    from aiohttp import web


def _routes(app: web.Application) -> None:
    from connectors.webform import labels, pages, report, track

    report.routes(app)
    track.routes(app)
    labels.routes(app)
    app.router.add_get("/form-static/{name}", pages.static)
    app.router.add_get("/widget.js", pages.static)


def _commands() -> typer.Typer:
    from connectors.webform import commands

    return commands.commands


connector = Connector(name="webform", title=("网页表单", "Web form"), routes=_routes, commands=_commands)
