"""Whether a callback comes from WeChat, is fresh, and is not an old one sent again with other content.

In plain mode the signature does not cover the body, so whoever has seen one address could send any body to it. The address
(timestamp, nonce, signature) is therefore bound to the first body it brought: WeChat's own retries bring the same one and
pass, anything else is refused.
"""

from __future__ import annotations

import hashlib
import hmac
import threading
from collections import OrderedDict

from core import clock
from core.errors import Forbidden


def signature(*parts: str) -> str:
    """SHA-1 of the sorted parts, as WeChat's "接入指南" and "消息加解密说明" define it."""
    return hashlib.sha1("".join(sorted(parts)).encode("utf-8", "replace"), usedforsecurity=False).hexdigest()


def check(given: str, *parts: str) -> None:
    """Compares in constant time; raises Forbidden."""
    if not hmac.compare_digest(signature(*parts).encode(), given.lower().encode("utf-8", "replace")):
        raise Forbidden("The signature does not fit.")


def check_fresh(timestamp: str, seconds: int) -> None:
    """Raises Forbidden for a timestamp (s since 1970) that is older or newer than ``seconds``."""
    if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
        raise Forbidden("The timestamp is no time.")
    if abs(clock.now().timestamp() - int(timestamp)) > seconds:
        raise Forbidden("The timestamp is too far from our clock.")


class SeenAddresses:
    """What body each signed address brought, for as long as its timestamp is fresh. Bounded; safe between threads."""

    def __init__(self, limit: int = 200_000) -> None:
        self._limit = limit
        self._bodies: OrderedDict[tuple[str, str, str], tuple[float, bytes]] = OrderedDict()
        self._lock = threading.Lock()

    def bind(self, scope: str, timestamp: str, nonce: str, body: str, seconds: int) -> None:
        """Remembers the (opened) body; raises Forbidden if the address has brought another one."""
        now = clock.now().timestamp()
        digest = hashlib.sha256(body.encode("utf-8", "replace")).digest()
        key = (scope, timestamp, nonce)
        with self._lock:
            while self._bodies:
                oldest = next(iter(self._bodies))
                if self._bodies[oldest][0] > now and len(self._bodies) < self._limit:
                    break
                del self._bodies[oldest]
            known = self._bodies.get(key)
            if known is None:
                # A timestamp may lie in the future by as much as in the past: keep it for both.
                self._bodies[key] = (now + 2 * seconds, digest)
            elif not hmac.compare_digest(known[1], digest):
                raise Forbidden("This nonce has been used.")
