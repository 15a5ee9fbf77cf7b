"""The inbox: a channel is answered only after its message is here, on disk, together with the promise to understand it.

Commits are grouped: callers that arrive within a few milliseconds share one transaction, because one durable commit costs
as much for a hundred messages as for one.
"""

from __future__ import annotations

import asyncio
import dataclasses
import queue
import threading
import uuid
from collections.abc import Mapping
from concurrent.futures import Future
from typing import Any

from pydantic import Field
from sqlalchemy import insert, select
from sqlalchemy.orm import Session

from core import clock, db, log, metrics, outbox, settings
from core.errors import InvalidInput, TooLarge, TooMany
from core.text import clean
from intake.message import Acceptance, Attachment, HeardWord, Message, Place, Sender
from intake.tables import MessageRow

UNDERSTAND = "intake.understand"
logger = log.get(__name__)


class InboxSettings(settings.Section, prefix="INBOX"):
    """Limits of the inbox."""

    group_ms: int = Field(5, description="ms that a message waits for others to share its commit.")
    group_size: int = Field(200, description="Messages in one commit at most.")
    waiting: int = Field(2000, description="Messages waiting for their commit before new ones are refused.")
    text_limit: int = Field(200_000, description="Characters of a message's text; the original is kept whole.")
    attachments: int = Field(50, description="Attachments of one message at most.")


def accept_now(message: Message) -> Acceptance:
    """Takes the message in and returns once it is on disk. Raises InvalidInput, TooLarge, TooMany (answer "later")."""
    return _committer().submit(_prepared(message)).result(timeout=30)


async def accept(message: Message) -> Acceptance:
    """The same for asyncio edges; does no other input or output."""
    return await asyncio.wait_for(asyncio.wrap_future(_committer().submit(_prepared(message))), timeout=30)


def accept_in(session: Session, message: Message) -> Acceptance:
    """The same in the caller's own transaction, where the message comes of something already promised."""
    return _insert(session, [_prepared(message)])[0]


def _prepared(message: Message) -> Message:
    config = settings.get(InboxSettings)
    if not message.channel or not message.channel_id or len(message.channel_id) > 255:
        raise InvalidInput("A message needs its channel and an identity of 1 to 255 characters on it.")
    if len(message.attachments) > config.attachments:
        raise TooLarge(f"A message may have {config.attachments} attachments.")
    if any(word.offset < 0 for word in message.words):
        raise InvalidInput("The words of a message start in its text.")
    clock.aware(message.sent_at)
    text = message.text if message.words else clean(message.text)
    problem = message.problem
    if len(text) > config.text_limit:
        problem = problem or f"The text was cut after {config.text_limit} characters; the original is complete."
        text = text[: config.text_limit]
    return dataclasses.replace(
        message,
        text=text,
        subject=clean(message.subject, 500),
        cut_text=clean(message.cut_text, 100_000),
        problem=problem,
        channel_id=clean(message.channel_id, 255),
        conversation=clean(message.conversation, 200),
    )


class _Committer:
    """One thread that commits what has gathered."""

    def __init__(self) -> None:
        self.config = settings.get(InboxSettings)
        self._waiting: queue.Queue[tuple[Message, Future[Acceptance]]] = queue.Queue(self.config.waiting)
        self._thread = threading.Thread(target=self._run, name="inbox", daemon=True)
        self._thread.start()

    def submit(self, message: Message) -> Future[Acceptance]:
        future: Future[Acceptance] = Future()
        try:
            self._waiting.put_nowait((message, future))
        except queue.Full:
            metrics.refused.labels("inbox", "full").inc()
            raise TooMany("The inbox is full; send it again shortly.") from None
        return future

    def _run(self) -> None:
        while True:
            group = [self._waiting.get()]
            deadline = self.config.group_ms / 1000
            while len(group) < self.config.group_size:
                try:
                    group.append(self._waiting.get(timeout=deadline) if deadline else self._waiting.get_nowait())
                except queue.Empty:
                    break
                if self._waiting.empty():
                    deadline = 0
            # From here on a caller that goes away (its connection broke) can no longer cancel: setting the result of a
            # cancelled future raises, and would end this thread and with it the inbox.
            self._commit([item for item in group if item[1].set_running_or_notify_cancel()])

    def _commit(self, group: list[tuple[Message, Future[Acceptance]]]) -> None:
        if not group:
            return
        try:
            with db.write() as session:
                acceptances = _insert(session, [message for message, _ in group])
        except Exception as error:
            if len(group) > 1:  # one bad message must not refuse its neighbours
                for item in group:
                    self._commit([item])
                return
            logger.exception("a message could not be kept", channel=group[0][0].channel)
            group[0][1].set_exception(error)
            return
        for (message, future), acceptance in zip(group, acceptances, strict=True):
            metrics.messages.labels(message.channel, "known" if acceptance.known else "new").inc()
            future.set_result(acceptance)


