"""Rendering: one Jinja environment with escaping on, and headers that let a page do only what it is for."""

from __future__ import annotations

import re
from functools import cache, partial
from importlib.resources import files
from typing import Any
from urllib.parse import urlsplit

import jinja2
from aiohttp import web

from connectors.webform.settings import WebFormSettings
from connectors.webform.words import word
from core import settings

STATIC = {
    "form.css": "text/css",
    "form.js": "text/javascript",
    "widget.js": "text/javascript",
    "map.css": "text/css",  # these two are made with the console (console/map)
    "map.js": "text/javascript",
}


_HOST = re.compile(r"(\{s\}\.)?[A-Za-z0-9.-]+(:\d{1,5})?")


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.PackageLoader("connectors.webform"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def language(request: web.Request) -> str:
    """zh unless the reader asks for en, by ``?lang=en`` or by the browser's first language."""
    asked = request.query.get("lang", "")
    if asked in ("zh", "en"):
        return asked
    first = request.headers.get("Accept-Language", "").partition(",")[0].lower()
    if not first or first.startswith(("zh", "*")):
        return "zh"
    return "en"


def page(request: web.Request, template: str, *, status: int = 200, **values: Any) -> web.Response:
    """An HTML answer."""
    config = settings.get(WebFormSettings)
    lang = language(request)
    body = (
        _environment()
        .get_template(template)
        .render(
            lang=lang,
            t=partial(word, lang),
            company=config.company,
            hotline=config.hotline,
            embedded="embed" in request.query,
            other={"zh": "en", "en": "zh"}[lang],
            **values,
        )
    )
    response = web.Response(text=body, content_type="text/html", status=status)
    tiles = f" {origin}" if (origin := tile_origin(config.map_tiles)) else ""
    ancestors = " ".join(o for o in config.embed_origins.split() if o.startswith(("https://", "http://"))) or "'none'"
    response.headers.update(
        {
            "Content-Security-Policy": (
                f"default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:{tiles}; form-action 'self'; "
                f"base-uri 'none'; frame-ancestors {ancestors}"
            ),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
    )
    return response


def tile_origin(tiles: str) -> str:
    """Where the map's pictures come from, as a Content-Security-Policy names it; "" if there is no map."""
    parts = urlsplit(tiles)
    if parts.scheme not in ("http", "https") or not _HOST.fullmatch(parts.netloc):
        return ""
    return f"{parts.scheme}://{parts.netloc.replace('{s}', '*')}"


def with_map() -> bool:
    """Whether the form shows a map: tiles are set, and the script was built."""
    return bool(tile_origin(settings.get(WebFormSettings).map_tiles)) and _there("map.js")


async def static(request: web.Request) -> web.Response:
    """The pages' style and script."""
    name = request.match_info.get("name", "widget.js")
    if name not in STATIC or not _there(name):
        raise web.HTTPNotFound
    return web.Response(
        text=_static(name),
        content_type=STATIC[name],
        headers={
            "Cache-Control": "public, max-age=3600",
            "X-Content-Type-Options": "nosniff",
            "Cross-Origin-Resource-Policy": "cross-origin",
        },
    )


@cache
def _there(name: str) -> bool:
    return (files("connectors.webform") / "static" / name).is_file()


@cache
def _static(name: str) -> str:
    return (files("connectors.webform") / "static" / name).read_text("utf-8")
