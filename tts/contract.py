"""What speaks: an engine that says a clause, and what goes wrong with it."""

from __future__ import annotations

from typing import Protocol

from core.errors import Unavailable

RATE = 16_000  # Hz; all sound here is mono s16le at this rate


class NotSpoken(Unavailable):
    """The voice cannot say this now."""


class Engine(Protocol):
    """A voice in this process."""

    name: str

    def say(self, clause: str) -> bytes:
        """A clause (``clauses``) with a breath behind it. Blocks; b"" for what it has no sounds for."""
