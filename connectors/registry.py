"""Which connectors there are. A new channel is a folder and one line in ``BUILT_IN``; a package of somebody else's adds
itself through the entry point group ``hotline.connectors``.

A connector folder's ``__init__.py`` exposes ``connector = Connector(...)``. Everything in it is optional; heavy modules
are imported inside its functions, so that listing connectors stays cheap.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cache
from importlib.metadata import entry_points
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the mail parser's processes import this module and need none of these
    import typer
    from aiohttp import web

    from ticketing import Outlet

BUILT_IN = ("webform", "email", "wechat", "wecom", "sip", "microphone", "generic")


@dataclass(frozen=True, kw_only=True)
class Connector:
    """One channel.

    ``title``: (Chinese, English). ``routes`` adds HTTP routes to the web process's public application.
    ``outlets`` makes the senders of notices. ``serve``, by process name ("mail", "voice"), is run by that process until it
    is cancelled. ``prepare`` is called in every process that keeps promises, to register handlers. ``commands`` is mounted
    in the command line as the group ``command_group``, or else under the connector's name.
    """

    name: str
    title: tuple[str, str]
    routes: Callable[[web.Application], None] | None = None
    outlets: Callable[[], list[Outlet]] | None = None
    serve: dict[str, Callable[[], Awaitable[None]]] = field(default_factory=dict)
    prepare: Callable[[], None] | None = None
    commands: Callable[[], typer.Typer] | None = None
    command_group: str = ""


@cache
def all_connectors() -> dict[str, Connector]:
    """Every connector by name, in order."""
    found: dict[str, Connector] = {}
    for name in BUILT_IN:
        found[name] = importlib.import_module(f"connectors.{name}").connector
    for point in entry_points(group="hotline.connectors"):
        connector: Connector = point.load()
        found[connector.name] = connector
    return found
