"""One pjsua2 process: four calls at most, spoken to by the controller over the socket on file descriptor given as argument.

    python -m connectors.sip.worker FD

Only frames are copied here, nothing is decided: a busy interpreter would stretch the frames of all four calls. It ends
when the controller's end of the socket closes. Commands: configure, answer, hang_up, stop_prompt, quit, and
prompts. Events: ready, incoming, confirmed, digit, played, statistics, ended, freed, and voice.
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import signal
import socket
import sys
import time
from collections import deque
from pathlib import Path
from typing import Any

import pjsua2 as pj

from connectors.sip import wire

POLL_MS = 5
WATCH_SECONDS = 1.0
COLLECT_SECONDS = 60.0
REST_SECONDS = 0.5  # until the last call's frames have stopped coming to its ear
MOST_UNSENT = 32 * 1024 * 1024  # bytes; a controller that reads nothing is dead
_VECTOR = ctypes.c_void_p * 2  # begin and end of a std::vector


def _fast(frame: Any) -> bytes:
    """A frame's bytes through the vector's own pointers: 2 µs instead of 300."""
    begin, end = _VECTOR.from_address(int(frame.buf.this))
    return ctypes.string_at(begin, end - begin) if begin and end else b""


def _plain(frame: Any) -> bytes:
    return bytes(frame.buf)


class Ear(pj.AudioMediaPort):  # type: ignore[misc]  # pjsua2 has no types
    """Takes a call's frames and plays its prompts. Both callbacks run on pjmedia's clock thread: copy and return."""

    read = staticmethod(_fast)
    checked = False
    # While an object is taken down pjmedia may still call it, when its own attributes are gone: these are then found.
    heard: deque[bytes] | Any = ()
    to_play: deque[tuple[int, bytes]] | Any = ()

    def __init__(self, name: str) -> None:
        super().__init__()
        self.heard = deque(maxlen=3000)  # a minute
        self.to_play = deque()
        self.played: deque[int] = deque()
        self._at = 0
        layout = pj.MediaFormatAudio()
        layout.init(pj.PJMEDIA_FORMAT_PCM, wire.RATE, 1, wire.FRAME_MS * 1000, 16)
        self.createPort(name, layout)

    def onFrameReceived(self, frame: Any) -> None:
        data = Ear.read(frame)
        if not Ear.checked and data:  # an unexpected build of pjsua2 costs speed, never sound
            Ear.checked = True
            if data != _plain(frame):
                Ear.read = staticmethod(_plain)
                data = _plain(frame)
        if len(data) == wire.FRAME_BYTES and isinstance(self.heard, deque):
            self.heard.append(data)

    def onFrameRequested(self, frame: Any) -> None:
        if not self.to_play:
            frame.type = pj.PJMEDIA_FRAME_TYPE_NONE
            return
        token, pcm = self.to_play[0]
        piece = pcm[self._at : self._at + wire.FRAME_BYTES]
        self._at += wire.FRAME_BYTES
        if self._at >= len(pcm):
            self._at = 0
            with contextlib.suppress(IndexError):
                self.to_play.popleft()
            self.played.append(token)
        frame.type = pj.PJMEDIA_FRAME_TYPE_AUDIO
        frame.buf = pj.ByteVector(piece.ljust(wire.FRAME_BYTES, b"\0"))

    def clear(self) -> None:
        """Forgets the last call."""
        for kept in (self.heard, self.to_play, self.played):
            kept.clear()
        self._at = 0

    def stop(self) -> None:
        """Drops what is being played."""
        while self.to_play:
            with contextlib.suppress(IndexError):
                self.played.append(self.to_play.popleft()[0])
        self._at = 0


class Call(pj.Call):  # type: ignore[misc]
    """One call. Callbacks run inside ``libHandleEvents``, on the main thread."""

    def __init__(self, line: Line, number: int, call_id: int = pj.PJSUA_INVALID_ID) -> None:
        super().__init__(line.account, call_id)
        self.line, self.number = line, number
        self.sip_id = ""
        self.ear = line.take_ear()
        self.confirmed = False
        self.answered_at: float | None = None
        self.over = False
        self.abandoned = False
        self.packets, self.lost = 0, 0
        self.held = False

    def onCallState(self, prm: Any) -> None:
        state = self.getInfo()
        self.sip_id = self.sip_id or state.callIdString
        if state.state == pj.PJSIP_INV_STATE_CONFIRMED and self.abandoned:
            self.line.to_hang_up.append(self)
        elif state.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.confirmed = True
            self.line.tell({"event": "confirmed", "call": self.number})
        elif state.state == pj.PJSIP_INV_STATE_DISCONNECTED and not self.over:
            self.over = True
            self.line.flush(self)
            self.line.tell(
                {
                    "event": "ended",
                    "call": self.number,
                    "status": int(state.lastStatusCode),
                    "reason": state.lastReason,
                    "confirmed": self.confirmed,
                    "packets": self.packets,
                    "lost": self.lost,
                }
            )
            self.line.over.append(self)

    def onCallMediaState(self, prm: Any) -> None:
        info = self.getInfo()  # must outlive the loop: ``media`` points into it
        for index, media in enumerate(info.media):
            if media.type == pj.PJMEDIA_TYPE_AUDIO:
                self.held = media.status in (pj.PJSUA_CALL_MEDIA_REMOTE_HOLD, pj.PJSUA_CALL_MEDIA_LOCAL_HOLD)
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                voice = self.getAudioMedia(index)
                voice.startTransmit(self.ear)
                self.ear.startTransmit(voice)

    def onStreamDestroyed(self, prm: Any) -> None:
        self.count()

    def onDtmfDigit(self, prm: Any) -> None:
        self.line.tell({"event": "digit", "call": self.number, "digit": prm.digit})

    def count(self) -> None:
        """Reads the RTP counters; a call without a stream has none."""
        with contextlib.suppress(pj.Error):
            received = self.getStreamStat(0).rtcp.rxStat
            self.packets, self.lost = int(received.pkt), int(received.loss)


class Account(pj.Account):  # type: ignore[misc]
    line: Line

    def onIncomingCall(self, prm: Any) -> None:
        call = Call(self.line, self.line.next_number(), prm.callId)
        self.line.calls[call.number] = call  # a Call that nobody holds vanishes
        info = call.getInfo()
        call.sip_id = info.callIdString
        self.line.tell({"event": "incoming", "call": call.number, "id": call.sip_id, "invite": prm.rdata.wholeMsg})
        self.line.reply(call, 180)


class Line:
    """The process's main object."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        connection.setblocking(False)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 * 1024 * 1024)
        self.calls: dict[int, Call] = {}
        self.over: list[Call] = []
        self.to_hang_up: list[Call] = []
        self._numbers = 0
        self._resting: list[tuple[float, Ear]] = []
        self._unsent = bytearray()
        self._unpacker = wire.Unpacker()
        self._running = True
        self._confirm_seconds = 20.0
        self._watched = self._collected = 0.0
        self.endpoint = pj.Endpoint()
        self.account: Any = None

    def take_ear(self) -> Ear:
        """Ears are never freed while the process lives: the bridge removes a port later than it says, and would call into
        what is no longer there (seen as crashes of the interpreter)."""
        now = time.monotonic()
        for at, (since, ear) in enumerate(self._resting):
            if now - since > REST_SECONDS:
                del self._resting[at]
                ear.clear()
                return ear
        return Ear(f"ear-{self._numbers}")

    def next_number(self) -> int:
        self._numbers += 1
        return self._numbers

    def run(self) -> None:
        self.endpoint.libCreate()
        try:
            while self._running:
                if self.account is None:
                    time.sleep(POLL_MS / 1000)
                else:
                    self.endpoint.libHandleEvents(POLL_MS)
                self._read()
                self._ship()
                self._watch()
                self._let_go()
                self._send()
        finally:
            self.close()

    def _ship(self) -> None:
        for call in self.calls.values():
            self.flush(call, least=2)

    def close(self) -> None:
        """Every pjsua2 object must be gone before ``libDestroy``, else it aborts."""
        if self.account is not None:
            with contextlib.suppress(pj.Error):
                self.endpoint.hangupAllCalls()
            deadline = time.monotonic() + 1.0
            while self.calls and time.monotonic() < deadline:
                with contextlib.suppress(pj.Error):
                    self.endpoint.libHandleEvents(POLL_MS)
                self._let_go()
                with contextlib.suppress(OSError):
                    self._send()
        self.over.clear()
        self.to_hang_up.clear()
        self.calls.clear()
        self._resting.clear()
        if self.account is not None:
            self.account.shutdown()
            self.account = None
        gc.collect()
        self.endpoint.libDestroy()

    def tell(self, event: dict[str, Any]) -> None:
        self._unsent += wire.pack(event)

    def flush(self, call: Call, least: int = 1) -> None:
        heard = call.ear.heard
        if len(heard) >= least:
            pieces = [heard.popleft() for _ in range(len(heard))]
            self._unsent += wire.pack_voice(call.number, b"".join(pieces))
        while call.ear.played:
            self.tell({"event": "played", "call": call.number, "token": call.ear.played.popleft()})

    def reply(self, call: Call, status: int) -> None:
        """Answers an INVITE; the caller may have cancelled a moment ago, which raises."""
        operation = pj.CallOpParam()
        operation.statusCode = status
        try:
            call.answer(operation)
        except pj.Error:
            return
        if status == 200:
            call.answered_at = time.monotonic()

    def hang_up(self, call: Call, status: int = 0) -> None:
        operation = pj.CallOpParam()
        operation.statusCode = status
        with contextlib.suppress(pj.Error):
            call.hangup(operation)

    def _read(self) -> None:
        while self._running:
            try:
                data = self.connection.recv(1 << 20)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._running = False  # nobody would hear the calls
                return
            for event in self._unpacker.feed(data):
                self._obey(event)

    def _send(self) -> None:
        while self._unsent:
            try:
                sent = self.connection.send(memoryview(self._unsent)[: 1 << 18])
            except BlockingIOError:
                break
            except OSError:
                self._running = False
                return
            del self._unsent[:sent]
        if len(self._unsent) > MOST_UNSENT:
            self._running = False

    def _obey(self, event: dict[str, Any]) -> None:
        name = event["event"]
        if name == "configure":
            self._configure(event)
            return
        if name == "quit":
            self._running = False
            return
        call = self.calls.get(event["call"])
        if call is None or call.over:
            return
        if name == "answer":
            self.reply(call, event["status"])
        elif name == "hang_up":
            self.hang_up(call, event.get("status", 0))
        elif name == "prompt":
            call.ear.to_play.append((event["token"], event["pcm"]))
        elif name == "stop_prompt":
            call.ear.stop()

    def _watch(self) -> None:
        """Once a second: RTP counters, and answers that nobody confirmed (a lost ACK keeps a call up for ever)."""
        now = time.monotonic()
        if now - self._watched < WATCH_SECONDS:
            return
        self._watched = now
        if not self.calls and now - self._collected > COLLECT_SECONDS:
            self._collected = now
            gc.collect()
        numbers = []
        for call in self.calls.values():
            if call.over:
                continue
            call.count()
            numbers.append([call.number, call.packets, call.lost, call.held])
            if call.answered_at and not call.confirmed and now - call.answered_at > self._confirm_seconds:
                # pjsip sends no BYE before the ACK; the front gives us one in the caller's place.
                call.answered_at, call.abandoned = None, True
                self.tell({"event": "unconfirmed", "call": call.number, "id": call.sip_id})
        self.tell({"event": "statistics", "calls": numbers})

    def _let_go(self) -> None:
        while self.to_hang_up:
            self.hang_up(self.to_hang_up.pop())
        while self.over:
            call = self.over.pop()
            self.flush(call)
            self.calls.pop(call.number, None)
            self._resting.append((time.monotonic(), call.ear))
            self.tell({"event": "freed", "call": call.number, "id": call.sip_id})
            del call

    def _configure(self, event: dict[str, Any]) -> None:
        self._confirm_seconds = event["confirm_seconds"]
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.maxCalls = event["calls"]
        config.uaConfig.userAgent = event["agent"]
        config.medConfig.threadCnt = 1
        config.medConfig.clockRate = wire.RATE
        config.medConfig.sndClockRate = wire.RATE
        config.medConfig.channelCount = 1
        config.medConfig.audioFramePtime = wire.FRAME_MS
        config.medConfig.noVad = True
        config.medConfig.ecTailLen = 0
        # pjmedia's own choice throws away 8 % of the frames at 30 ms of jitter, to save 20 ms of delay; a recogniser
        # needs every frame and no haste: at least 100 ms are waited for, which leaves 0.6 %.
        config.medConfig.jbInit = config.medConfig.jbMinPre = 100
        config.medConfig.jbMaxPre, config.medConfig.jbMax = 240, 500
        config.logConfig.level = event.get("log", 0)
        config.logConfig.consoleLevel = event.get("log", 0)
        self.endpoint.libInit(config)
        self.endpoint.audDevManager().setNullDev()
        transport = pj.TransportConfig()
        transport.boundAddress = event.get("bind", "127.0.0.1")
        transport.port = event.get("port", 0)
        number = self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        self.endpoint.libStart()
        self._choose_codecs(event["codecs"])
        self.account = Account()
        self.account.line = self
        self.account.create(_account(event))
        port = int(self.endpoint.transportGetInfo(number).localName.rpartition(":")[2])
        self.tell({"event": "ready", "port": port, "pid": os.getpid()})

    def _choose_codecs(self, wanted: list[str]) -> None:
        ranks = {name.lower(): 250 - at for at, name in enumerate(wanted)}
        for codec in self.endpoint.codecEnum2():
            name, rate = codec.codecId.lower().split("/")[:2]
            fits = rate == ("16000" if name == "g722" else "8000") or name not in ("speex", "l16")
            self.endpoint.codecSetPriority(codec.codecId, ranks.get(name, 0) if fits else 0)


