"""Text at the program's edges: NFC, no NUL, no lone surrogates, bounded."""

from __future__ import annotations

import unicodedata

# Control characters that no message needs: C0 but tab and line feed, DEL, C1, and the lone byte-order mark.
_DROPPED = dict.fromkeys((*range(9), 11, 12, *range(14, 32), *range(127, 160), 65279))


def clean(text: str, limit: int | None = None) -> str:
    """NFC text with \\n line ends that every database and terminal can hold; cut at ``limit`` characters."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    text = text.replace("\r\n", "\n").replace("\r", "\n").translate(_DROPPED)
    text = unicodedata.normalize("NFC", text)
    return text if limit is None else text[:limit]
