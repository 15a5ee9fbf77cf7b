"""How often somebody may do something: counted in Redis for all processes, in memory where there is none."""

from __future__ import annotations

import hashlib
import threading

import redis

from core import clock, metrics
from core.errors import TooMany
from core.redis import connection

_mine: dict[str, int] = {}
_lock = threading.Lock()


def count(what: str, who: str, seconds: int) -> int:
    """Counts one more and returns how often it was in this window of ``seconds``."""
    key = _key(what, who, seconds)
    try:
        with connection(timeout=0.2).pipeline(transaction=False) as pipe:
            pipe.incr(key)
            pipe.expire(key, seconds + 60)
            return int(pipe.execute()[0])
    except redis.RedisError:
        with _lock:
            if len(_mine) > 50_000:
                _mine.clear()
            _mine[key] = _mine.get(key, 0) + 1
            return _mine[key]


def seen(what: str, who: str, seconds: int) -> int:
    """How often it was in this window, without counting."""
    key = _key(what, who, seconds)
    try:
        found = connection(timeout=0.2).get(key)
        return int(found) if isinstance(found, bytes) else 0
    except redis.RedisError:
        with _lock:
            return _mine.get(key, 0)


def _key(what: str, who: str, seconds: int) -> str:
    """Addresses and numbers are not kept in clear."""
    window = int(clock.now().timestamp()) // seconds
    digest = hashlib.sha256(f"{what}|{who}".encode("utf-8", "replace")).hexdigest()[:24]
    return f"hotline:rate:{digest}:{window}"


def allow(what: str, who: str, most: int, seconds: int) -> None:
    """Raises TooMany beyond ``most`` times in a window of ``seconds``."""
    if count(what, who, seconds) > most:
        metrics.refused.labels("webform", what).inc()
        raise TooMany("Too many requests from here; please try again later or call us.")
