"""The live feed: what just changed, for screens. Not a promise: a listener that missed something re-reads the state.

Every item carries a sequence number of its topic, so that a gap is noticed.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import redis
from sqlalchemy.orm import Session

from core import log
from core.nudge import after_commit, encode
from core.redis import asynchronous, connection

PREFIX = "hotline:live:"
logger = log.get(__name__)


def publish(topic: str, item: dict[str, Any]) -> None:
    """Sends an item to everyone who listens to the topic now."""
    try:
        client = connection(timeout=0.2)
        counter = f"{PREFIX}number:{topic}"
        number = client.incr(counter)
        client.expire(counter, 7 * 24 * 3600)  # calls come and go; their counters must not stay for ever
        client.publish(PREFIX + topic, encode({**item, "topic": topic, "number": number}))
    except redis.RedisError:
        logger.debug("redis did not take a live item")


def publish_after_commit(session: Session, topic: str, item: dict[str, Any]) -> None:
    after_commit(session, lambda: publish(topic, item))


@asynccontextmanager
async def listen(*topics: str) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
    """An iterator of the items of these topics; ``*`` at the end of a topic stands for anything."""
    client = asynchronous()
    channel: Any = client.pubsub(ignore_subscribe_messages=True)
    try:
        await channel.psubscribe(*(PREFIX + topic for topic in topics))
        yield _items(channel)
    finally:
        await channel.aclose()
        await client.aclose()


async def _items(channel: Any) -> AsyncIterator[dict[str, Any]]:
    async for message in channel.listen():
        if message["type"] == "pmessage":
            yield json.loads(message["data"])
