"""Where a provider may be called, and what is said when it cannot be."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from urllib3.exceptions import LocationParseError
from urllib3.util import parse_url

from connectors.generic import expression
from core.errors import Forbidden, HotlineError

_AMBIGUOUS = re.compile(r"[\\\s\x00-\x1f\x7f]")


class ProviderUnreachable(HotlineError):
    """The provider did not answer."""

    code = "provider_unreachable"
    retryable = True


def address(template: str, scope: dict[str, Any]) -> str:
    """A URL whose filled-in parts cannot leave their place; a template that is one place alone is the whole address.
    Raises Forbidden for a part with ``..`` in it."""
    alone = expression.PLACE.fullmatch(template)
    if alone:
        return expression.fill(template, scope)

    def quoted(place: re.Match[str]) -> str:
        part = quote(expression.text_of(expression.value(place[1], scope)), safe="/:-._~")
        if {"..", "."} & set(part.split("/")):
            raise Forbidden("A part of the address leads elsewhere.")
        return part

    return expression.PLACE.sub(quoted, template)


def check_host(url: str, hosts: list[str]) -> None:
    """Raises Forbidden unless the address is https at one of the hosts (or below it). It is read as the client reads it that will
    connect, and what two readers could understand differently (a backslash, a user before the host) is refused."""
    try:
        parts = parse_url(url)
    except LocationParseError:
        raise Forbidden("The address is none.") from None
    host, port = (parts.host or "").lower(), parts.port
    if parts.auth is not None or _AMBIGUOUS.search(url):
        raise Forbidden("The address is ambiguous.", host=host[:100])
    allowed = any(host == one or host.endswith(f".{one}") for one in hosts if ":" not in one)
    local = any(
        f"{host}:{port}" == one for one in hosts
    )  # a host with a port is meant exactly, with http too (tests, LAN)
    if not local and not (allowed and parts.scheme == "https" and port in (None, 443)):
        raise Forbidden("The channel's definition allows no address like this.", host=host[:100])
