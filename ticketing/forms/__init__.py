"""Forms: which fields a service type asks for, in which order, with which labels. One YAML file a service type.

Field names are those of nlu's labelling guidelines; ``required`` ones are asked for when they are missing.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from core.errors import NotFound


@dataclass(frozen=True, kw_only=True)
class FormField:
    """One input. ``label``: language to text. ``type``: text, multiline, phone, address, time or choice."""

    name: str
    label: dict[str, str]
    type: str = "text"
    required: bool = False
    options: tuple[dict[str, str], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Form:
    """A service type's form. ``public``: customers may open it themselves."""

    service: str
    title: dict[str, str]
    fields: tuple[FormField, ...]
    public: bool = True


@cache
def _all() -> dict[str, Form]:
    found: dict[str, Form] = {}
    for file in sorted(files(__name__).iterdir(), key=lambda f: f.name):
        if file.name.endswith(".yaml"):
            form = _form(yaml.safe_load(file.read_text("utf-8")))
            found[form.service] = form
    return found


def _form(content: dict[str, Any]) -> Form:
    fields = tuple(FormField(**{**f, "options": tuple(f.get("options", ()))}) for f in content.pop("fields"))
    return Form(fields=fields, **content)


def services() -> list[str]:
    """The service types that have a form."""
    return list(_all())


def form(service: str) -> Form:
    """Raises NotFound."""
    try:
        return _all()[service]
    except KeyError:
        raise NotFound(f"There is no form for the service {service}.") from None


def required(service: str) -> list[str]:
    """Names of the fields that the service needs; empty for an unknown one."""
    return [f.name for f in _all()[service].fields if f.required] if service in _all() else []
