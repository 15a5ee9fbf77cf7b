"""The live feed to screens: one ear on Redis for all of a process's listeners, and for each only what its user may know.

Items say that something changed, not what; calls carry words and go only to those who may listen. A listener that is too
slow is dropped and told to re-read; so is everyone when Redis was away.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any

import redis
from pydantic import Field
from sqlalchemy import select

from core import db, live, log, settings
from core.errors import TooMany
from ticketing.access import Actor, visible
from ticketing.tables import Ticket

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
    """One screen. Its items are numbered anew for it, for it does not get all; they end with None when it was too slow."""

    def __init__(self, actor: Actor) -> None:
        self.actor = actor
        self.topics: set[str] = {"tickets"} | ({"calls"} if actor.may("call.listen") else set())
        self.items: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue(settings.get(LiveSettings).waiting + 1)
        self.dropped = False
        self._numbers: dict[str, int] = {}

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
            topic = str(item["topic"])
            self._numbers[topic] = self._numbers.get(topic, 0) + 1
            shown = item if not topic.startswith("call:") or self.actor.may("personal.see") else _wordless(item)
            self.items.put_nowait({**shown, "number": self._numbers[topic]})

    def drop(self) -> None:
        if not self.dropped:
            self.dropped = True
            self.items.put_nowait(None)

    def follows(self, item: dict[str, Any]) -> bool:
        return item.get("topic") in self.topics


def _wordless(item: dict[str, Any]) -> dict[str, Any]:
    """An item of a call without what was said, for those who may follow calls but not see personal data: a sentence that
    is still being spoken cannot be masked reliably. They read the finished ones masked from ``/calls``."""
    return {name: value for name, value in item.items() if name in ("topic", "kind", "session", "turn", "speaker")}


def _seers(actors: Sequence[Actor], ticket_id: Any) -> set[int]:
    """Ids of those of the actors who may see the ticket.

    Whom it is assigned to and who reviews it are asked for by themselves; for the others only permissions and regions count, so
    that a hundred colleagues cost one question.
    """
    if not isinstance(ticket_id, int):
        return set()
    known: dict[tuple[int, frozenset[str], tuple[str, ...]], bool] = {}
    seers: set[int] = set()
    with db.read() as session:
        ticket = session.get(Ticket, ticket_id)
        if ticket is None:
            return set()
        for actor in actors:
            asked = actor if actor.id in (ticket.assignee_id, ticket.reviewer_id) else replace(actor, id=0)
            key = (asked.id, asked.permissions, asked.regions)
            if key not in known:
                known[key] = session.scalar(select(Ticket.id).where(Ticket.id == ticket_id, visible(asked))) is not None
            if known[key]:
                seers.add(actor.id)
    return seers


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
                        try:
                            await self._tell(item)
                        except Exception:  # whoever should have heard it reads again
                            logger.exception("a live item could not be told")
                            self._again()
            except (redis.RedisError, OSError):
                logger.warning("the live feed hears nothing")
            except Exception:  # this task has no other who would start it again
                logger.exception("the live feed failed")
            self.hears.clear()
            await asyncio.sleep(pause)
            pause = min(pause * 2, 10.0)

    def _again(self) -> None:
        """From now on everything is heard; what was before has to be read."""
        self.hears.set()
        for listener in self.listeners:
            listener.give(RESYNC)

    async def _tell(self, item: dict[str, Any]) -> None:
        following = [listener for listener in self.listeners if listener.follows(item)]
        if "user" in item:  # to one person, whatever he may see by now
            following = [listener for listener in following if listener.actor.id == item["user"]]
        elif item.get("topic") == "tickets":
            limited = [listener.actor for listener in following if not _sees_all(listener.actor)]
            try:
                seers = await db.run(_seers, limited, item.get("ticket")) if limited else set()
            except TooMany:
                self._again()
                return
            following = [listener for listener in following if _sees_all(listener.actor) or listener.actor.id in seers]
        for listener in following:
            listener.give(item)


def _sees_all(actor: Actor) -> bool:
    return actor.may("ticket.read") and not actor.regions
