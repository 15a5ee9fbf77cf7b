"""A voice for what no prompt can know: an address or a name that is read back.

None is shipped: pieces of a recorded voice that are put together are not understood well enough to confirm an address by (docs:
channels/sip.md). A program of one's own speaks where one is set; without it only numbers are read back. What was said is kept in
memory only, for it is personal.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import shlex
from collections import OrderedDict
from typing import Protocol

import soundfile
from pydantic import Field

from connectors.sip.sound import sound_of
from core import log, settings

LARGEST = 10_000_000  # bytes of a sound file
LONGEST_TEXT = 200  # characters
KEPT = 64
logger = log.get(__name__)


class SpeakerSettings(settings.Section, prefix="SPEAKER"):
    """The voice of what is read back in calls."""

    command: str = Field(
        "",
        description="Program that reads a text (UTF-8) from standard input and writes a sound file (WAV, FLAC, Ogg) to "
        "standard output. Empty: only numbers are read back.",
    )
    seconds: float = Field(5.0, gt=0, description="s after which it is stopped, and what it had to say is left out.")
    at_once: int = Field(2, ge=1, description="Programs that run at the same time.")


class Speaker(Protocol):
    """Something that speaks."""

    async def say(self, text: str) -> bytes:
        """16 kHz mono s16le; b"" for what cannot be said now. Never raises."""


class CommandSpeaker:
    """Asks a program; an answer is kept for the next time."""

    def __init__(self, config: SpeakerSettings) -> None:
        self._config = config
        self._command = shlex.split(config.command)
        self._free = asyncio.Semaphore(config.at_once)
        self._kept: OrderedDict[str, bytes] = OrderedDict()

    async def say(self, text: str) -> bytes:
        text = text[:LONGEST_TEXT]
        if text in self._kept:
            self._kept.move_to_end(text)
            return self._kept[text]
        try:
            async with asyncio.timeout(self._config.seconds), self._free:
                sound = await asyncio.to_thread(_pcm, await self._asked(text))
        except TimeoutError:
            logger.warning("the speaker did not answer in time")
            return b""
        except (OSError, soundfile.LibsndfileError, RuntimeError) as error:
            logger.error("the speaker cannot speak", error=type(error).__name__)
            return b""
        self._kept[text] = sound
        while len(self._kept) > KEPT:
            self._kept.popitem(last=False)
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


def _pcm(file: bytes) -> bytes:
    return sound_of(io.BytesIO(file))


def speaker() -> Speaker | None:
    """The one that settings name; None for none."""
    config = settings.get(SpeakerSettings)
    return CommandSpeaker(config) if config.command.strip() else None
