"""RTP by hand: A-law packets at real time, telephone events (RFC 3550, RFC 4733)."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from collections.abc import AsyncIterator
from typing import Any

import numpy as np

from asr.audio import ALAW
from connectors.sip.message import SipMessage

_ORDER = np.argsort(ALAW, kind="stable")
_SORTED = ALAW[_ORDER].astype(np.int32)


def alaw(samples: np.ndarray[Any, Any]) -> bytes:
    """The nearest A-law codes of 16-bit samples."""
    at = np.clip(np.searchsorted(_SORTED, samples.astype(np.int32)), 1, 255)
    nearer = np.where(samples - _SORTED[at - 1] < _SORTED[at] - samples, at - 1, at)
    return bytes(_ORDER[nearer].astype(np.uint8).tobytes())


def tone(seconds: float, hz: float = 300.0) -> bytes:
    """A loud tone as A-law at 8 kHz."""
    at = np.arange(int(8000 * seconds)) / 8000
    return alaw((8000 * np.sin(2 * np.pi * hz * at)).astype(np.int32))


def silence(seconds: float) -> bytes:
    return alaw(np.zeros(int(8000 * seconds), dtype=np.int32))


class Rtp(asyncio.DatagramProtocol):
    """One side of a voice stream."""

    def __init__(self) -> None:
        self.transport: Any = None
        self.port = 0
        self.received = bytearray()
        self.keys = ""
        self._key_at = -1
        self.packets = 0
        self._sequence, self._time = 1000, 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if len(data) > 12 and data[1] & 0x7F == 8:
            self.packets += 1
            self.received += data[12:]
        elif (
            len(data) == 16 and (at := int.from_bytes(data[4:8])) != self._key_at
        ):  # a telephone event's packets share a time
            self._key_at = at
            self.keys += "0123456789*#ABCD"[data[12] & 15]

    async def speak(self, sound: bytes, port: int, pace: float = 0.02) -> None:
        """Sends A-law in real time, 20 ms a packet."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        for at in range(0, len(sound), 160):
            self._packet(8, sound[at : at + 160], port)
            self._time += 160
            due += pace
            await asyncio.sleep(max(0.0, due - loop.time()))

    def later(self, sound: bytes, port: int, delay: float) -> None:
        """One packet whose number and time are now, sent after a delay (s)."""
        packet = self._made(8, sound)
        self._time += 160
        asyncio.get_running_loop().call_later(delay, self.transport.sendto, packet, ("127.0.0.1", port))

    def skip(self) -> None:
        """A packet that is lost."""
        self._sequence += 1
        self._time += 160

    async def key(self, digit: str, port: int, kind: int = 101) -> None:
        """A digit as telephone events: begin, going on, and the end three times."""
        event = "0123456789*#ABCD".index(digit)
        for number in range(8):
            over = 0x80 if number >= 5 else 0
            duration = min(number + 1, 6) * 160
            self._packet(kind, struct.pack(">BBH", event, over | 10, duration), port, marker=number == 0)
            await asyncio.sleep(0.02)
        self._time += 1600

    def _packet(self, kind: int, payload: bytes, port: int, *, marker: bool = False) -> None:
        self.transport.sendto(self._made(kind, payload, marker=marker), ("127.0.0.1", port))

    def _made(self, kind: int, payload: bytes, *, marker: bool = False) -> bytes:
        self._sequence += 1
        head = struct.pack(">BBHII", 0x80, kind | (0x80 if marker else 0), self._sequence & 0xFFFF, self._time, 4711)
        return head + payload


@contextlib.asynccontextmanager
async def rtp() -> AsyncIterator[Rtp]:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(Rtp, local_addr=("127.0.0.1", 0))
    try:
        yield protocol
    finally:
        transport.close()


def voice_port(answer: SipMessage) -> int:
    """Where the other side wants its RTP, out of the SDP."""
    line = next(line for line in answer.body.decode().splitlines() if line.startswith("m=audio"))
    return int(line.split()[1])
