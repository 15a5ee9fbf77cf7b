"""A telephone: dials, plays a recording in real time (G.711 A-law), keys digits, hangs up. For the demo, tests and for trying
an installation out.

    python -m connectors.sip.softphone sip:400@127.0.0.1:5060 fault.wav --caller 13900001234

Each step is a line of JSON on standard output: ``{"event": ..., "at": seconds since the epoch}``; events are dialing,
answered, playing, played, keyed, ended (with ``status``), and recorded with the heard sound's length where ``--record``
was given. The exit code is 0 if the call was answered.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pjsua2 as pj
import soundfile

from connectors.sip.ear import Ear
from connectors.sip.sound import sound_of
from connectors.sip.wire import RATE
from connectors.sip.worker import quiet


class _Call(pj.Call):  # type: ignore[misc]  # pjsua2 has no types
    def __init__(self, account: Any) -> None:
        super().__init__(account)
        self.ear = Ear("softphone")
        self.state, self.status = 0, 0
        self.media = False

    def onCallState(self, prm: Any) -> None:
        info = self.getInfo()
        self.state, self.status = info.state, int(info.lastStatusCode)

    def onCallMediaState(self, prm: Any) -> None:
        info = self.getInfo()  # must outlive the loop: ``media`` points into it
        for index, media in enumerate(info.media):
            if media.type == pj.PJMEDIA_TYPE_AUDIO and media.status == pj.PJSUA_CALL_MEDIA_ACTIVE:
                voice = self.getAudioMedia(index)
                voice.startTransmit(self.ear)
                self.ear.startTransmit(voice)
                self.media = True


class Softphone:
    """One call after another from one process."""

    def __init__(self, *, codec: str = "PCMA", bind: str = "127.0.0.1", rtp_port: int = 0) -> None:
        self.codec, self.bind, self.rtp_port = codec, bind, rtp_port
        self.endpoint = pj.Endpoint()

    def __enter__(self) -> Softphone:
        self.endpoint.libCreate()
        config = pj.EpConfig()
        config.uaConfig.threadCnt = 0
        config.uaConfig.mainThreadOnly = True
        config.uaConfig.userAgent = "Hotline softphone"
        config.medConfig.clockRate = RATE
        config.medConfig.sndClockRate = RATE
        config.medConfig.noVad = True
        config.medConfig.ecTailLen = 0
        config.logConfig.level = config.logConfig.consoleLevel = 0
        self.endpoint.libInit(config)
        self.endpoint.audDevManager().setNullDev()
        transport = pj.TransportConfig()
        transport.boundAddress = self.bind
        self.endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport)
        self.endpoint.libStart()
        for codec in self.endpoint.codecEnum2():
            self.endpoint.codecSetPriority(codec.codecId, 255 if codec.codecId.startswith(self.codec) else 0)
        return self

    def __exit__(self, *_: object) -> None:
        gc.collect()  # no pjsua2 object may outlive the library
        self.endpoint.libDestroy()

    def call(
        self,
        uri: str,
        pcm: bytes,
        *,
        caller: str = "13900001234",
        before: float = 0.0,
        after: float = 0.3,
        digits: str = "",
        record: Path | None = None,
        hang_up: bool = True,
        longest: float = 600.0,
    ) -> bool:
        """Dials and goes through the whole call; whether it was answered. ``before``/``after``: s of silence around the
        sound; without ``hang_up`` it waits for the other side to end."""
        account = pj.Account()
        config = pj.AccountConfig()
        config.idUri = f"sip:{caller}@{self.bind}"
        config.mediaConfig.transportConfig.boundAddress = self.bind
        config.mediaConfig.transportConfig.port = self.rtp_port
        account.create(config)
        call = _Call(account)
        try:
            return self._through(call, uri, pcm, before, after, digits, record, hang_up, longest)
        finally:
            del call
            gc.collect()
            account.shutdown()
            del account

    def _through(
        self,
        call: _Call,
        uri: str,
        pcm: bytes,
        before: float,
        after: float,
        digits: str,
        record: Path | None,
        hang_up: bool,
        longest: float,
    ) -> bool:
        heard: list[bytes] = []
        call.makeCall(uri, pj.CallOpParam(True))
        _tell("dialing")
        self._until(lambda: call.state >= pj.PJSIP_INV_STATE_CONFIRMED and (call.media or _over(call)), 40, call, heard)
        answered = bool(call.state == pj.PJSIP_INV_STATE_CONFIRMED)
        if answered:
            _tell("answered")
            self._until(lambda: _over(call), before, call, heard)
            if pcm and not _over(call):
                call.ear.to_play.append((1, pcm))
                _tell("playing")
                self._until(lambda: bool(call.ear.played) or _over(call), len(pcm) / RATE / 2 + 5, call, heard)
                _tell("played")
            for digit in digits if not _over(call) else "":
                with contextlib.suppress(pj.Error):
                    call.dialDtmf(digit)
                self._until(lambda: _over(call), 0.25, call, heard)
                _tell("keyed")
            self._until(lambda: _over(call), after if hang_up else longest, call, heard)
        if not _over(call):
            with contextlib.suppress(pj.Error):
                call.hangup(pj.CallOpParam())
            self._until(lambda: _over(call), 5, call, heard)
        _tell("ended", status=call.status)
        if record is not None:
            sound = np.frombuffer(b"".join(heard), dtype="<i2")
            soundfile.write(record, sound, RATE, subtype="PCM_16")
            _tell("recorded", seconds=round(len(sound) / RATE, 2))
        return answered

    def _until(self, done: Any, seconds: float, call: _Call, heard: list[bytes]) -> None:
        deadline = time.monotonic() + seconds
        while not done() and time.monotonic() < deadline:
            self.endpoint.libHandleEvents(10)
            while call.ear.heard:
                heard.append(call.ear.heard.popleft())


def _over(call: _Call) -> bool:
    return bool(call.state == pj.PJSIP_INV_STATE_DISCONNECTED)


_out = sys.stdout


def _keep_standard_output() -> None:
    """Standard output for our lines alone: pjlib's go to /dev/null."""
    global _out
    _out = os.fdopen(os.dup(1), "w")
    quiet()


