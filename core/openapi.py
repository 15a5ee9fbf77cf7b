"""The description of the API, made from the views' annotations: OpenAPI 3.1."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from aiohttp import web
from aiohttp_pydantic.oas.pydantic_schema_to_oas import add_or_replace_translater
from aiohttp_pydantic.oas.view import generate_oas

SECURITY = {
    "session": {"type": "apiKey", "in": "cookie", "name": "hotline_session"},
    "key": {"type": "http", "scheme": "bearer"},
}


def describe(apps: Sequence[web.Application], *, title: str, version: str) -> dict[str, Any]:
    """The OpenAPI document of the views in these applications.

    Pydantic's schemas are those of OpenAPI 3.1 as they are. The library would rewrite them for 3.0, where it fails on an
    optional model, so it is told to leave them.
    """
    add_or_replace_translater("3.0.0", lambda schema: None)
    document: dict[str, Any] = generate_oas(
        list(apps), version_spec=version, title_spec=title, security={name: dict(way) for name, way in SECURITY.items()}
    )
    document["openapi"] = "3.1.0"
    document["security"] = [{name: []} for name in SECURITY]
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            operation["operationId"] = _name(method, path)
            if "requestBody" in operation:
                operation["requestBody"]["required"] = True
            for code, response in operation.get("responses", {}).items():
                response.setdefault("description", "Refused; see the schema." if code >= "400" else "Done.")
    return document


def _name(method: str, path: str) -> str:
    words = [word.strip("{}") for word in path.replace("-", "/").split("/") if word and word not in ("api", "v1")]
    return "_".join([method, *words])
