"""The web process: API, live feed, callbacks, forms, console, health and metrics."""

from __future__ import annotations

import asyncio
import os
from importlib.resources import files
from pathlib import Path

import redis
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, CollectorRegistry, generate_latest, multiprocess
from pydantic import Field
from sqlalchemy import text

import dispatch.api
import intake.api
import settlement.api
import sla.api
import ticketing
import ticketing.api
from app import wiring
from connectors.registry import all_connectors
from core import db, http, log, settings
from core.openapi import describe
from core.redis import connection
from intake import understand

logger = log.get(__name__)
VERSION = "0.1.0"


class WebSettings(settings.Section, prefix="WEB"):
    """The web process."""

    host: str = Field("127.0.0.1", description="Address to listen on; 0.0.0.0 for all, behind a proxy that speaks TLS.")
    port: int = Field(8400, description="TCP port; 0 takes a free one.")
    console: Path | None = Field(
        None, description="Directory of the built console. Empty: console/dist beside the program."
    )
    drain: float = Field(5.0, description="s given to running requests when the process stops.")


def application() -> web.Application:
    """The whole HTTP surface."""
    app = http.application()
    api = web.Application(middlewares=[http.errors])
    for room in (ticketing.api, intake.api, sla.api, dispatch.api, settlement.api):
        room.routes(api)
    api.router.add_route("*", "/{nothing:.*}", _no_such_path)
    app.add_subapp("/api/v1", api)
    description = describe([api], title="Hotline", version=VERSION)

    async def openapi(_: web.Request) -> web.Response:
        return http.answer(description)

    app.router.add_get("/api/openapi.json", openapi)
    app.router.add_get("/api", _api_page)
    app.router.add_get("/api/", _api_page)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/metrics", metrics)
    settlement.api.public_routes(app)
    for connector in all_connectors().values():
        if connector.routes is not None:
            connector.routes(app)
    _add_console(app)
    return app


async def serve() -> None:
    """Serves until it is cancelled; says on which address."""
    config = settings.get(WebSettings)
    wiring.prepare()
    ticketing.resolve_with(understand.meaning)
    warming = asyncio.create_task(asyncio.to_thread(understand.warm_up))
    app = application()
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=config.drain, handle_signals=False)
    await runner.setup()
    site = web.TCPSite(runner, config.host, config.port, backlog=512)
    await site.start()
    logger.info("web is listening", address=site.name)
    try:
        await asyncio.Event().wait()
    finally:
        await runner.cleanup()
        await warming


async def healthz(_: web.Request) -> web.Response:
    """200 while the database answers; says of Redis too, without which promises wait but nothing is lost."""
    parts: dict[str, str] = {}
    status = 200
    try:
        async with asyncio.timeout(5):
            await db.run(_ask_database)
        parts["database"] = "ok"
    except Exception as error:
        parts["database"] = type(error).__name__
        status = 503
    try:
        async with asyncio.timeout(2):
            await asyncio.to_thread(connection(timeout=1.0).ping)
        parts["redis"] = "ok"
    except (redis.RedisError, TimeoutError) as error:
        parts["redis"] = type(error).__name__
    return http.answer({"status": "ok" if status == 200 else "failing", "version": VERSION, **parts}, status)


def _ask_database() -> None:
    with db.read() as session:
        session.execute(text("SELECT 1"))


async def metrics(_: web.Request) -> web.Response:
    """Prometheus metrics of all processes of this machine."""

    def collect() -> bytes:
        registry = REGISTRY
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            registry = CollectorRegistry()
            multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]  # prometheus_client has no types here
        return generate_latest(registry)

    return web.Response(body=await asyncio.to_thread(collect), headers={"Content-Type": CONTENT_TYPE_LATEST})


async def _no_such_path(_: web.Request) -> web.Response:
    return http.problem(404, "not_found", "The API has no such path; see /api.")


async def _api_page(_: web.Request) -> web.Response:
    page = (files("app") / "pages" / "api.html").read_text("utf-8")
    return web.Response(
        text=page,
        content_type="text/html",
        headers={
            "Content-Security-Policy": "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'unsafe-inline'"
        },
    )


def _add_console(app: web.Application) -> None:
    root = settings.get(WebSettings).console or Path(__file__).parent.parent / "console" / "dist"
    index = root / "index.html"

    async def console(_: web.Request) -> web.StreamResponse:
        if not index.exists():
            return web.Response(status=503, text="The console is not built: run `make console` (needs Node.js 20).\n")
        return web.FileResponse(
            index,
            headers={
                "Cache-Control": "no-cache",
                "X-Frame-Options": "DENY",
                "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; media-src 'self' blob:; "
                "style-src 'self' 'unsafe-inline'; connect-src 'self' ws: wss:",
            },
        )

    async def home(_: web.Request) -> web.StreamResponse:
        raise web.HTTPFound("/console/")

    app.router.add_get("/", home)
    app.router.add_get("/console", home)
    app.router.add_get("/console/", console)
    if (root / "assets").is_dir():
        app.router.add_static("/console/assets", root / "assets")


__all__ = ["WebSettings", "application", "serve"]
