"""Microphones through PyAudio (PortAudio). PyAudio is an extra, imported only when a microphone is wanted."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncGenerator, Iterator
from dataclasses import dataclass
from types import ModuleType
from typing import Any

from asr import RATE
from core import log
from core.errors import ConfigurationError, InvalidInput, Unavailable

FRAMES = RATE // 20  # 50 ms
MOST_WAITING = 200  # frames of 50 ms; a listener who is ten seconds behind is told so

logger = log.get(__name__)


@dataclass(frozen=True, kw_only=True)
class Device:
    """An input: PortAudio's number for it, channels, Hz it prefers, whether it is the one used by default."""

    number: int
    name: str
    channels: int
    rate: int
    default: bool


def devices() -> list[Device]:
    """The inputs there are. Raises ConfigurationError where PyAudio isn't installed."""
    with _portaudio() as (_, portaudio):
        default = _default(portaudio)
        found = [portaudio.get_device_info_by_index(number) for number in range(portaudio.get_device_count())]
    return [
        Device(
            number=int(one["index"]),
            name=str(one["name"]),
            channels=int(one["maxInputChannels"]),
            rate=round(float(one["defaultSampleRate"])),
            default=one["index"] == default,
        )
        for one in found
        if one["maxInputChannels"] > 0
    ]


async def frames(device: int | None = None) -> AsyncGenerator[bytes, None]:
    """16 kHz mono PCM in pieces of 50 ms, for as long as it is iterated.

    Raises ConfigurationError (PyAudio isn't installed), InvalidInput (no such input), Unavailable (the input failed).
    """
    loop = asyncio.get_running_loop()
    waiting: asyncio.Queue[bytes | None] = asyncio.Queue(MOST_WAITING)

    def put(piece: bytes | None) -> None:
        if not waiting.full():
            waiting.put_nowait(piece)

    def heard(piece: bytes | None, _count: int, _time: object, _status: int) -> tuple[None, int]:
        # On PortAudio's thread: hand over and return.
        loop.call_soon_threadsafe(put, piece)
        return None, pyaudio.paContinue

    with _portaudio() as (pyaudio, portaudio):
        stream = _open(pyaudio, portaudio, device, heard)
        try:
            while True:
                piece = await asyncio.wait_for(waiting.get(), timeout=5)
                if piece is None or waiting.full():
                    raise Unavailable("the microphone's audio could not be taken in time")
                yield piece
        except TimeoutError as error:
            raise Unavailable("the microphone delivers nothing") from error
        finally:
            stream.close()


def _open(pyaudio: ModuleType, portaudio: Any, device: int | None, heard: Any) -> Any:
    if device is None and _default(portaudio) is None:
        raise InvalidInput("there is no microphone; see hotline asr devices", field="device")
    try:
        return portaudio.open(
            rate=RATE,
            channels=1,
            format=pyaudio.paInt16,
            input=True,
            input_device_index=device,
            frames_per_buffer=FRAMES,
            stream_callback=heard,
        )
    except (OSError, ValueError) as error:
        which = "the default input" if device is None else f"input {device}"
        raise InvalidInput(f"{which} can't be opened at {RATE} Hz mono: {error}", field="device") from error


def _default(portaudio: Any) -> int | None:
    try:
        return int(portaudio.get_default_input_device_info()["index"])
    except OSError:
        return None


@contextlib.contextmanager
def _portaudio() -> Iterator[tuple[ModuleType, Any]]:
    try:
        import pyaudio
    except ImportError as error:
        raise ConfigurationError(
            "the microphone needs PyAudio: apt install portaudio19-dev, then pip install 'hotline[microphone]'"
        ) from error
    with _quiet():  # ALSA lists every device it doesn't have on standard error
        portaudio = pyaudio.PyAudio()
    try:
        yield pyaudio, portaudio
    finally:
        portaudio.terminate()


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, 2)
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
