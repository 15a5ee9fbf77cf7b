"""``/hooks/NAME``: verified, read, taken in, answered. No network is touched before the answer."""

from __future__ import annotations

import asyncio
from typing import Any

from aiohttp import web

from connectors.generic import expression, mapping, verification
from connectors.generic.arrival import Arrival, read_body, sorted_parameters
from connectors.generic.definition import Answer, Definition, find, secrets_of
from core import log, settings
from core.errors import Malformed
from core.http import answer as json_answer
from core.http import client_address, read_bytes
from intake import accept

logger = log.get(__name__)


def routes(app: web.Application) -> None:
    app.router.add_route("GET", "/hooks/{channel}", receive)
    app.router.add_post("/hooks/{channel}", receive)


async def receive(request: web.Request) -> web.StreamResponse:
    """One delivery of a provider."""
    definition = find(request.match_info["channel"])
    arrival = Arrival(
        raw=await read_bytes(request, definition.limit),
        method=request.method,
        query=dict(request.query),
        headers=dict(request.headers),
        url=_url(request),
        address=client_address(request),
    )
    scope, shaken = open_arrival(definition, arrival, secrets_of(definition))
    if shaken is not None:
        return _answer(shaken, scope)
    if request.method != "POST":
        raise web.HTTPMethodNotAllowed(request.method, ["POST"])
    await asyncio.gather(*(accept(message) for message in mapping.messages(definition, scope)))
    return _answer(definition.answer, scope)


def open_arrival(
    definition: Definition, arrival: Arrival, secrets: dict[str, str], *, verified: bool = False
) -> tuple[dict[str, Any], Answer | None]:
    """The scope with the body read, after every check held; and the answer to a handshake, if it is one. ``verified`` skips
    the checks (trying a file by hand). Raises Forbidden, Malformed."""
    scope: dict[str, Any] = {**arrival.scope(definition, secrets), "channel": definition.channel}
    unread: Malformed | None = None
    try:
        scope["body"] = scope["item"] = read_body(definition, arrival, secrets)
    except Malformed as error:
        unread = error  # whoever cannot sign does not learn what is wrong with the body
    scope["request"]["params"] = sorted_parameters(scope["body"] if definition.body == "form" else scope["query"])
    for challenge in definition.challenges:
        if challenge.method == arrival.method and unread is None and mapping.holds(challenge.when, scope):
            checks = definition.checks if challenge.checks is None else challenge.checks
            if not verified:
                verification.check(checks, scope, arrival.raw, arrival.address)
            return scope, challenge.answer
    if not verified:
        verification.check(definition.checks, scope, arrival.raw, arrival.address)
    if unread is not None:
        raise unread
    return scope, None


def _answer(how: Answer, scope: dict[str, Any]) -> web.Response:
    if how.json_ is not None:
        return json_answer(filled(how.json_, scope), how.status)
    return web.Response(text=expression.fill(how.text, scope), status=how.status, content_type=how.type)


def filled(pattern: Any, scope: dict[str, Any]) -> Any:
    """A JSON value whose templates are filled; a text that is one place alone keeps the value's own type."""
    if isinstance(pattern, dict):
        return {key: filled(inner, scope) for key, inner in pattern.items()}
    if isinstance(pattern, list):
        return [filled(inner, scope) for inner in pattern]
    if isinstance(pattern, str) and "{" in pattern:
        if pattern.startswith("{") and pattern.endswith("}") and pattern.count("{") == 1:
            return expression.value(pattern[1:-1], scope)
        return expression.fill(pattern, scope)
    return pattern


def _url(request: web.Request) -> str:
    """The address as the provider called it: behind a proxy that is the public one."""
    public = settings.get(settings.CoreSettings).public_url.rstrip("/")
    return f"{public}{request.rel_url}" if public else str(request.url)
