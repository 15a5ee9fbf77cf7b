"""Files that a provider's message points to, fetched by the channel's own steps, from its own hosts only."""

from __future__ import annotations

import base64
import json
from typing import Any

import requests

from connectors.generic import expression
from connectors.generic.definition import Definition, FetchStep, Media, definitions
from connectors.generic.mapping import MEDIA, holds
from connectors.generic.provider import ProviderUnreachable, address, check_host
from connectors.generic.settings import GenericSettings
from connectors.generic.tokens import secrets_for, with_token
from connectors.media import Fetched, finish, missing
from core import db, outbox, settings
from core.errors import TooLarge
from intake import Message, MessageRow, message_of


@outbox.handler(MEDIA, queue="bulk", lease=180, attempts=5, last_resort=missing)
def fetch(promise: outbox.Promise) -> outbox.Effect | None:
    """Fetches what the message points to; what the channel cannot fetch stays a pointer."""
    with db.read() as session:
        message = message_of(session.get_one(MessageRow, promise.payload["message"]))
    definition = definitions().get(message.channel)
    if definition is None:
        return None
    found: dict[int, Fetched] = {}
    for number, attachment in enumerate(message.attachments):
        how = _how(definition, message, attachment.remote)
        if attachment.remote and not attachment.blob and how is not None and how.fetch:
            found[number] = _fetch(definition, how, message, attachment.remote)
    return finish(promise.payload["message"], message, found)


def _how(definition: Definition, message: Message, remote: str) -> Media | None:
    """The description by which this attachment was found."""
    item = message.extra.get("item")
    for mapped in definition.messages:
        for media in mapped.media:
            elements = expression.value(media.each, {"item": item, "body": item})
            for element in elements if isinstance(elements, list) else [elements]:
                scope = {"item": element, "up": item}
                if element is not None and holds(media.when, scope) and expression.text(media.id, scope) == remote:
                    return media
    return None


def _fetch(definition: Definition, how: Media, message: Message, remote: str) -> Fetched:
    scope: dict[str, Any] = {
        "item": {"id": remote},
        "up": message.extra.get("item"),
        "secret": secrets_for(definition, how),
    }
    stale = {str(one) for one in how.stale}
    content, type_ = b"", ""
    for step in how.fetch:
        status, content, type_ = _get(step, scope, how.hosts)
        token = definition.token
        if token is not None and _refusal(step, content) in stale:
            scope["secret"] = with_token(definition, scope["secret"].get(token.name, ""))
            status, content, type_ = _get(step, scope, how.hosts)
        refusal = _refusal(step, content)
        if status != 200 or refusal:
            raise ProviderUnreachable(f"The provider answered {status} {refusal[:40]}".strip() + ".")
        if step.take:
            scope["item"] = {"id": remote, "given": expression.text(step.take, {"item": _json(content)})}
    return Fetched(content=content, type=type_)


def _refusal(step: FetchStep, content: bytes) -> str:
    """The number with which a JSON answer refuses; "" if it does not, or is a file."""
    if not step.error or content.lstrip()[:1] != b"{":
        return ""
    number = expression.text(step.error, {"item": _json(content)})
    return "" if number == "0" else number


def _get(step: FetchStep, scope: dict[str, Any], hosts: list[str]) -> tuple[int, bytes, str]:
    """Status, content and type of the answer."""
    url = address(step.url, scope)
    check_host(url, hosts)
    headers = {name: expression.fill(value, scope) for name, value in step.headers.items()}
    if step.basic:
        headers["Authorization"] = f"Basic {base64.b64encode(expression.fill(step.basic, scope).encode()).decode()}"
    config = settings.get(GenericSettings)
    try:
        with requests.get(url, headers=headers, timeout=config.timeout, stream=True, allow_redirects=False) as answer:
            content = bytearray()
            for chunk in answer.iter_content(65536):
                content += chunk
                if len(content) > config.media_limit:
                    raise TooLarge(f"A file may have {config.media_limit} bytes.")
            return answer.status_code, bytes(content), answer.headers.get("Content-Type", "")
    except requests.RequestException as error:
        raise ProviderUnreachable(f"The provider cannot be reached ({type(error).__name__}).") from None


def _json(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None
