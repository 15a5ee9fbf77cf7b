"""Names of attachments that are safe to show, to store and to download on any system."""

from __future__ import annotations

import re
import unicodedata

MAX_BYTES = 180
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f<>:\"|?*\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_RESERVED = re.compile(r"(?:con|prn|aux|nul|com[1-9]|lpt[1-9])(?:\.|$)", re.IGNORECASE)


def safe(name: str | None) -> str | None:
    """The last component of a name, without control, direction and wildcard characters, at most 180 bytes long;
    None where nothing is left of it."""
    if not name:
        return None
    name = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode("utf-8"))
    name = re.split(r"[/\\]", name)[-1] or next((part for part in reversed(re.split(r"[/\\]", name)) if part), "")
    name = _FORBIDDEN.sub("", name).strip().strip(".").strip()
    if not name:
        return None
    return _short(f"_{name}" if _RESERVED.match(name) else name)


def _short(name: str) -> str:
    if len(name.encode()) <= MAX_BYTES:
        return name
    stem, dot, ending = name.rpartition(".")
    if not dot or len(ending.encode()) > 20:
        stem, dot, ending = name, "", ""
    room = MAX_BYTES - len((dot + ending).encode())
    return stem.encode()[:room].decode("utf-8", "ignore") + dot + ending
