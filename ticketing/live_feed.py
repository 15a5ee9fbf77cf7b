"""The live feed to screens: one ear on Redis for all of a process's listeners, and for each only what its user may know.

Items say that something changed, not what; calls carry words and go only to those who may listen. A listener that is too
slow is dropped and told to re-read; so is everyone when Redis was away.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import redis
from pydantic import Field

from core import db, live, log, settings
from core.errors import HotlineError, TooMany
from ticketing.access import Actor, check_visible

TOPICS = ("tickets", "calls", "call:*")
RESYNC: dict[str, Any] = {"topic": "resync"}
logger = log.get(__name__)


class LiveSettings(settings.Section, prefix="LIVE"):
    """The live feed to screens."""

    listeners: int = Field(500, description="Screens that one web process feeds at most.")
    waiting: int = Field(200, description="Items that a slow screen may leave waiting before it is dropped.")
    subscriptions: int = Field(20, description="Calls that one screen follows at most.")
    ping: float = Field(20.0, description="s between pings; a screen that does not answer is dropped.")


class Listener:
    """One screen. ``items`` ends with None when it was too slow."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.topics: set[str] = {"tickets"} | ({"calls"} if actor.may("call.listen") else set())
        self.items: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(settings.get(LiveSettings).waiting + 1)
        self.dropped = False

    def follow(self, topics: list[str]) -> None:
        """Adds calls; what the user may not hear is left out. Raises TooMany."""
        wanted = {topic for topic in topics if topic.startswith("call:") and self.actor.may("call.listen")}
        if len(self.topics | wanted) > settings.get(LiveSettings).subscriptions + 2:
            raise TooMany("One screen cannot follow so many calls.")
        self.topics |= wanted

    def leave(self, topics: list[str]) -> None:
        self.topics -= {topic for topic in topics if topic.startswith("call:")}

    def give(self, item: dict[str, Any]) -> None:
        if self.dropped:
            return
        if self.items.qsize() >= self.items.maxsize - 1:
            self.drop()
        else:
            self.items.put_nowait(item)

    def drop(self) -> None:
        if not self.dropped:
            self.dropped = True
            self.items.put_nowait(None)

    async def wants(self, item: dict[str, Any]) -> bool:
        """Whether the item is followed and is the user's business."""
        if item.get("topic") not in self.topics:
            return False
        if item["topic"] != "tickets" or (self.actor.may("ticket.read") and not self.actor.regions):
            return True
        return await db.run(_visible, self.actor, item.get("ticket"))


def _visible(actor: Actor, ticket_id: Any) -> bool:
    if not isinstance(ticket_id, int):
        return False
    with db.read() as session:
        try:
            check_visible(session, actor, ticket_id)
        except HotlineError:
            return False
    return True


class Feed:
    """A process's ear and its listeners."""

    def __init__(self) -> None:
        self.listeners: set[Listener] = set()
        self.hears = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @contextlib.asynccontextmanager
    async def listening(self, actor: Actor) -> AsyncIterator[Listener]:
        """A listener while the block lasts; raises TooMany."""
        if len(self.listeners) >= settings.get(LiveSettings).listeners:
            raise TooMany("Too many screens are open.")
        listener = Listener(actor)
        self.listeners.add(listener)
        if self._task is None:
            self._task = asyncio.create_task(self._hear(), name="live feed")
        if self.hears.is_set():
            listener.give(RESYNC)
        try:
            yield listener
        finally:
            self.listeners.discard(listener)

    async def close(self) -> None:
        """Ends the hearing and sends every listener away."""
        for listener in list(self.listeners):
            listener.drop()
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _hear(self) -> None:
        pause = 0.5
        while True:
            try:
                async with live.listen(*TOPICS) as items:
                    self._again()
                    pause = 0.5
                    async for item in items:
                        await self._tell(item)
            except (redis.RedisError, OSError):
                logger.warning("the live feed hears nothing")
            self.hears.clear()
            await asyncio.sleep(pause)
            pause = min(pause * 2, 10.0)

    def _again(self) -> None:
        """From now on everything is heard; what was before has to be read."""
        self.hears.set()
        for listener in self.listeners:
            listener.give(RESYNC)

    async def _tell(self, item: dict[str, Any]) -> None:
        for listener in list(self.listeners):
            try:
                if await listener.wants(item):
                    listener.give(item)
            except TooMany:
                listener.give(RESYNC)
