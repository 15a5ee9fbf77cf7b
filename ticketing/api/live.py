"""GET /live: a WebSocket that tells what changed."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import Any

from aiohttp import WSCloseCode, WSMsgType, web

from core import settings
from core.errors import TooMany
from core.http import dumps
from ticketing.access import signed_in, still_signed_in
from ticketing.live_feed import Feed, Listener, LiveSettings

FEED = web.AppKey("hotline_feed", Feed)
SIGNED_OUT = 4401
MESSAGE_LIMIT = 4096
_PATIENCE = 10.0  # s that a screen may take to read one item
_CHECK = 30.0  # s between looks whether the session still stands


async def live(request: web.Request) -> web.WebSocketResponse:
    """Sends ``{"topic": "tickets", "number": n, "kind", "ticket", "state", ...}``; takes ``{"subscribe": ["call:ID"]}`` and
    ``{"unsubscribe": [...]}``. ``{"topic": "resync"}`` says: something may have been missed, read the state again."""
    actor = signed_in(request)
    config = settings.get(LiveSettings)
    socket = web.WebSocketResponse(heartbeat=config.ping, max_msg_size=MESSAGE_LIMIT, timeout=5.0)
    async with request.app[FEED].listening(actor) as listener:
        await socket.prepare(request)
        writer = asyncio.create_task(_write(request, socket, listener))
        try:
            async for message in socket:
                if message.type is not WSMsgType.TEXT or not _obey(listener, message.data):
                    await socket.close(code=WSCloseCode.POLICY_VIOLATION, message=b"not understood")
        finally:
            writer.cancel()
            with contextlib.suppress(asyncio.CancelledError, ConnectionError):
                await writer
    return socket


async def _write(request: web.Request, socket: web.WebSocketResponse, listener: Listener) -> None:
    """Sends what the listener is given until it is dropped or its user's session ends."""
    loop = asyncio.get_running_loop()
    checked = loop.time()
    while True:
        item: dict[str, Any] | None = {}
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_CHECK):
                item = await listener.items.get()
        if loop.time() - checked >= _CHECK:
            checked = loop.time()
            if await still_signed_in(request) is None:
                await socket.close(code=SIGNED_OUT, message=b"signed out")
                return
        if item is None:
            await socket.close(code=WSCloseCode.TRY_AGAIN_LATER, message=b"too slow")
            return
        if not item:
            continue
        try:
            async with asyncio.timeout(_PATIENCE):
                await socket.send_str(dumps(item))
        except TimeoutError:  # it reads nothing; a polite close would wait for it too
            if request.transport is not None:
                request.transport.abort()
            return


def _obey(listener: Listener, text: str) -> bool:
    """Does what the screen asks; False for what cannot be understood."""
    try:
        wish: Any = json.loads(text)
    except (ValueError, RecursionError):
        return False
    if not isinstance(wish, dict) or set(wish) - {"subscribe", "unsubscribe"}:
        return False
    follow, leave = wish.get("subscribe", []), wish.get("unsubscribe", [])
    if not isinstance(follow, list) or not isinstance(leave, list):
        return False
    if not all(isinstance(topic, str) and len(topic) <= 80 for topic in (*follow, *leave)):
        return False
    listener.leave(leave)
    try:
        listener.follow(follow)
    except TooMany:
        return False
    return True


async def _end(api: web.Application) -> None:
    await api[FEED].close()


def routes(api: web.Application) -> None:
    api[FEED] = Feed()
    api.router.add_get("/live", live)
    api.on_shutdown.append(_end)
