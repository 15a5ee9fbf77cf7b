"""A request as checks and mappings see it: bytes read into a body of plain values, with query, headers and secrets."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from connectors import xml
from connectors.generic import verification
from connectors.generic.definition import Definition
from core.errors import Malformed
from core.http import deeper_than

DEPTH = 40
INPUTS = 500


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """What came. ``url`` is the address as the provider called it."""

    raw: bytes
    method: str = "POST"
    query: Mapping[str, str]
    headers: Mapping[str, str]
    url: str = ""
    address: str = ""

    def scope(self, definition: Definition, secrets: Mapping[str, str]) -> dict[str, Any]:
        """Where expressions look, before anything is verified: the body is left out until it is read."""
        return {
            "query": dict(self.query),
            "header": {name.lower(): value for name, value in self.headers.items()},
            "secret": {**definition.keep, **secrets},
            "request": {"url": self.url, "params": ""},
            "body": None,
            "item": None,
        }


def read_body(definition: Definition, arrival: Arrival, secrets: Mapping[str, str]) -> Any:
    """The body as plain values. Raises Malformed."""
    if not arrival.raw and arrival.method == "GET":
        return None
    content = _read(definition.body, arrival.raw)
    if definition.decrypt is not None:
        opened = verification.decrypt(definition.decrypt, content, secrets)
        if opened is not None:
            content = _read(definition.body, opened)
    return content


def _read(kind: str, raw: bytes) -> Any:
    if kind == "xml":
        return xml.read(raw)
    if kind == "form":
        try:
            return dict(parse_qsl(raw.decode(), keep_blank_values=True, max_num_fields=INPUTS, strict_parsing=True))
        except ValueError:
            raise Malformed("The body is not a well-formed form.") from None
    try:
        content = json.loads(raw)
    except (ValueError, RecursionError):
        raise Malformed("The body is not well-formed JSON.") from None
    if deeper_than(content, DEPTH):
        raise Malformed(f"JSON may nest {DEPTH} levels here.")
    return content


def sorted_parameters(body: Any) -> str:
    """Names and values of a form joined in the names' order, as Twilio and several shops sign them."""
    if not isinstance(body, dict):
        return ""
    return "".join(
        f"{name}{value}" for name, value in sorted(body.items()) if name != "sign" and isinstance(value, str)
    )