def _account(event: dict[str, Any]) -> Any:
    config = pj.AccountConfig()
    config.idUri = event["contact"]
    config.sipConfig.contactForced = event["contact"]
    config.natConfig.contactRewriteUse = 0
    config.natConfig.viaRewriteUse = 0
    config.natConfig.sdpNatRewriteUse = 0
    config.natConfig.sipOutboundUse = 0
    media = config.mediaConfig
    media.transportConfig.port = event["rtp_port"]
    media.transportConfig.portRange = event["rtp_ports"]
    media.transportConfig.publicAddress = event["address"]
    media.transportConfig.boundAddress = event.get("rtp_bind", "")
    media.srtpUse = {
        "off": pj.PJMEDIA_SRTP_DISABLED,
        "optional": pj.PJMEDIA_SRTP_OPTIONAL,
        "required": pj.PJMEDIA_SRTP_MANDATORY,
    }[event.get("srtp", "off")]
    media.srtpSecureSignaling = 0
    return config


def quiet() -> None:
    """pjlib writes its first lines to standard output before its log can be told to be silent."""
    with Path(os.devnull).open("w") as nothing:
        os.dup2(nothing.fileno(), 1)


def main() -> None:
    quiet()
    # The collector must not run inside a callback on pjmedia's thread, where it could free pjsua2 objects; the main loop
    # calls it while no call is there.
    gc.disable()
    # Frames are due every 20 ms; the default of 5 ms lets another thread hold the interpreter too long.
    sys.setswitchinterval(0.0005)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the controller, which tells us
    line = Line(socket.socket(fileno=int(sys.argv[1])))
    signal.signal(signal.SIGTERM, lambda *_: setattr(line, "_running", False))
    line.run()


if __name__ == "__main__":
    main()
