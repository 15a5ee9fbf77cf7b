"""XML as callbacks send it: small, without document types, read into plain dictionaries.

An element without children becomes its text; with children a dictionary; elements of one name beside each other become a
list. Attributes get the prefix ``@``.
"""

from __future__ import annotations

from typing import Any
from xml.parsers import expat

from core.errors import Malformed

DEPTH = 40
ELEMENTS = 5_000


class _Reader:
    def __init__(self) -> None:
        self.root: dict[str, Any] = {}
        self._open: list[tuple[str, dict[str, Any], list[str]]] = []
        self._elements = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        if len(self._open) >= DEPTH or self._elements > ELEMENTS:
            raise Malformed("The XML is nested too deep or too large.")
        self._open.append((name, {f"@{key}": value for key, value in attributes.items()}, []))

    def end(self, name: str) -> None:
        _, children, texts = self._open.pop()
        text = "".join(texts)
        value: Any = text
        if children:
            value = {**children, "#text": text.strip()} if text.strip() else children
        holder = self._open[-1][1] if self._open else self.root
        if name not in holder:
            holder[name] = value
        elif isinstance(holder[name], list):
            holder[name].append(value)
        else:
            holder[name] = [holder[name], value]

    def text(self, text: str) -> None:
        if self._open:
            self._open[-1][2].append(text)


def _refuse(*_: Any) -> None:
    raise Malformed("XML with a document type is not taken.")


def read(body: bytes | str) -> dict[str, Any]:
    """The document as ``{root name: content}``. Raises Malformed for anything that is not well-formed and harmless."""
    reader = _Reader()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reader.start
    parser.EndElementHandler = reader.end
    parser.CharacterDataHandler = reader.text
    parser.StartDoctypeDeclHandler = _refuse
    parser.EntityDeclHandler = _refuse
    try:
        parser.Parse(body, True)
    except (expat.ExpatError, ValueError, LookupError):
        raise Malformed("The body is not well-formed XML.") from None
    return reader.root


def text_of(fields: dict[str, Any], name: str) -> str:
    """The text of a child, "" where there is none or it has children."""
    value = fields.get(name)
    return value if isinstance(value, str) else ""
