"""The telephone's tests: a raw SIP peer, a recogniser that hears what a script says, a running controller."""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
import uuid
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import select

from asr import AsrSettings, Final, Listening, Partial, Word
from asr.server import Server
from connectors.sip.controller import Controller
from connectors.sip.ending import message_of_call, salvage
from connectors.sip.message import SipMessage, parse
from connectors.sip.settings import PeopleSettings, SipSettings
from core import db, settings
from intake import Message, MessageRow, SessionRow, message_of, on_end

DATA = Path(__file__).parent.parent / "data" / "sip"
SDP = (
    "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio {port} RTP/AVP 8 101\r\na=rtpmap:8 PCMA/8000\r\na=rtpmap:101 telephone-event/8000\r\n"
)


class Peer(asyncio.DatagramProtocol):
    """A SIP endpoint made of a UDP socket: sends what it is given, keeps what comes."""

    def __init__(self) -> None:
        self.came: asyncio.Queue[SipMessage] = asyncio.Queue()
        self.transport: Any = None
        self.port = 0

    def connection_made(self, transport: Any) -> None:
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.came.put_nowait(parse(data))

    def send(self, message: SipMessage | bytes, port: int) -> None:
        data = message if isinstance(message, bytes) else message.encode()
        self.transport.sendto(data, ("127.0.0.1", port))

    async def get(
        self, seconds: float = 5.0, wanted: Callable[[SipMessage], bool] = lambda message: True
    ) -> SipMessage:
        """The next message that is wanted; TimeoutError if none comes."""
        async with asyncio.timeout(seconds):
            while True:
                message = await self.came.get()
                if wanted(message):
                    return message

    async def final(self, seconds: float = 5.0) -> SipMessage:
        """The next response that is no provisional one."""
        return await self.get(seconds, lambda message: message.status >= 200)

    async def nothing(self, seconds: float = 0.5) -> bool:
        try:
            await self.get(seconds)
        except TimeoutError:
            return True
        return False

    def request(
        self, method: str, *, user: str = "400", call_id: str = "", body: str = "", number: int = 1, tag: str = ""
    ) -> SipMessage:
        call_id = call_id or uuid.uuid4().hex
        message = SipMessage(method, f"sip:{user}@127.0.0.1", body=body.encode())
        message.headers = [
            ("via", f"SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK{uuid.uuid4().hex};rport"),
            ("max-forwards", "70"),
            ("from", "<sip:13900001234@127.0.0.1>;tag=caller"),
            ("to", f"<sip:{user}@127.0.0.1>" + (f";tag={tag}" if tag else "")),
            ("call-id", call_id),
            ("cseq", f"{number} {method}"),
            ("contact", f"<sip:13900001234@127.0.0.1:{self.port}>"),
        ]
        if body:
            message.headers.append(("content-type", "application/sdp"))
        return message

    def invite(self, *, rtp_port: int = 40_000, **more: Any) -> SipMessage:
        return self.request("INVITE", body=SDP.format(port=rtp_port), **more)

    def within(self, method: str, invite: SipMessage, answer: SipMessage, number: int) -> SipMessage:
        """A request inside the dialog that this INVITE and its 2xx made."""
        message = self.request(method, call_id=invite.call_id, number=number)
        for name in ("from", "to"):
            message.put(name, answer.get(name))
        return message

    def cancel(self, invite: SipMessage) -> SipMessage:
        message = self.request("CANCEL", call_id=invite.call_id, number=invite.cseq[0])
        for name in ("via", "from", "to"):
            message.put(name, invite.get(name))
        return message

    async def establish(self, port: int, **more: Any) -> tuple[SipMessage, SipMessage]:
        """Calls until the 200 is acknowledged."""
        invite = self.invite(**more)
        self.send(invite, port)
        answer = await self.final()
        if answer.status == 200:
            self.send(self.within("ACK", invite, answer, invite.cseq[0]), port)
        return invite, answer


@contextlib.asynccontextmanager
async def peer() -> AsyncIterator[Peer]:
    transport, protocol = await asyncio.get_running_loop().create_datagram_endpoint(Peer, local_addr=("127.0.0.1", 0))
    try:
        yield protocol
    finally:
        transport.close()


class ScriptedEngine:
    """A recogniser that hears the script's next line whenever a stretch of sound is followed by 300 ms of silence, or the
    stream is finished. Each leg (customer, agent) may have a script of its own."""

    name = "script"

    def __init__(self, lines: Sequence[str] | Mapping[str, Sequence[str]] = ()) -> None:
        self.lines = {leg: list(of) for leg, of in (lines if isinstance(lines, Mapping) else {"": lines}).items()}

    def open(self, listening: Listening | None = None) -> ScriptedStream:
        listening = listening or Listening()
        return ScriptedStream(self.lines.get(listening.leg, self.lines.get("", [])), listening)


