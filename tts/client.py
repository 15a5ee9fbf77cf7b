"""Asks ``hotline speaker`` of this machine."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp

from core.errors import ConfigurationError
from tts.contract import NotSpoken
from tts.settings import LONGEST_TEXT, SpeakerSettings

LARGEST = 16_000 * 2 * 120  # bytes of an answer


class ServiceSpeaker:
    """One for any number of texts."""

    numbers = True  # told in groups, with a melody

    def __init__(self, config: SpeakerSettings) -> None:
        self._config = config

    def there(self) -> bool:
        """Whether one runs here, or ran and is being started again."""
        try:
            return self._config.socket_path.exists()
        except (ConfigurationError, OSError):  # no place for sockets: a call goes on without a voice
            return False

    async def speak(self, text: str) -> AsyncIterator[bytes]:
        """The sound of each clause as soon as it is made, whole samples. Raises NotSpoken: at once where nothing will come or
        not soon enough, later where it broke off."""
        connector = aiohttp.UnixConnector(str(self._config.socket_path))
        limits = aiohttp.ClientTimeout(total=None, sock_connect=self._config.first_seconds)
        rest = b""
        try:
            async with aiohttp.ClientSession(connector=connector, timeout=limits) as session:
                async with asyncio.timeout(self._config.first_seconds):
                    response = await session.post("http://speaker/speak", data=text[:LONGEST_TEXT].encode())
                async with response:
                    if response.status != 200:
                        raise NotSpoken(f"hotline speaker answers {response.status}")
                    got = 0
                    while piece := await asyncio.wait_for(response.content.readany(), self._config.seconds):
                        got += len(piece)
                        if got > LARGEST:
                            raise NotSpoken("hotline speaker does not stop")
                        piece = rest + piece
                        whole = len(piece) // 2 * 2
                        rest = piece[whole:]
                        yield piece[:whole]
        except (aiohttp.ClientError, OSError, TimeoutError) as error:
            raise NotSpoken(f"hotline speaker: {type(error).__name__}") from error
