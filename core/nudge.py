"""What happens right after a commit: the relay is nudged, and listeners hear what changed. All best effort."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import redis
from sqlalchemy import event
from sqlalchemy.orm import Session

from core import log
from core.redis import connection

NUDGE = "hotline:nudge"
logger = log.get(__name__)


def after_commit(session: Session, act: Callable[[], None]) -> None:
    """Runs ``act`` once this session's transaction is committed; forgets it if it is rolled back."""
    session.info.setdefault("hotline_after_commit", []).append(act)


def nudge_after_commit(session: Session) -> None:
    session.info["hotline_nudge"] = True


@event.listens_for(Session, "after_commit")
def _on_commit(session: Session) -> None:
    if session.in_nested_transaction():
        return  # a savepoint: the real commit is still to come
    if session.info.pop("hotline_nudge", False):
        nudge()
    for act in session.info.pop("hotline_after_commit", ()):
        act()


@event.listens_for(Session, "after_rollback")
def _on_rollback(session: Session) -> None:
    if session.in_nested_transaction():
        return
    session.info.pop("hotline_nudge", None)
    session.info.pop("hotline_after_commit", None)


def nudge() -> None:
    """Tells a relay to look now. Without Redis its poll finds the row."""
    try:
        with connection(timeout=0.2).pipeline(transaction=False) as pipe:
            pipe.lpush(NUDGE, 1)
            pipe.ltrim(NUDGE, 0, 0)
            pipe.execute()
    except redis.RedisError:
        logger.debug("redis did not take a nudge")


def encode(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=str)
