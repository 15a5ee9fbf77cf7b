"""Asking the process that holds a call to do something now: put it on hold, put it through, end it.

Not a promise: what is asked is done and answered within seconds, or refused. The question goes out on Redis to every voice process;
the one that holds the call does it and answers into a list of this question's own.
"""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

import redis

from core import errors, live, log
from core.nudge import encode
from core.redis import asynchronous, connection

TOPIC = "voice"
PATIENCE = 6.0  # s
Handler = Callable[[str, str, dict[str, Any]], Awaitable[dict[str, Any] | None]]
logger = log.get(__name__)


def ask(session_id: str, what: str, *, patience: float = PATIENCE, **given: Any) -> dict[str, Any]:
    """Has the process that holds this call ("" for any process) do something; its answer. Blocks; raises what that raised,
    Unavailable when none answers."""
    key = f"hotline:asked:{uuid.uuid4().hex}"
    question = {"session": session_id, "what": what, "given": given, "reply": key, "until": time.time() + patience}
    try:
        client = connection()
        heard = client.publish(live.PREFIX + TOPIC, encode({**question, "topic": TOPIC}))
        answer: Any = client.blpop([key], timeout=patience) if heard else None
    except redis.RedisError as error:
        raise errors.Unavailable("Calls cannot be reached now.") from error
    if answer is None:
        raise errors.Unavailable("No telephone process holds this call.")
    found: dict[str, Any] = json.loads(answer[1])
    if code := found.get("error"):
        raise _kinds().get(str(code), errors.HotlineError)(str(found.get("message", "")))
    return found


async def answer_questions(handler: Handler) -> None:
    """Answers until it is cancelled, each question by itself: one that takes its time holds up no other. ``handler`` is given session, what, and the rest; it returns None for calls that are not
    its own. Raises redis.RedisError when Redis goes away."""
    async with live.listen(TOPIC) as questions:
        client = asynchronous()
        answering: set[asyncio.Task[None]] = set()
        try:
            async for question in questions:
                task = asyncio.create_task(_answer(handler, question, client))
                answering.add(task)
                task.add_done_callback(answering.discard)
        finally:
            for task in answering:
                task.cancel()
            await asyncio.gather(*answering, return_exceptions=True)
            await client.aclose()


async def _answer(handler: Handler, question: dict[str, Any], client: Any) -> None:
    if question.get("until", 0) < time.time():
        return
    try:
        # What any process may do is done by the first one.
        if not question["session"] and not await client.set(f"{question['reply']}:taken", 1, nx=True, ex=60):
            return
        await _reply(handler, question, client)
    except (redis.RedisError, OSError) as error:
        logger.warning("a question about a call could not be answered", reason=type(error).__name__)


async def _reply(handler: Handler, question: dict[str, Any], client: Any) -> None:
    try:
        found = await handler(str(question["session"]), str(question["what"]), dict(question["given"]))
    except errors.HotlineError as error:
        found = {"error": error.code, "message": error.message}
    except Exception:
        logger.exception("what was asked of a call went wrong", what=question.get("what"))
        found = {"error": "error", "message": "Something went wrong."}
    if found is None:
        return
    key = str(question["reply"])
    await client.rpush(key, encode(found))
    await client.expire(key, 60)


def _kinds() -> dict[str, type[errors.HotlineError]]:
    kinds = (
        errors.InvalidInput,
        errors.Forbidden,
        errors.NotFound,
        errors.Conflict,
        errors.TooMany,
        errors.Unavailable,
    )
    return {kind.code: kind for kind in kinds}
