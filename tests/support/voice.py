"""A voice for tests: each clause is a tone, and what it was asked for is known."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import AsyncIterator, Callable

import numpy as np

from core import settings
from tts import RATE, SpeakerSettings
from tts.server import Server

SECONDS = 0.5


class ToneEngine:
    """``hold``: clauses wait until it is set; ``broken``: a clause with this in it cannot be spoken."""

    name = "tone"

    def __init__(self, broken: str = "", hz: Callable[[str], float] = lambda _: 700.0) -> None:
        self.said: list[str] = []
        self.hold = threading.Event()
        self.hold.set()
        self._broken, self._hz = broken, hz

    def say(self, clause: str) -> bytes:
        self.said.append(clause)
        self.hold.wait(20)
        if self._broken and self._broken in clause:
            raise RuntimeError("broken")
        at = np.arange(int(SECONDS * RATE)) / RATE
        return (9000 * np.sin(2 * np.pi * self._hz(clause) * at)).astype("<i2").tobytes()


@contextlib.asynccontextmanager
async def speaking(engine: ToneEngine, **options: object) -> AsyncIterator[Server]:
    """``hotline speaker`` in this loop."""
    settings.use(SpeakerSettings.model_validate(options))
    server = Server(engine, settings.get(SpeakerSettings))
    await server.start()
    try:
        yield server
    finally:
        engine.hold.set()
        await server.stop()
