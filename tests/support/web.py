"""A connector's routes on a real server, with the program's own limits and error answers."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable

from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from core import http


@contextlib.asynccontextmanager
async def serving(routes: Callable[[web.Application], None]) -> AsyncIterator[TestClient[web.Request, web.Application]]:
    """A client of a server with these routes; closed afterwards."""
    app = http.application()
    routes(app)
    async with TestClient(TestServer(app)) as client:
        yield client
