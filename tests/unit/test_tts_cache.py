"""What was spoken is kept for a while, and no longer."""

from __future__ import annotations

from tts.cache import KEPT_SECONDS, Cache


def test_the_least_recently_wanted_goes_first() -> None:
    cache = Cache(2)
    cache.keep("一", b"1")
    cache.keep("二", b"2")
    assert cache.get("一") == b"1"
    cache.keep("三", b"3")
    assert [cache.get(text) for text in "一二三"] == [b"1", None, b"3"]


def test_what_is_old_is_forgotten() -> None:
    now = [0.0]
    cache = Cache(10, lambda: now[0])
    cache.keep("旧", b"1")
    now[0] = KEPT_SECONDS / 2
    cache.keep("新", b"2")
    now[0] = KEPT_SECONDS + 1
    assert cache.get("旧") is None  # wanted meanwhile or not
    cache.forget()
    assert list(cache._kept) == ["新"]
