"""What Hotline says in a call. The dialog itself is ``intake.dialog``; here it gets ears, a voice and a clock."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from asr import Partial
from connectors.sip.message import SipMessage
from connectors.sip.prompts import load
from connectors.sip.settings import SipSettings
from core import log
from intake import HeardTurn

if TYPE_CHECKING:
    from connectors.sip.call import Call

Voice = bytes  # 16 kHz mono s16le
logger = log.get(__name__)


class Talk:
    """Greets and listens."""

    def __init__(self, call: Call, config: SipSettings) -> None:
        self._call, self._config = call, config
        self.expects = ""
        self._task: asyncio.Task[None] | None = None

    @classmethod
    def of(cls, call: Call, config: SipSettings, invite: SipMessage) -> Talk:
        return cls(call, config)

    def start(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def facts(self) -> dict[str, Any]:
        return {}

    def hears(self, partial: Partial) -> None: ...

    def heard(self, turn: HeardTurn) -> None: ...

    def pressed(self, digit: str) -> None: ...

    async def _run(self) -> None:
        voice = load("greeting", self._config)
        if voice:
            self._call.say(voice)
