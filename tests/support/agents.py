"""An agent's telephone made of sockets: rings, answers, speaks, holds, gives its caller on, hangs up."""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator
from typing import Any

import numpy as np

from asr.audio import ALAW
from connectors.sip.message import SipMessage, answer
from core import db
from tests.support.desk import person
from tests.support.rtp import Rtp, rtp, silence, tone, voice_port
from tests.support.sip import SDP, Peer, peer
from ticketing import phones
from ticketing.tables import User


class Telephone:
    """``peer`` and ``stream`` are its two sockets; ``rings`` gives its INVITE."""

    def __init__(self, line: Peer, stream: Rtp) -> None:
        self.peer, self.stream = line, stream
        self.invite = SipMessage()
        self.tag = uuid.uuid4().hex[:8]
        self._their_port = 0
        self._number = 100
        self._task: asyncio.Task[None] | None = None

    @property
    def address(self) -> str:
        return f"sip:agent@127.0.0.1:{self.peer.port}"

    async def rings(self, seconds: float = 10.0) -> SipMessage:
        self.invite = await self.peer.get(seconds, lambda message: message.method == "INVITE")
        self._their_port = _hop(self.invite)
        self.peer.send(self._answer(180, "Ringing"), self._their_port)
        return self.invite

    async def answers(self, seconds: float = 10.0) -> None:
        """Rings, and is picked up."""
        await self.rings(seconds)
        await self.picks_up(seconds)

    async def wants_a_password(self, seconds: float = 10.0) -> SipMessage:
        """Rings not before the call shows who makes it; the INVITE that did."""
        await self.rings(seconds)
        challenge = self._answer(407, "Proxy Authentication Required")
        challenge.headers.append(
            ("proxy-authenticate", 'Digest realm="trunk", nonce="n0nce", algorithm=MD5, qop="auth"')
        )
        self.peer.send(challenge, self._their_port)
        return await self.rings(seconds)

    def refuses(self, status: int, reason: str) -> None:
        self.peer.send(self._answer(status, reason), self._their_port)

    async def picks_up(self, seconds: float = 10.0) -> None:
        ok = self._answer(200, "OK")
        ok.headers += [("contact", f"<sip:agent@127.0.0.1:{self.peer.port}>"), ("content-type", "application/sdp")]
        ok.body = SDP.format(port=self.stream.port).encode()
        self.peer.send(ok, self._their_port)
        await self.peer.get(seconds, lambda message: message.method == "ACK")

    async def is_cancelled(self, seconds: float = 10.0) -> None:
        cancel = await self.peer.get(seconds, lambda message: message.method == "CANCEL")
        self.peer.send(answer(cancel, 200, "OK", tag=self.tag), _hop(cancel))
        self.peer.send(self._answer(487, "Request Terminated"), self._their_port)

    async def is_hung_up(self, seconds: float = 10.0) -> None:
        bye = await self.peer.get(seconds, lambda message: message.method == "BYE")
        self.peer.send(answer(bye, 200, "OK"), _hop(bye))

    async def hangs_up(self) -> None:
        self.peer.send(self.request("BYE"), self._their_port)
        await self.peer.get(5, lambda message: message.status == 200 and message.cseq[1] == "BYE")

    async def holds(self, *, on: bool) -> None:
        """A re-INVITE as a telephone's hold key sends it."""
        request = self.request("INVITE")
        body = SDP.format(port=self.stream.port) + ("a=sendonly\r\n" if on else "a=sendrecv\r\n")
        request.body = body.encode()
        request.headers += [
            ("contact", f"<sip:agent@127.0.0.1:{self.peer.port}>"),
            ("content-type", "application/sdp"),
        ]
        self.peer.send(request, self._their_port)
        done = await self.peer.get(5, lambda message: message.status == 200 and message.cseq[1] == "INVITE")
        assert done.status == 200
        self.peer.send(self.request("ACK", number=request.cseq[0]), self._their_port)

    async def refers(self, target: str, headers: str = "") -> SipMessage:
        """Gives its caller on; the answer to its REFER. ``headers``: of the URI."""
        request = self.request("REFER")
        request.headers += [
            ("refer-to", f"<sip:{target}@127.0.0.1{headers}>"),
            ("contact", f"<sip:agent@127.0.0.1:{self.peer.port}>"),
        ]
        self.peer.send(request, self._their_port)
        return await self.peer.get(5, lambda message: message.cseq[1] == "REFER")

    def request(self, method: str, number: int = 0) -> SipMessage:
        """One inside the dialog that its 200 made."""
        self._number += 1
        message = SipMessage(method, next(iter(self.invite.all("contact"))).strip("<>"))
        message.headers = [
            ("via", f"SIP/2.0/UDP 127.0.0.1:{self.peer.port};branch=z9hG4bK{uuid.uuid4().hex};rport"),
            *(("route", each) for each in self.invite.all("record-route")),
            ("max-forwards", "70"),
            ("from", f"{self.invite.get('to')};tag={self.tag}"),
            ("to", self.invite.get("from")),
            ("call-id", self.invite.call_id),
            ("cseq", f"{number or self._number} {method}"),
        ]
        return message

    async def speaks(self, sound: bytes) -> None:
        await self.stream.speak(sound, voice_port(self.invite))

    @contextlib.asynccontextmanager
    async def silent(self) -> AsyncIterator[None]:
        """Sends silence while the block lasts, as a telephone does."""
        async with sending(self.stream, voice_port(self.invite)):
            yield

    def _answer(self, status: int, reason: str) -> SipMessage:
        return answer(self.invite, status, reason, tag=self.tag)


def _hop(message: SipMessage) -> int:
    return int(str(message.all("via")[0]).split(";")[0].rpartition(":")[2])


@contextlib.asynccontextmanager
async def telephone() -> AsyncIterator[Telephone]:
    async with peer() as line, rtp() as stream:
        yield Telephone(line, stream)


@contextlib.asynccontextmanager
async def sending(stream: Rtp, port: int, sound: bytes = b"") -> AsyncIterator[None]:
    """Sends this sound (silence if there is none) over and over while the block lasts."""
    stop = asyncio.Event()

    async def send() -> None:
        while not stop.is_set():
            await stream.speak(sound or silence(0.1), port)

    task = asyncio.create_task(send())
    try:
        yield
    finally:
        stop.set()
        await task


def agent(login: str, address: str, state: str = "ready", role: str = "agent") -> int:
    """A user with a telephone."""
    user_id = person(login, role)
    with db.write() as session:
        phones.set_phone(session, session.get_one(User, user_id), address)
        phones.set_state(session, user_id, state)
    return user_id


def strength(samples: np.ndarray[Any, Any], hz: float, rate: int = 8000) -> float:
    """How strong a tone is in a sound (amplitude)."""
    if not len(samples):
        return 0.0
    at = np.arange(len(samples)) / rate
    return float(abs((samples * np.exp(-2j * np.pi * hz * at)).mean()) * 2)


def lately(stream: Rtp, hz: float, seconds: float = 0.4) -> float:
    """How strong a tone was in what came last."""
    codes = np.frombuffer(bytes(stream.received[-int(8000 * seconds) :]), np.uint8)
    return strength(ALAW[codes].astype(float), hz)


__all__ = ["Telephone", "agent", "lately", "sending", "silence", "strength", "telephone", "tone"]
