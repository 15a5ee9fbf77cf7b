"""A voice for what no prompt can know: an address or a name that is read back.

A program of one's own speaks where one is set, else ``hotline speaker`` where it runs; without either only numbers are read
back, by prompts. What was said is kept in memory only, for it is personal.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import shlex
from collections import OrderedDict
from collections.abc import AsyncIterator
from typing import Protocol

import soundfile

from connectors.sip.sound import sound_of
from core import log, settings
from tts import LONGEST_TEXT, NotSpoken, ServiceSpeaker, SpeakerSettings

LARGEST = 10_000_000  # bytes of a sound file
KEPT = 64
logger = log.get(__name__)


class Speaker(Protocol):
    """Something that speaks. ``numbers``: it says those better than the prompts do."""

    numbers: bool

    def speak(self, text: str) -> AsyncIterator[bytes]:
        """16 kHz mono s16le, in pieces as they are made. Raises NotSpoken for what cannot be said now, or not to its end."""


class CommandSpeaker:
    """Asks a program; an answer is kept for the next time."""

    numbers = False

    def __init__(self, config: SpeakerSettings) -> None:
        self._config = config
        self._command = shlex.split(config.command)
        self._free = asyncio.Semaphore(config.at_once)
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        text = text[:LONGEST_TEXT]
        if text not in self._kept:
            self._kept[text] = await self._made(text)
        self._kept.move_to_end(text)
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
        yield self._kept[text]

    async def _made(self, text: str) -> bytes:
        try:
            async with asyncio.timeout(self._config.seconds), self._free:
                sound = await asyncio.to_thread(_pcm, await self._asked(text))
        except TimeoutError as error:
            raise NotSpoken("the program did not answer in time") from error
        except (OSError, soundfile.LibsndfileError, RuntimeError) as error:
            raise NotSpoken(f"the program cannot speak: {type(error).__name__}") from error
        if not sound:
            raise NotSpoken("the program said nothing")
        return sound

    async def _asked(self, text: str) -> bytes:
        process = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
        if process.stdin is None or process.stdout is None:
            raise OSError("no pipes")
        try:
            with contextlib.suppress(ConnectionError):  # it may have ended without reading
                process.stdin.write(text.encode("utf-8", "replace"))
                process.stdin.close()
            heard = bytearray()
            while len(heard) <= LARGEST and (piece := await process.stdout.read(1 << 16)):
                heard += piece
            return bytes(heard[:LARGEST])
        finally:
            with contextlib.suppress(ProcessLookupError):
                process.kill()
            await process.wait()


class Saying:
    """One text on its way: begun before it is decided that it will be said. ``close`` it in any case."""

    def __init__(self, speaker: Speaker, text: str) -> None:
        self._pieces = speaker.speak(text)
        self._first = b""
        self.whole = False

    async def begins(self) -> bool:
        """Whether there is something to hear."""
        self._first = await self.more()
        return bool(self._first)

    async def more(self) -> bytes:
        """The next piece; b"" at the end, ``whole`` says which one."""
        if self._first:
            first, self._first = self._first, b""
            return first
        try:
            async for piece in self._pieces:
                if piece:
                    return piece
            self.whole = True
        except NotSpoken as error:
            logger.warning("a text cannot be spoken", reason=error.message)
        return b""

    async def close(self) -> None:
        close = getattr(self._pieces, "aclose", None)
        if close is not None:
            await close()


def _pcm(file: bytes) -> bytes:
    return sound_of(io.BytesIO(file))


_program: tuple[SpeakerSettings, CommandSpeaker] | None = (
    None  # of the process: all calls share its limit and what it said
)


def speaker() -> Speaker | None:
    """The one that settings name, or that runs here; None for none."""
    global _program
    config = settings.get(SpeakerSettings)
    if config.command.strip():
        if _program is None or _program[0] != config:
            _program = config, CommandSpeaker(config)
        return _program[1]
    service = ServiceSpeaker(config)
    return service if service.there() else None
