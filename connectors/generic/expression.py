"""Small expressions that find values in what came.

``event.message.text``         a path; ``[0]`` an element, ``[*]`` all, ``["odd key"]`` a key with dots
``a.b // c // 'text'``         the first that is not empty
``content | json | .text``     filters from left to right; ``.path`` goes on inside the result
``{a.b}: {c}``                 a template (anything with braces): a line whose places are all empty is left out

A path starts at the item (``item`` is itself); ``body``, ``query``, ``header``, ``secret`` and ``request`` (url, params) start elsewhere, ``up`` is what
holds the item's list.
"""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any

from core.errors import ConfigurationError

Scope = Mapping[str, Any]
_STEP = re.compile(r"""\.?([\w@#$-]+)|\[(\d+)\]|\[(\*)\]|\["([^"]*)"\]""")
PLACE = re.compile(r"\{([^{}]+)\}")
_TAG = re.compile(r"<(?:br|/p|/div|/li)[^>]{0,200}>", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[^>]{0,2000}>")
ROOTS = frozenset({"body", "query", "header", "secret", "up", "request"})


def _json(value: Any) -> Any:
    try:
        return json.loads(value) if isinstance(value, str) else value
    except (ValueError, RecursionError):
        return None


def _html(value: Any) -> str:
    return html.unescape(_ANY_TAG.sub("", _TAG.sub("\n", str(value)))).strip()


def _base64(value: Any) -> str:
    try:
        return base64.b64decode(str(value), validate=True).decode()
    except ValueError:
        return ""


FILTERS: dict[str, Callable[[Any], Any]] = {
    "json": _json,
    "html": _html,
    "base64": _base64,
    "strip": lambda value: str(value).strip(),
    "lower": lambda value: str(value).lower(),
    "digits": lambda value: "".join(c for c in str(value) if c.isascii() and c.isdigit()),
    "without_mention": lambda value: re.sub(r"<@[^>]{1,60}>|@_user_\d+|<at>[^<]{0,60}</at>", "", str(value)).strip(),
    "lines": lambda value: "\n".join(text_of(v) for v in value) if isinstance(value, list) else value,
    "last_path": lambda value: str(value).rstrip("/").rpartition("/")[2],
}


@lru_cache(maxsize=4096)
def steps(path: str) -> tuple[str | int | None, ...]:
    """A path taken apart: keys, indexes, None for ``[*]``. Raises ConfigurationError."""
    found: list[str | int | None] = []
    position = 0
    while position < len(path):
        match = _STEP.match(path, position)
        if match is None:
            raise ConfigurationError(f"{path!r} is no path: unexpected {path[position:]!r}")
        key, index, star, quoted = match.groups()
        found.append(None if star else int(index) if index is not None else quoted if quoted is not None else key)
        position = match.end()
    return tuple(found)


def value(expression: str, scope: Scope) -> Any:
    """What the expression finds; None for nothing."""
    for alternative in _split(expression, "//"):
        found = _piped(alternative, scope)
        if found not in (None, "", [], {}):
            return found
    return None


def text(expression: str, scope: Scope) -> str:
    """The same as text; an expression with braces is a template. An empty expression finds nothing."""
    if not expression:
        return ""
    if "{" not in expression:
        return text_of(value(expression, scope))
    lines: list[str] = []
    for line in expression.split("\n"):
        places = PLACE.findall(line)
        values = [text_of(value(place, scope)) for place in places]
        if places and not any(values):
            continue
        parts = iter(values)
        lines.append(PLACE.sub(lambda _, parts=parts: next(parts), line))  # type: ignore[misc]
    return "\n".join(lines)


def fill(template: str, scope: Scope) -> str:
    """A template with its places filled and nothing else changed: what is signed, addresses, headers."""
    return PLACE.sub(lambda place: text_of(value(place[1], scope)), template)


def text_of(found: Any) -> str:
    """A value as a person reads it."""
    if found is None:
        return ""
    if isinstance(found, bool):
        return "true" if found else "false"
    if isinstance(found, list):
        return "、".join(filter(None, map(text_of, found)))
    if isinstance(found, dict):
        return json.dumps(found, ensure_ascii=False)
    return str(found)


def items(path: str, scope: Scope, limit: int) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    """Each element that the path leads to, with what holds the lists it is in (innermost last); at most ``limit``."""
    yield from islice(_walk(scope.get("body"), steps(path), ()), limit)


def _walk(
    current: Any, path: Sequence[str | int | None], holders: tuple[Any, ...]
) -> Iterator[tuple[Any, tuple[Any, ...]]]:
    holder = current
    for number, step in enumerate(path):
        if step is None:
            for element in current if isinstance(current, list) else [] if current is None else [current]:
                yield from _walk(element, path[number + 1 :], (*holders, holder))
            return
        before = current
        current = _step(current, step)
        if number + 1 < len(path) and path[number + 1] is None:
            holder = before
    if current is not None:
        yield current, holders


def _step(current: Any, step: str | int) -> Any:
    if isinstance(step, int):
        if isinstance(current, list):
            return current[step] if step < len(current) else None
        return current if step == 0 else None  # XML with one element gives no list
    return current.get(step) if isinstance(current, Mapping) else None


def _piped(expression: str, scope: Scope) -> Any:
    first, *rest = (part.strip() for part in _split(expression, "|"))
    found = _start(first, scope)
    for part in rest:
        if found is None:
            return None
        if part.startswith((".", "[")):
            found = _follow(found, steps(part))
        elif part in FILTERS:
            found = FILTERS[part](found)
        else:
            raise ConfigurationError(f"{part!r} is no filter; there are {', '.join(FILTERS)}")
    return found


def _start(path: str, scope: Scope) -> Any:
    path = path.strip()
    if len(path) >= 2 and path[0] == path[-1] == "'":
        return path[1:-1]
    taken = steps(path)
    if not taken:
        return None
    if taken[0] in ROOTS:
        if taken[0] == "header":
            headers = scope.get("header") or {}
            name = ".".join(str(step) for step in taken[1:]).lower()
            return headers.get(name)
        found = scope.get(str(taken[0]))
        rest = taken[1:]
        while taken[0] == "up" and rest and rest[0] == "up":
            found, rest = (scope.get("ups") or [None])[-1], rest[1:]
        return _follow(found, rest)
    return _follow(scope.get("item"), taken[1:] if taken[0] == "item" else taken)


def _follow(current: Any, path: Sequence[str | int | None]) -> Any:
    for number, step in enumerate(path):
        if step is None:
            elements = current if isinstance(current, list) else [] if current is None else [current]
            found = [_follow(element, path[number + 1 :]) for element in elements]
            return [one for one in found if one not in (None, "")]
        current = _step(current, step)
        if current is None:
            return None
    return current


@lru_cache(maxsize=4096)
def _split(expression: str, mark: str) -> tuple[str, ...]:
    """Split outside of quotes."""
    parts, start, quoted = [], 0, False
    position = 0
    while position < len(expression):
        if expression[position] == "'":
            quoted = not quoted
        elif not quoted and expression.startswith(mark, position):
            parts.append(expression[start:position])
            position += len(mark)
            start = position
            continue
        position += 1
    return (*parts, expression[start:])
