"""Ticketing's part of the HTTP API, one module a resource. ``routes(api)`` also puts the finding of the user before all."""

from __future__ import annotations

from aiohttp import web

from ticketing.access import middleware
from ticketing.api import (
    assets,
    audit,
    customers,
    files,
    forms,
    hold,
    live,
    personal,
    phones,
    review,
    session,
    tickets,
    users,
)

__all__ = ["routes"]


def routes(api: web.Application) -> None:
    """Adds all views and the middleware to the sub-application that is mounted under /api/v1."""
    if middleware not in api.middlewares:
        api.middlewares.append(middleware)
    for resource in (
        session,
        tickets,
        review,
        personal,
        files,
        hold,
        customers,
        assets,
        users,
        audit,
        phones,
        forms,
        live,
    ):
        resource.routes(api)