def _tell(event: str, **more: Any) -> None:
    _out.write(json.dumps({"event": event, "at": round(time.time(), 3), **more}) + "\n")
    _out.flush()


def main(arguments: list[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(prog="softphone", description="Makes one SIP call with a recorded voice.")
    parser.add_argument("uri", help="whom to call: sip:user@host:port")
    parser.add_argument("sound", nargs="?", type=Path, help="sound file that is spoken; none: silence")
    parser.add_argument("--caller", default="13900001234", help="the number that is shown")
    parser.add_argument("--codec", default="PCMA", help="PCMA, PCMU, G722 ...")
    parser.add_argument("--before", type=float, default=0.0, help="s to wait after the answer")
    parser.add_argument("--after", type=float, default=0.3, help="s to wait before hanging up")
    parser.add_argument("--digits", default="", help="keys to press after the sound")
    parser.add_argument("--record", type=Path, help="WAV file for what is heard")
    parser.add_argument("--wait", action="store_true", help="let the other side hang up")
    parser.add_argument("--bind", default="127.0.0.1", help="own address")
    given = parser.parse_args(arguments)
    _keep_standard_output()
    pcm = sound_of(given.sound) if given.sound else b""
    with Softphone(codec=given.codec, bind=given.bind) as phone:
        answered = phone.call(
            given.uri,
            pcm,
            caller=given.caller,
            before=given.before,
            after=given.after,
            digits=given.digits,
            record=given.record,
            hang_up=not given.wait,
        )
    return 0 if answered else 1


if __name__ == "__main__":
    sys.exit(main())
