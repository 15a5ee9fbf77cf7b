"""What somebody hears who waits: music, and announcements between."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections.abc import Sequence

from connectors.sip.leg import Party, first_of
from connectors.sip.prompts import load
from connectors.sip.settings import SipSettings

ESTIMATES = (1, 2, 3, 5, 10, 20)  # minutes for which there is a prompt


class Music:
    """Goes on until it is stopped."""

    def __init__(self, party: Party, config: SipSettings) -> None:
        self._party, self._config = party, config
        self._announced = asyncio.Event()
        self._next: tuple[str, ...] = ()
        self._task: asyncio.Task[None] | None = None

    def start(self, *announcement: str) -> None:
        """With an announcement before the music."""
        self._next = announcement
        if self._task is None:
            self._task = asyncio.create_task(self._play())

    def announce(self, names: Sequence[str]) -> None:
        self._next = tuple(names)
        self._announced.set()

    async def stop(self) -> None:
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        self._task = None
        self._party.hush()

    async def _play(self) -> None:
        while True:
            names, self._next = self._next or ("hold_music",), ()
            self._announced.clear()
            voice = b"".join(load(name, self._config) for name in names)
            if not voice:
                await first_of(1.0, self._announced)
                continue
            await first_of(len(voice) / 32_000 + 1.0, self._party.say(voice), self._announced)
            if self._announced.is_set():
                self._party.hush()


def place_prompts(ahead: int, minutes: float) -> tuple[str, ...]:
    """How a place in the queue is told: how many come before, and about how long it takes."""
    place = "queue_next" if ahead <= 0 else f"ahead_{ahead}" if ahead <= 9 else "ahead_many"
    wait = next((each for each in ESTIMATES if math.ceil(minutes) <= each), None)
    return (place, f"wait_{wait}" if wait else "wait_long")