def _insert(session: Session, messages: list[Message]) -> list[Acceptance]:
    known: dict[tuple[str, str], str] = {}
    for channel in {message.channel for message in messages}:
        # By channel, for SQLite searches no index for (channel, channel_id) IN (...) but reads the whole table.
        ids = {message.channel_id for message in messages if message.channel == channel}
        found = session.execute(
            select(MessageRow.channel_id, MessageRow.id).where(
                MessageRow.channel == channel, MessageRow.channel_id.in_(ids)
            )
        )
        known.update({(channel, row.channel_id): row.id for row in found})
    acceptances: list[Acceptance] = []
    rows: list[dict[str, Any]] = []
    promises: list[tuple[str, dict[str, Any], outbox.Queue | None]] = []
    for message in messages:
        key = (message.channel, message.channel_id)
        if key in known:
            acceptances.append(Acceptance(message_id=known[key], known=True))
            continue
        message_id = known[key] = uuid.uuid4().hex
        rows.append(_row(message_id, message))
        promises.append((UNDERSTAND, {"message": message_id}, "understand"))
        promises += [(kind, {"message": message_id}, None) for kind in message.promises]
        acceptances.append(Acceptance(message_id=message_id, known=False))
    if rows:  # one statement for all of them: in a burst this is what an entrance spends its time on
        session.execute(insert(MessageRow), rows)
        outbox.promise_each(session, promises)
    return acceptances


_KEPT_AS_COLUMNS = ("channel", "channel_id", "conversation", "text", "sent_at", "problem")


def _row(message_id: str, message: Message) -> dict[str, Any]:
    content = dataclasses.asdict(message)
    for name in _KEPT_AS_COLUMNS:
        del content[name]
    content = {name: value if name == "words" else _cleaned(value) for name, value in content.items()}
    return {
        "id": message_id,
        "channel": message.channel,
        "channel_id": message.channel_id,
        "state": "waiting" if message.waits else "accepted",
        "conversation": message.conversation,
        "text": message.text,
        "content": content,
        "sent_at": message.sent_at,
        "received_at": clock.now(),
        "problem": message.problem,
    }


def _cleaned(value: Any) -> Any:
    """Every string in it as every database can hold it: a name may come with half an emoji or a NUL."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, Mapping):
        return {str(_cleaned(name)): _cleaned(item) for name, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, list | tuple) else value


def message_of(row: MessageRow) -> Message:
    """The Message that a row keeps."""
    content: dict[str, Any] = dict(row.content)
    content["sender"] = Sender(**content["sender"])
    content["attachments"] = tuple(Attachment(**a) for a in content["attachments"])
    content["words"] = tuple(HeardWord(**w) for w in content["words"])
    content["place"] = Place(**content["place"]) if content["place"] else None
    content["thread"] = tuple(content["thread"])
    content["promises"] = tuple(content.get("promises", ()))
    return Message(
        channel=row.channel,
        channel_id=row.channel_id,
        conversation=row.conversation,
        text=row.text,
        sent_at=row.sent_at,
        problem=row.problem,
        **content,
    )


_shared: _Committer | None = None
_lock = threading.Lock()


def _committer() -> _Committer:
    global _shared
    with _lock:
        if _shared is None:
            _shared = _Committer()
        return _shared
