"""What all HTTP entrances share: limits, and errors told as the errors they are.

An error is answered as ``{"error": code, "message": ..., "details": {...}}`` with the status of its class. A request is
bounded in bytes (by the reader), in depth of JSON, and in time.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import BodyPartReader, web
from aiohttp_pydantic import PydanticView
from pydantic import BaseModel, Field, ValidationError, field_validator
from sqlalchemy.orm.exc import StaleDataError

from core import log, metrics, settings
from core.errors import HotlineError, InvalidInput, Malformed, NotFound, TooLarge

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
logger = log.get(__name__)


class HttpSettings(settings.Section, prefix="HTTP"):
    """Limits of every HTTP entrance."""

    body_limit: int = Field(2 * 1024 * 1024, description="Bytes of a request body, where the route allows no more.")
    upload_limit: int = Field(25 * 1024 * 1024, description="Bytes of one uploaded file.")
    trusted_proxies: str = Field(
        "",
        description="Addresses or networks of proxies in front, with commas. Only their X-Forwarded-For tells who asks; "
        "without it all who come through a proxy count as one: in limits of sign-ins and reports, in channels' IP lists.",
    )
    request_seconds: float = Field(60.0, description="s that a request may take from its first byte to its answer.")

    @field_validator("trusted_proxies")
    @classmethod
    def _networks(cls, given: str) -> str:
        for part in filter(None, (part.strip() for part in given.split(","))):
            ipaddress.ip_network(part, strict=False)  # its ValueError becomes a ConfigurationError
        return given


def application() -> web.Application:
    """An application with the shared limits and error answers."""
    config = settings.get(HttpSettings)
    return web.Application(client_max_size=config.body_limit, middlewares=[errors])


@web.middleware
async def errors(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answers errors; never shows a stack trace."""
    try:
        if request.method == "GET" and request.headers.get("Upgrade", "").lower() == "websocket":
            return await handler(request)
        async with asyncio.timeout(settings.get(HttpSettings).request_seconds):
            return await handler(request)
    except HotlineError as error:
        metrics.refused.labels("http", error.code).inc()
        return problem(error.status, error.code, error.message, error.details)
    except web.HTTPException as error:
        if error.status < 400:
            raise
        answered = problem(error.status, error.reason.lower().replace(" ", "_"), error.reason)
        if "Allow" in error.headers:  # RFC 9110 §15.5.6
            answered.headers["Allow"] = error.headers["Allow"]
        return answered
    except ValidationError as error:
        return problem(422, "invalid", "Some values cannot be accepted.", _wrong(error))
    except StaleDataError:
        return problem(409, "conflict", "Somebody else has changed this at the same moment.")
    except (json.JSONDecodeError, RecursionError, UnicodeDecodeError):
        return problem(400, "malformed", "The body is not the JSON this expects.")
    except TimeoutError:
        return problem(408, "too_slow", "The request took too long.")
    except (ConnectionError, asyncio.CancelledError):
        raise
    except Exception:
        logger.exception("a request failed", path=request.match_info.route.name or "unnamed", method=request.method)
        return problem(500, "error", "Something went wrong here; it has been noted.")


def _wrong(error: ValidationError) -> dict[str, Any]:
    """Which value is wrong and why, without repeating it."""
    return {".".join(map(str, e["loc"]))[:200]: e["msg"][:200] for e in error.errors(include_url=False)[:20]}


class View(PydanticView):  # type: ignore[misc]  # the library has no types
    """A resource: its methods' annotations validate the request and describe it in OpenAPI. Base of all rooms' views."""

    async def on_validation_error(self, exception: ValidationError, context: str) -> web.StreamResponse:
        """Refuses in the shared form; an address that cannot be one is an address where nothing is."""
        if context == "path":
            raise NotFound
        raise InvalidInput("Some values cannot be accepted.", where=context, fields=_wrong(exception))


def problem(status: int, code: str, message: str, details: dict[str, Any] | None = None) -> web.Response:
    """The one form of an error's answer."""
    headers = {"Retry-After": "2"} if status in (429, 503) else None
    return web.json_response(
        {"error": code, "message": message, "details": details or {}}, status=status, headers=headers, dumps=dumps
    )


class Problem(BaseModel):
    """The same for the API's description."""

    error: str = Field(
        description="constant word: invalid, malformed, not_signed_in, forbidden, not_found, conflict, ..."
    )
    message: str
    details: dict[str, Any]


def reply(model: BaseModel, status: int = 200) -> web.Response:
    """A model as JSON, never cached; its datetimes are ISO 8601."""
    headers = {"Cache-Control": "no-store"}
    return web.Response(text=model.model_dump_json(), status=status, content_type="application/json", headers=headers)


def answer(content: Any, status: int = 200) -> web.Response:
    """A JSON answer: Chinese stays readable, datetimes are ISO 8601."""
    return web.json_response(content, status=status, dumps=dumps)


def dumps(content: Any) -> str:
    return json.dumps(content, ensure_ascii=False, default=str)


def client_address(request: web.Request) -> str:
    """The network address that asks: the nearest one that is no trusted proxy (X-Forwarded-For is read from its end, for
    what stands before may be invented)."""
    nearest = request.remote or ""
    trusted = [part.strip() for part in settings.get(HttpSettings).trusted_proxies.split(",") if part.strip()]
    if not trusted:
        return nearest
    told = [part.strip() for line in request.headers.getall("X-Forwarded-For", []) for part in line.split(",")]
    while told and _is_one_of(nearest, trusted):
        nearest = told.pop()
    return nearest[:60]


def _is_one_of(address: str, networks: list[str]) -> bool:
    try:
        one = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(one in ipaddress.ip_network(network, strict=False) for network in networks)


async def read_bytes(request: web.Request, limit: int | None = None) -> bytes:
    """The body, however it is sent; raises TooLarge as soon as it is."""
    limit = limit or settings.get(HttpSettings).body_limit
    if request.content_length is not None and request.content_length > limit:
        raise TooLarge(f"A body may have {limit} bytes here.")
    body = bytearray()
    async for chunk in request.content.iter_chunked(65536):
        body += chunk
        if len(body) > limit:
            raise TooLarge(f"A body may have {limit} bytes here.")
    return bytes(body)


async def read_json(request: web.Request, limit: int | None = None, depth: int = 40) -> Any:
    """A JSON body of bounded size and depth; raises Malformed or TooLarge."""
    body = await read_bytes(request, limit)
    try:
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise Malformed("The body is not well-formed JSON.") from None
    if deeper_than(content, depth):
        raise Malformed(f"JSON may nest {depth} levels here.")
    return content


def deeper_than(content: Any, depth: int) -> bool:
    """Whether a JSON value nests deeper than this; itself without recursion."""
    level = [content]
    for _ in range(depth + 1):
        level = [
            child
            for item in level
            if isinstance(item, dict | list)
            for child in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return False
    return True


async def read_part(part: BodyPartReader, limit: int) -> bytes:
    """One part of a multipart body; raises TooLarge as soon as it is."""
    content = bytearray()
    while chunk := await part.read_chunk(65536):
        content += chunk
        if len(content) > limit:
            raise TooLarge(f"A file may have {limit} bytes here.")
    return bytes(content)
