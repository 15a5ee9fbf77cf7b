"""One pjsua2 process: four calls at most, spoken to by the controller over the socket on file descriptor given as argument.

    python -m connectors.sip.worker FD

Only frames are copied here, nothing is decided: a busy interpreter would stretch the frames of all four calls. It ends
when the controller's end of the socket closes. Commands: configure, answer, dial, join, part, notify, press, hang_up,
stop_prompt, quit, and prompts. Events: ready, incoming, ringing, confirmed, held, digit, played, statistics, ended, freed, and voice.
"""

from __future__ import annotations

import contextlib
import gc
import os
import signal
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pjsua2 as pj

from connectors.sip import engine, wire
from connectors.sip.ear import Ear

POLL_MS = 5
WATCH_SECONDS = 1.0
COLLECT_SECONDS = 60.0
REST_SECONDS = 0.5  # until the last call's frames have stopped coming to its ear
MOST_UNSENT = 32 * 1024 * 1024  # bytes; a controller that reads nothing is dead


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
        self.voice: Any = None  # its sound in the bridge, while there is any

    def onCallState(self, prm: Any) -> None:
        state = self.getInfo()
        self.sip_id = self.sip_id or state.callIdString
        if state.state == pj.PJSIP_INV_STATE_EARLY and state.role == pj.PJSIP_ROLE_UAC:
            self.line.tell({"event": "ringing", "call": self.number})
        if state.state == pj.PJSIP_INV_STATE_CONFIRMED and self.abandoned:
            self.line.to_hang_up.append(self)
        elif state.state == pj.PJSIP_INV_STATE_CONFIRMED:
            self.confirmed = True
            self.line.tell({"event": "confirmed", "call": self.number})
        elif state.state == pj.PJSIP_INV_STATE_DISCONNECTED and not self.over:
            self.over = True
            self.voice = None
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
        self.voice = None  # on hold its place in the bridge goes, and may become another call's
        for index, media in enumerate(info.media):
            if media.type != pj.PJMEDIA_TYPE_AUDIO:
                continue
            held = media.status in (pj.PJSUA_CALL_MEDIA_REMOTE_HOLD, pj.PJSUA_CALL_MEDIA_LOCAL_HOLD)
            if held != self.held:
                self.held = held
                self.line.tell({"event": "held", "call": self.number, "held": held})
            if media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                self.voice = self.getAudioMedia(index)
                self.voice.startTransmit(self.ear)
                self.ear.startTransmit(self.voice)
                self.line.join_again(self.number)

    def onStreamDestroyed(self, prm: Any) -> None:
        self.count()

    def onDtmfDigit(self, prm: Any) -> None:
        self.line.tell({"event": "digit", "call": self.number, "digit": prm.digit})

    def onCallTransferRequest(self, prm: Any) -> None:
        prm.statusCode = 603  # the front answers these; pjsua would call whatever it is told to

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
        self._joined: set[tuple[int, int]] = set()  # who is heard by whom
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
        if name == "dial":
            self._dial(event)
            return
        if name in ("join", "part"):
            self._connect(event["call"], event["to"], on=name == "join")
            return
        call = self.calls.get(event["call"])
        if call is None or call.over:
            return
        if name == "notify":
            self._notify(call, event["status"])
        elif name == "answer":
            self.reply(call, event["status"])
        elif name == "hang_up":
            self.hang_up(call, event.get("status", 0))
        elif name == "prompt":
            call.ear.to_play.append((event["token"], event["pcm"]))
        elif name == "stop_prompt":
            call.ear.stop()
        elif name == "press":
            with contextlib.suppress(pj.Error):  # the other side takes no keys
                call.dialDtmf(event["digit"])

    def _dial(self, event: dict[str, Any]) -> None:
        """Calls somebody; what becomes of it is told as of any call."""
        call = self.calls[event["call"]] = Call(self, event["call"])
        operation = pj.CallOpParam(True)
        operation.txOption.localUri = event["from"]
        if event.get("replaces"):
            _add_header(operation.txOption, "Replaces", event["replaces"])
        try:
            call.makeCall(event["uri"], operation)
        except pj.Error as error:  # no free line, or no such address
            call.over = True
            reason = str(error.info())[:200]
            told = {"status": 503, "reason": reason, "confirmed": False, "packets": 0, "lost": 0}
            self.tell({"event": "ended", "call": call.number, **told})
            self.over.append(call)
            return
        call.sip_id = call.getInfo().callIdString
        self.tell({"event": "dialled", "call": call.number, "id": call.sip_id})

    def _connect(self, source: int, to: int, *, on: bool) -> None:
        """Has one call heard by another, or no longer; kept when their sound is renegotiated."""
        pair = (source, to)
        (self._joined.add if on else self._joined.discard)(pair)
        calls = [self.calls.get(number) for number in pair]
        first, second = (call.voice if call is not None and not call.over else None for call in calls)
        if first is not None and second is not None:
            with contextlib.suppress(pj.Error):
                if on:
                    first.startTransmit(second)
                else:
                    first.stopTransmit(second)

    def join_again(self, number: int) -> None:
        for source, to in list(self._joined):
            if number in (source, to):
                self._connect(source, to, on=True)

    def _notify(self, call: Call, status: str) -> None:
        """Tells a telephone what became of its REFER (RFC 3515 §2.4.5)."""
        request = pj.CallSendRequestParam()
        request.method = "NOTIFY"
        for name, value in (("Event", "refer"), ("Subscription-State", "terminated;reason=noresource")):
            _add_header(request.txOption, name, value)
        request.txOption.contentType = "message/sipfrag;version=2.0"
        request.txOption.msgBody = f"SIP/2.0 {status}\r\n"
        with contextlib.suppress(pj.Error):
            call.sendRequest(request)

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
            self._joined = {pair for pair in self._joined if call.number not in pair}
            self._resting.append((time.monotonic(), call.ear))
            self.tell({"event": "freed", "call": call.number, "id": call.sip_id})
            del call

    def _configure(self, event: dict[str, Any]) -> None:
        self._confirm_seconds = event["confirm_seconds"]
        transport = engine.configure(self.endpoint, event)
        self.account = Account()
        self.account.line = self
        self.account.create(engine.account(event))
        port = int(self.endpoint.transportGetInfo(transport).localName.rpartition(":")[2])
        self.tell({"event": "ready", "port": port, "pid": os.getpid()})


def _add_header(options: Any, name: str, value: str) -> None:
    header = pj.SipHeader()
    header.hName, header.hValue = name, value
    options.headers.push_back(header)


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
