"""Which parts are the text of a mail and which are attachments, as JMAP defines it (RFC 8621 §4.1.4)."""

from __future__ import annotations

from dataclasses import dataclass, field

from connectors.email import charset, html
from connectors.email.mime import Part
from core import text

MAX_TEXT = 1_000_000


@dataclass
class Choice:
    """Parts in the order a reader meets them; ``text`` and ``html`` are two renderings of the same content."""

    text: list[Part] = field(default_factory=list)
    html: list[Part] = field(default_factory=list)
    attachments: list[Part] = field(default_factory=list)


def choose(root: Part) -> Choice:
    choice = Choice()
    _choose((root,), "mixed", False, choice.html, choice.text, choice.attachments)
    return choice


def read(choice: Choice) -> str:
    """The whole text: plain parts where there are any with words in them, else the HTML ones."""
    plain = _joined(choice.text)
    return plain if plain.strip() else _joined(choice.html) or plain


def html_of(choice: Choice) -> str:
    """The HTML rendering, decoded, for readers that look at its structure (quotations)."""
    return "\n".join(_decoded(part) for part in choice.html if part.type == "text/html")[: html.MAX_LENGTH]


def part_text(part: Part) -> str:
    content = _decoded(part)
    if part.type == "text/html":
        return html.to_text(content)
    if part.headers.parameters("content-type").get("format", "").lower() == "flowed":
        content = _unflow(content, part.headers.parameters("content-type").get("delsp", "").lower() == "yes")
    return text.clean(content, MAX_TEXT)


def _joined(parts: list[Part]) -> str:
    texts = [part_text(part) for part in parts if part.type.startswith("text/")]
    return "\n".join(one.strip("\n") if len(texts) > 1 else one for one in texts)[:MAX_TEXT]


def _decoded(part: Part) -> str:
    raw = part.content()
    label = part.charset
    if part.type == "text/html" and not label:
        label = html.declared_charset(raw)
    return charset.decode(raw, label)


def _unflow(content: str, delete_space: bool) -> str:
    """RFC 3676: a line that ends in a space goes on in the next one of the same quote depth."""
    lines: list[str] = []
    flowing = False
    depth_before = 0
    for line in content.replace("\r\n", "\n").split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        words = line[depth:].removeprefix(" ")
        if flowing and depth == depth_before and words != "-- ":
            lines[-1] = (lines[-1][:-1] if delete_space else lines[-1]) + words
        else:
            lines.append("> " * depth + words if depth else words)
        flowing, depth_before = words.endswith(" ") and words != "-- ", depth
    return "\n".join(lines)


def _is_media(kind: str) -> bool:
    return kind.startswith(("image/", "audio/", "video/"))


def _choose(
    parts: tuple[Part, ...],
    multipart: str,
    in_alternative: bool,
    html_body: list[Part] | None,
    text_body: list[Part] | None,
    attachments: list[Part],
) -> None:
    text_before = len(text_body) if text_body is not None else -1
    html_before = len(html_body) if html_body is not None else -1
    for place, part in enumerate(parts):
        if part.is_multipart:
            inner = part.type.split("/", 1)[1]
            _choose(part.parts, inner, in_alternative or inner == "alternative", html_body, text_body, attachments)
            continue
        inline = (
            part.disposition != "attachment"
            and (part.type in ("text/plain", "text/html") or _is_media(part.type))
            and (place == 0 or (multipart != "related" and (_is_media(part.type) or not part.name)))
        )
        if not inline:
            attachments.append(part)
            continue
        if multipart == "alternative":
            if part.type == "text/plain" and text_body is not None:
                text_body.append(part)
            elif part.type == "text/html" and html_body is not None:
                html_body.append(part)
            else:
                attachments.append(part)
            continue
        if in_alternative and part.type == "text/plain":
            html_body = None
        if in_alternative and part.type == "text/html":
            text_body = None
        if text_body is not None:
            text_body.append(part)
        if html_body is not None:
            html_body.append(part)
        if _is_media(part.type):
            attachments.append(part)
    if multipart == "alternative" and text_body is not None and html_body is not None:
        if text_before == len(text_body) and html_before != len(html_body):
            text_body.extend(html_body[html_before:])
        if html_before == len(html_body) and text_before != len(text_body):
            html_body.extend(text_body[text_before:])