MUMBLED = "~"  # before a line whose words the recogniser is not sure of


class ScriptedStream:
    def __init__(self, lines: list[str], listening: Listening) -> None:
        self._lines, self._listening = lines, listening
        self._ms, self._start, self._quiet = 0, -1, 0

    def accept(self, pcm: bytes) -> Sequence[Partial | Final]:
        results: list[Partial | Final] = []
        for at in range(0, len(pcm), 640):
            piece = np.frombuffer(pcm[at : at + 640], dtype="<i2").astype(float)
            self._ms += 20
            if self._ms % 1000 == 0 and self._start < 0:
                results.append(Partial(text="", at=self._ms))
            if len(piece) and np.sqrt((piece**2).mean()) > 300:
                self._quiet = 0
                if self._start < 0:
                    self._start = self._ms
                    line = self._lines[0].lstrip(MUMBLED) if self._lines else ""
                    results.append(Partial(text=line[:2], at=self._ms))
            elif self._start >= 0:
                self._quiet += 20
                if self._quiet >= 300:
                    results.extend(self._over())
        return results

    def _over(self) -> list[Final]:
        start, self._start, self._quiet = self._start, -1, 0
        if start < 0 or not self._lines:
            return []
        line = self._lines.pop(0)
        text, confidence = line.lstrip(MUMBLED), 0.4 if line.startswith(MUMBLED) else 0.9
        step = max(1, (self._ms - start) // max(1, len(text)))
        words = [
            Word(text=sign, start=start + n * step, end=start + (n + 1) * step, confidence=confidence)
            for n, sign in enumerate(text)
        ]
        return [
            Final(text=" ".join(text), words=words, start=start, end=self._ms, at=self._ms, leg=self._listening.leg)
        ]

    def finish(self) -> Sequence[Final]:
        return self._over()

    def expect(self, endpointing: str) -> None: ...

    def close(self) -> None: ...


@contextlib.asynccontextmanager
async def recogniser(lines: Sequence[str] | Mapping[str, Sequence[str]]) -> AsyncIterator[Server]:
    """A recogniser process's server in this loop."""
    server = Server(ScriptedEngine(lines), settings.get(AsrSettings))
    await server.start()
    try:
        yield server
    finally:
        await server.stop()


@contextlib.asynccontextmanager
async def controller(people: PeopleSettings | None = None, **options: Any) -> AsyncIterator[Controller]:
    """A running voice controller with real pjsua2 processes on free ports."""
    if people is not None:
        settings.use(people)
    chosen = {"port": 0, "processes": 1, "rtp_port": free_rtp_port(), "min_free_mb": 0, **options}
    config = SipSettings(**chosen)
    settings.use(config)
    on_end("sip", message_of_call, salvage)
    running = Controller(config)
    await running.start()
    try:
        yield running
    finally:
        await running.stop()


_next_rtp = 20_000 + (hash(sys.argv[-1]) % 50) * 400


def free_rtp_port() -> int:
    """Voice ports that no other test of this process uses."""
    global _next_rtp
    _next_rtp += 200
    return _next_rtp


async def messages(count: int, seconds: float = 15.0) -> list[Message]:
    """The inbox once so many messages are in it."""
    rows = await eventually(lambda: _rows() if len(_rows()) >= count else None, seconds)
    return [message_of(row) for row in rows]


def _rows() -> list[MessageRow]:
    with db.read() as session:
        return list(session.scalars(select(MessageRow).order_by(MessageRow.received_at)))


def sessions() -> list[SessionRow]:
    with db.read() as session:
        return list(session.scalars(select(SessionRow).order_by(SessionRow.opened)))


async def eventually(check: Callable[[], Any], seconds: float = 10.0) -> Any:
    """What ``check`` returns as soon as it is true; another process is involved, so it is asked again and again."""
    deadline = asyncio.get_running_loop().time() + seconds
    while not (found := await asyncio.to_thread(check)):
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"it did not happen in {seconds:.0f} s")
        await asyncio.sleep(0.05)
    return found


async def softphone(*arguments: str) -> list[dict[str, Any]]:
    """Runs the softphone as a process of its own; what it told."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "connectors.sip.softphone", *arguments, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return [json.loads(line) for line in out.decode().splitlines()]
