"""Rendering: one Jinja environment with escaping on, and headers that let a page do only what it is for."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import jinja2
from aiohttp import web

from connectors.webform.settings import WebFormSettings
from connectors.webform.words import word
from core import settings

STATIC = {"form.css": "text/css", "form.js": "text/javascript", "widget.js": "text/javascript"}


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
    ancestors = " ".join(o for o in config.embed_origins.split() if o.startswith(("https://", "http://"))) or "'none'"
    response.headers.update(
        {
            "Content-Security-Policy": (
                "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; form-action 'self'; "
                f"base-uri 'none'; frame-ancestors {ancestors}"
            ),
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "Cache-Control": "no-store",
        }
    )
    return response


async def static(request: web.Request) -> web.Response:
    """The pages' style and script."""
    name = request.match_info.get("name", "widget.js")
    if name not in STATIC:
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
def _static(name: str) -> str:
    from importlib.resources import files

    return (files("connectors.webform") / "static" / name).read_text("utf-8")
