"""Tokens of providers that live shortly, by the ``token`` part of a channel's definition."""

from __future__ import annotations

import json
from typing import Any

import requests

from connectors.access_token import TokenCache
from connectors.generic import expression
from connectors.generic.definition import Definition, Part, Token, secrets_of
from connectors.generic.provider import ProviderUnreachable, address, check_host
from connectors.generic.settings import GenericSettings
from connectors.generic.webhook import filled
from core import settings
from core.errors import Unavailable

_caches: dict[str, TokenCache] = {}


def lasting(definition: Definition) -> dict[str, str]:
    """The channel's settings and secrets as they are set."""
    return {**definition.keep, **secrets_of(definition)}


def secrets_for(definition: Definition, part: Part) -> dict[str, str]:
    """What ``{secret.x}`` stands for in this part of the definition; a token is fetched only where the part names it."""
    token = definition.token
    named = token is not None and f"secret.{token.name}}}" in json.dumps(part.model_dump(mode="json"))
    return with_token(definition) if named else lasting(definition)


def with_token(definition: Definition, refused: str = "") -> dict[str, str]:
    """What ``{secret.x}`` stands for, with a token that is alive if the channel has such; ``refused``: the one that the
    provider has just called ended. Raises Unavailable, ProviderUnreachable, Forbidden."""
    known = lasting(definition)
    token = definition.token
    if token is None or not all(known.get(name) for name in token.needs):
        return known
    name = "|".join([definition.channel, token.url, *(known[need] for need in token.needs)])
    cache = _caches.setdefault(name, TokenCache(name, lambda: _fetch(token, known)))
    return {**known, token.name: cache.token(refused)}


def _fetch(token: Token, known: dict[str, str]) -> tuple[str, int]:
    scope: dict[str, Any] = {"item": {}, "secret": known}
    url = address(token.url, scope)
    check_host(url, token.hosts)
    body = json.dumps(filled(token.json_, scope)).encode() if token.json_ is not None else None
    headers = {"Content-Type": "application/json; charset=utf-8"} if body else {}
    try:
        answer = requests.request(
            token.method,
            url,
            data=body,
            headers=headers,
            timeout=settings.get(GenericSettings).timeout,
            allow_redirects=False,
        )
    except requests.RequestException as error:
        raise ProviderUnreachable(f"The provider cannot be reached ({type(error).__name__}).") from None
    try:
        content = answer.json()
    except ValueError:
        raise ProviderUnreachable(f"The provider answered {answer.status_code} where its token was expected.") from None
    given = expression.text(token.take, {"item": content})
    refused = expression.text(token.error, {"item": content}) if token.error else ""
    if answer.status_code >= 300 or refused not in ("", "0") or not given:
        raise Unavailable(f"The provider gave no token: {answer.status_code} {refused[:80]}".strip())
    seconds = expression.text(token.lives, {"item": content})
    return given, int(seconds) if seconds.isdigit() else 600
