"""Access tokens: one for all processes, in Redis, renewed by one of them while the others wait.

WeChat ends the life of a token when a new one is fetched, so two processes that renew at once would take it from each
other for ever.
"""

from __future__ import annotations

import hashlib
import secrets
import threading
import time
from collections.abc import Callable

import redis

from core import log
from core.errors import Unavailable
from core.redis import connection

logger = log.get(__name__)
Fetch = Callable[[], tuple[str, int]]
_UNLOCK = "if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0"
EARLY = 300  # s before its end that a token is no longer used


class TokenCache:
    """The token of one account. ``fetch`` asks the provider and returns (token, seconds it lives)."""

    def __init__(self, name: str, fetch: Fetch, wait: float = 15.0) -> None:
        self._key = f"hotline:token:{hashlib.sha256(name.encode()).hexdigest()[:24]}"
        self._fetch = fetch
        self._wait = wait
        self._mine: tuple[str, float] = ("", 0.0)
        self._lock = threading.Lock()

    def token(self, refused: str = "") -> str:
        """A token that is not ``refused`` (the one that the provider has just called invalid)."""
        try:
            return self._shared(refused)
        except redis.RedisError:
            logger.warning("redis does not keep the access token; this process uses its own")
            return self._own(refused)

    def _shared(self, refused: str) -> str:
        client = connection(timeout=2.0)
        deadline = time.monotonic() + self._wait
        while True:
            known = client.get(self._key)
            if isinstance(known, bytes) and known.decode() != refused:
                return known.decode()
            claim = secrets.token_hex(8)
            if client.set(f"{self._key}:lock", claim, nx=True, ex=int(self._wait) + 5):
                try:
                    return self._renew(client, refused)
                finally:
                    client.eval(_UNLOCK, 1, f"{self._key}:lock", claim)
            if time.monotonic() > deadline:
                raise Unavailable("Another process has been renewing the access token for too long.")
            time.sleep(0.05)

    def _renew(self, client: redis.Redis, refused: str) -> str:
        known = client.get(self._key)
        if isinstance(known, bytes) and known.decode() != refused:
            return known.decode()  # somebody was first
        token, seconds = self._fetch()
        client.set(self._key, token, ex=_used_for(seconds))
        return token

    def _own(self, refused: str) -> str:
        with self._lock:
            token, until = self._mine
            if not token or token == refused or time.monotonic() > until:
                token, seconds = self._fetch()
                self._mine = (token, time.monotonic() + _used_for(seconds))
            return token


def _used_for(seconds: int) -> int:
    """s for which a token of that life is used."""
    return max(1, seconds - EARLY if seconds > 2 * EARLY else seconds // 2)
