"""Digits that a caller keys in, gathered into one turn: ended by #, or by a pause."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from intake import HeardTurn

PAUSE = 3.0  # s
MOST = 40
DIGITS = frozenset("0123456789*#ABCDabcd")


class Keypad:
    """``typed`` gets each turn; its ``expects`` is "keypad"."""

    def __init__(self, typed: Callable[[HeardTurn], Awaitable[None]]) -> None:
        self._typed = typed
        self._digits = ""
        self._start, self._end = 0, 0
        self._pausing: asyncio.Task[None] | None = None

    def press(self, digit: str, ms: int) -> None:
        """A digit at this place of the recording."""
        if digit not in DIGITS or len(self._digits) >= MOST:
            return
        if not self._digits:
            self._start = ms
        self._end = ms
        if self._pausing is not None:
            self._pausing.cancel()
        if digit != "#":
            self._digits += digit
        self._pausing = asyncio.create_task(self._after(0.0 if digit == "#" else PAUSE))

    async def flush(self, ms: int) -> None:
        """What was keyed in so far becomes a turn."""
        if self._pausing is not None:
            self._pausing.cancel()
        await self._give()

    async def _after(self, pause: float) -> None:
        await asyncio.sleep(pause)
        self._pausing = None  # from here on the next digit must not cancel what is being kept
        await self._give()

    async def _give(self) -> None:
        digits, self._digits = self._digits, ""
        if digits:
            await self._typed(
                HeardTurn(speaker="customer", text=digits, expects="keypad", start=self._start, end=self._end)
            )
