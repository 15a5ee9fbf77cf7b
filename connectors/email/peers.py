"""Limits for each address that sends us mail: open connections and mails a minute."""

from __future__ import annotations

import time
from collections import Counter, OrderedDict

from connectors.email.settings import MailSettings

_REMEMBERED = 10_000


class Peers:
    """Counts by address; trusted ones are exempt, but not from the limit on all connections together."""

    def __init__(self, config: MailSettings) -> None:
        self._config = config
        self._open: Counter[str] = Counter()
        # Tokens left and when they were counted, by address; a bucket refills at peer_rate a minute.
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def opened(self, peer: str) -> bool:
        """Counts a new connection; False if there are too many."""
        if self._open.total() >= self._config.connections:
            return False
        if not self._config.trusts(peer) and self._open[peer] >= self._config.peer_connections:
            return False
        self._open[peer] += 1
        return True

    def closed(self, peer: str) -> None:
        self._open[peer] -= 1
        if self._open[peer] <= 0:
            del self._open[peer]

    def may_send(self, peer: str) -> bool:
        """Counts a mail; False if this address sent too many in the last minute."""
        if self._config.trusts(peer):
            return True
        now, rate = time.monotonic(), float(self._config.peer_rate)
        left, counted = self._buckets.pop(peer, (rate, now))
        left = min(rate, left + (now - counted) * rate / 60)
        allowed = left >= 1
        self._buckets[peer] = (left - 1 if allowed else left, now)
        while len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        return allowed
