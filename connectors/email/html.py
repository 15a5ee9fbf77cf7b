"""HTML to readable text: inscriptis keeps tables and lists and drops what is hidden; a guard bounds what it is given."""

from __future__ import annotations

import html
import re

from inscriptis import get_text
from inscriptis.css_profiles import CSS_PROFILES
from inscriptis.model.config import ParserConfig

from core import text

MAX_LENGTH = 2_000_000
# libxml2 drops what is nested more than 256 deep, and inscriptis recurses (a page from an editor stays under 100).
MAX_NESTING = 200
# Tags times a fifth of the nested tables: layout takes about 25 µs for each, longer within tables within tables.
MAX_LAYOUT = 20_000
_ANY_TAG = re.compile(r"<[^<>]{0,5000}>")
_NEVER_SHOWN = ("script", "style", "head", "title", "template", "noscript")
_COMMENT = re.compile(r"<!--.*?(?:-->|$)", re.DOTALL)
_BREAKS = re.compile(r"<(?:br|/?p|/?div|/?tr|/?li|/h[1-6]|/?blockquote|hr)\b[^<>]*>", re.IGNORECASE)
_CELLS = re.compile(r"<t[dh]\b[^<>]*>", re.IGNORECASE)
_ELEMENT = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:]*)")
_VOID = frozenset(
    (
        "area",
        "base",
        "br",
        "col",
        "embed",
        "hr",
        "img",
        "input",
        "link",
        "meta",
        "param",
        "source",
        "track",
        "wbr",
        "o:p",
    )
)
# What an element's beginning ends without an end tag (HTML, §13.1.2.4).
_ENDS = {
    "p": ("p",),
    "li": ("p", "li"),
    "dt": ("p", "dt", "dd"),
    "dd": ("p", "dt", "dd"),
    "td": ("p", "td", "th"),
    "th": ("p", "td", "th"),
    "tr": ("p", "td", "th", "tr"),
    "option": ("option",),
}
_LOOK_BACK = 300
_DECLARED = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?([A-Za-z0-9_\-]{1,40})", re.IGNORECASE)
_CONFIG = ParserConfig(css=CSS_PROFILES["strict"], display_links=False, display_images=False)


def to_text(markup: str) -> str:
    """Text of an HTML body as a person sees it; never raises."""
    markup = markup[:MAX_LENGTH].replace("\0", "")
    # An XML declaration with an encoding makes lxml refuse a str.
    markup = re.sub(r"^\s*<\?xml[^>]*\?>", "", markup)
    if not markup.strip():
        return ""
    deepest, tables, tags = nesting(markup)
    if deepest <= MAX_NESTING and tags * max(1, tables // 5) <= MAX_LAYOUT:
        try:
            return tidy(get_text(markup, _CONFIG))
        except (ValueError, AssertionError, IndexError, TypeError, AttributeError, KeyError, RecursionError):
            # lxml refuses broken markup with ValueError and AssertionError, inscriptis trips over odd attributes
            # with the others; the plain way below reads anything.
            return plain(markup)
    return plain(markup)


def plain(markup: str) -> str:
    """Text without layout: tags go, line breaks of blocks stay."""
    markup = _COMMENT.sub("", markup)
    for element in _NEVER_SHOWN:
        markup = _without(markup, element)
    return tidy(html.unescape(_ANY_TAG.sub("", _BREAKS.sub("\n", _CELLS.sub(" ", markup)))))


def _without(markup: str, element: str) -> str:
    """Without these elements and what is in them; walks once, whatever is left unclosed."""
    opening, closing = re.compile(rf"<{element}\b", re.IGNORECASE), re.compile(rf"</{element}\b[^<>]*>", re.IGNORECASE)
    kept, place = [], 0
    while (start := opening.search(markup, place)) and (end := closing.search(markup, start.end())):
        kept.append(markup[place : start.start()])
        place = end.end()
    return "".join(kept) + markup[place:]


def nesting(markup: str) -> tuple[int, int, int]:
    """The greatest number of open elements, the greatest number of open tables, and the number of tags."""
    open_now: list[str] = []
    deepest = tables = most_tables = tags = 0
    for match in _ELEMENT.finditer(markup):
        tags += 1
        name = match[2].lower()
        if name in _VOID:
            continue
        if not match[1]:
            while open_now and open_now[-1] in _ENDS.get(name, ()):
                open_now.pop()
            open_now.append(name)
            tables += name == "table"
            deepest, most_tables = max(deepest, len(open_now)), max(most_tables, tables)
        elif name in open_now[-_LOOK_BACK:]:
            while (last := open_now.pop()) != name:
                tables -= last == "table"
            tables -= name == "table"
    return deepest, most_tables, tags


def declared_charset(raw: bytes) -> str | None:
    """The charset a page names in its own head, for parts whose Content-Type names none."""
    match = _DECLARED.search(raw[:4096])
    return match[1].decode("ascii") if match else None


def tidy(value: str) -> str:
    """No trailing blanks, no-break spaces as spaces, at most one blank line in a row."""
    value = text.clean(value).replace("\u00a0", " ").replace("\u200b", "")
    value = "\n".join(line.rstrip() for line in value.split("\n"))
    return re.sub(r"\n{3,}", "\n\n", value).strip("\n")
