"""Frames on the socket pair between the controller and a pjsua2 process.

length (4 bytes, of what follows), kind (1 byte), body. Kinds: JSON; VOICE = call (4 bytes) + 16 kHz s16le heard;
PROMPT = call (4), token (4) + 16 kHz s16le to be played. Imports only the standard library: the processes stay small.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from typing import Any

JSON, VOICE, PROMPT = 0, 1, 2
RATE = 16_000  # Hz
FRAME_MS = 20
FRAME_BYTES = RATE * 2 * FRAME_MS // 1000
MOST = 64 * 1024 * 1024
_HEAD = struct.Struct(">IB")
_CALL = struct.Struct(">I")
_CALL_TOKEN = struct.Struct(">II")


def pack(event: dict[str, Any]) -> bytes:
    body = json.dumps(event).encode()
    return _HEAD.pack(len(body) + 1, JSON) + body


def pack_voice(call: int, pcm: bytes) -> bytes:
    return _HEAD.pack(len(pcm) + 5, VOICE) + _CALL.pack(call) + pcm


def pack_prompt(call: int, token: int, pcm: bytes) -> bytes:
    return _HEAD.pack(len(pcm) + 9, PROMPT) + _CALL_TOKEN.pack(call, token) + pcm


def unpack(kind: int, body: bytes) -> dict[str, Any]:
    """JSON as it is; voice and prompts as ``{"event": "voice" | "prompt", "call", "token", "pcm"}``."""
    if kind == JSON:
        event: dict[str, Any] = json.loads(body)
        return event
    if kind == VOICE:
        return {"event": "voice", "call": _CALL.unpack_from(body)[0], "pcm": body[4:]}
    call, token = _CALL_TOKEN.unpack_from(body)
    return {"event": "prompt", "call": call, "token": token, "pcm": body[8:]}


class Unpacker:
    """Collects bytes and yields whole frames. Raises ValueError when the peer speaks something else."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, data: bytes) -> Iterator[dict[str, Any]]:
        self._buffer += data
        while len(self._buffer) >= _HEAD.size:
            length, kind = _HEAD.unpack_from(self._buffer)
            if length > MOST or kind > PROMPT:
                raise ValueError("not our frames")
            if len(self._buffer) < length + 4:
                return
            body = bytes(self._buffer[_HEAD.size : length + 4])
            del self._buffer[: length + 4]
            yield unpack(kind, body)
