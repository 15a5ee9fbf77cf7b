"""What was spoken lately, in memory: the least recently wanted goes first, and everything after an hour, for it is personal."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

KEPT_SECONDS = 3600.0


class Cache:
    def __init__(self, most: int, now: Callable[[], float] = time.monotonic) -> None:
        self._most, self._now = most, now
        self._kept: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    def get(self, text: str) -> bytes | None:
        made, sound = self._kept.get(text, (0.0, None))
        if sound is None or self._now() - made > KEPT_SECONDS:
            return None
        self._kept.move_to_end(text)
        return sound

    def keep(self, text: str, sound: bytes) -> None:
        self._kept[text] = (self._now(), sound)
        while len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def forget(self) -> None:
        """Lets go what is too old."""
        now = self._now()
        for text in [text for text, (made, _) in self._kept.items() if now - made > KEPT_SECONDS]:
            del self._kept[text]
