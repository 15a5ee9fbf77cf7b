"""Independent SIP clients against our line: SIPp, baresip and linphone."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from connectors.sip.call import Call
from connectors.sip.message import SipMessage
from connectors.sip.plugin import prepare
from connectors.sip.recording import pcm_of
from tests.support.phones import baresip, linphone, needs, run, sipp
from tests.support.rtp import rtp, silence, tone, voice_port
from tests.support.sip import DATA, Peer, controller, eventually, messages, peer, recogniser

pytestmark = pytest.mark.usefixtures("database", "blob_store")
ACCOUNT = "<sip:13900001234@127.0.0.1>;regint=0"


@pytest.fixture(autouse=True)
def handlers() -> None:
    prepare()


def loud(recording: str) -> float:
    heard = np.frombuffer(pcm_of(recording), dtype="<i2").astype(float)
    return float(np.sqrt((heard**2).mean()))


@pytest.fixture
def holds(monkeypatch: pytest.MonkeyPatch) -> list[bool]:
    """Whether the call was on hold, as its process told, once a second."""
    told: list[bool] = []
    counted = Call.counted

    def noted(self: Call, packets: int, lost: int, held: bool) -> None:
        told.append(held)
        counted(self, packets, lost, held)

    monkeypatch.setattr(Call, "counted", noted)
    return told


async def test_sipp_calls_and_hangs_up(tmp_path: Path) -> None:
    needs("sipp", "sip-tester")
    async with recogniser([]), controller(processes=2) as voice:
        command = sipp(voice.front.port, "-sn", "uac", "-m", "12", "-l", "6", "-r", "8", "-d", "600")
        code, out = await run(*command, cwd=tmp_path)
        assert code == 0, out[-2000:]
        assert len(await messages(12)) == 12
        await eventually(lambda: voice.front.routes.free == 8)


async def test_sipp_holds_and_keys_a_digit(tmp_path: Path) -> None:
    needs("sipp", "sip-tester")
    async with recogniser([]), controller() as voice:
        command = sipp(voice.front.port, "-sf", str(DATA / "hold.xml"), "-m", "2", "-l", "2")
        code, out = await run(*command, cwd=tmp_path)
        assert code == 0, out[-2000:]
        found = await messages(2)
    assert [message.text for message in found] == ["5", "5"]


async def test_baresip_is_heard_holds_and_keys(tmp_path: Path, holds: list[bool]) -> None:
    async with recogniser(["洗地机不修了"]), controller() as voice, baresip(tmp_path / "phone", ACCOUNT) as phone:
        await phone.do("dial", f"sip:400@127.0.0.1:{voice.front.port}")
        await phone.until("CALL_ESTABLISHED")
        await asyncio.sleep(3)  # it speaks
        await phone.do("hold")
        await eventually(lambda: holds[-1:] == [True])
        await phone.do("resume")
        await eventually(lambda: holds[-1:] == [False])
        await phone.do("sndcode", "7")
        await asyncio.sleep(1)  # the digit's packets
        await phone.do("hangup")
        await phone.until("CALL_CLOSED")
        [message] = await messages(1)
    assert message.sender.value == "+8613900001234"
    assert "洗地机不修了" in message.text
    assert "7" in message.text
    assert loud(message.recording) > 100


async def test_baresip_gives_up_while_it_rings(tmp_path: Path) -> None:
    async with controller(ring_seconds=10) as voice, baresip(tmp_path / "phone", ACCOUNT) as phone:
        await phone.do("dial", f"sip:400@127.0.0.1:{voice.front.port}")
        await phone.until("CALL_RINGING")
        await phone.do("hangup")
        await phone.until("CALL_CLOSED")
        [message] = await messages(1)
        await eventually(lambda: voice.front.routes.free == 4)
    assert message.extra["outcome"] == "missed"


@pytest.mark.parametrize("digits", ["rfc4733", "info"])
async def test_linphone_speaks_keys_and_holds(tmp_path: Path, holds: list[bool], digits: str) -> None:
    account = {"use_info": int(digits == "info"), "use_rfc2833": int(digits == "rfc4733")}
    async with recogniser(["热水器漏电"]), controller() as voice, linphone(tmp_path / "phone", account) as phone:
        await phone.type("soundcard use files", "Using wav files")
        await phone.type(f"call sip:400@127.0.0.1:{voice.front.port}", "Media streams established")
        await phone.type(f"play {DATA / 'call.wav'}")
        await asyncio.sleep(3)  # it speaks
        await phone.type("8")
        await asyncio.sleep(2.5)  # until its packets are sent, or it has read the answer to its INFO
        await phone.type("pause", "is now paused")
        await eventually(lambda: holds[-1:] == [True])
        await phone.type("resume", "Media streams established")
        await eventually(lambda: holds[-1:] == [False])
        await phone.type("terminate", "ended")
        [message] = await messages(1)
    assert message.extra["outcome"] == "completed"
    assert "8" in message.text
    assert "热水器漏电" in message.text
    assert loud(message.recording) > 100


@pytest.mark.parametrize(
    ("ours", "theirs", "answered"),
    [
        ("required", "srtp-mand", True),
        ("optional", "srtp-mand", True),
        ("optional", "srtp", True),
        ("optional", "", True),
        ("off", "", True),
        ("required", "", False),
        ("off", "srtp-mand", False),
    ],
)
async def test_voice_is_encrypted_as_the_settings_say(tmp_path: Path, ours: str, theirs: str, answered: bool) -> None:
    """SDES (RFC 4568) with baresip's libsrtp on the other side."""
    account = f"{ACCOUNT};mediaenc={theirs}" if theirs else ACCOUNT
    async with controller(srtp=ours) as voice, baresip(tmp_path / "phone", account, modules="srtp") as phone:
        await phone.do("dial", f"sip:400@127.0.0.1:{voice.front.port}")
        if not answered:
            closed = await phone.until("CALL_CLOSED")
            assert closed["param"].startswith(("488", "406", "415"))
            return
        await phone.until("CALL_ESTABLISHED")
        await asyncio.sleep(2)  # it speaks
        await phone.do("hangup")
        [message] = await messages(1)
        encrypted = theirs.endswith("mand")
        assert ("SRTP is Enabled" in phone.log or "srtp" in phone.log.lower().partition("dial")[2]) or not encrypted
    assert loud(message.recording) > 100  # what is decrypted with a wrong key is noise or nothing
    assert message.extra["packets"] > 50


@pytest.mark.parametrize(
    ("codecs", "offered", "chosen"),
    [
        (("PCMA", "PCMU", "G722"), "0 8 9", "8"),
        (("PCMU", "PCMA", "G722"), "8 9 0", "0"),
        (("G722", "PCMA"), "0 8 9", "9"),
        (("PCMA",), "9 0 8", "8"),
    ],
)
async def test_the_settings_choose_the_codec(codecs: tuple[str, ...], offered: str, chosen: str) -> None:
    async with controller(codecs=codecs) as voice, peer() as caller:
        caller.send(_offering(caller, offered), voice.front.port)
        response = await caller.final()
        assert response.status == 200
        assert f" RTP/AVP {chosen} 101" in response.body.decode()


async def test_no_codec_in_common_is_no_call() -> None:
    async with controller(codecs=("PCMA",)) as voice, peer() as caller:
        caller.send(_offering(caller, "0 9"), voice.front.port)
        assert (await caller.final()).status == 488
        await eventually(lambda: voice.front.routes.free == 4)


def _offering(caller: Peer, formats: str) -> SipMessage:
    invite = caller.invite()
    invite.body = invite.body.replace(b"RTP/AVP 8 101", f"RTP/AVP {formats} 101".encode())
    invite.body += b"a=rtpmap:0 PCMU/8000\r\na=rtpmap:9 G722/8000\r\n"
    return invite


async def test_baresip_speaks_wideband(tmp_path: Path) -> None:
    account = f"{ACCOUNT};audio_codecs=G722/16000/1"
    high = (6000 * np.sin(2 * np.pi * 5500 * np.arange(16_000 * 3) / 16_000)).astype("<i2")
    async with (
        recogniser(["声音很清楚"]),
        controller() as voice,
        baresip(tmp_path / "phone", account, modules="g722", rate=16_000, say=high) as phone,
    ):
        await phone.do("dial", f"sip:400@127.0.0.1:{voice.front.port}")
        await phone.until("CALL_ESTABLISHED")
        await asyncio.sleep(3)  # it speaks
        await phone.do("hangup")
        [message] = await messages(1)
    assert message.text.startswith("声音很清楚")
    sound = np.frombuffer(pcm_of(message.recording), dtype="<i2").astype(float)
    spectrum = np.abs(np.fft.rfft(sound)) ** 2
    assert spectrum[len(spectrum) // 2 :].sum() > 0.5 * spectrum.sum()  # no telephone's 8 kHz carry that


def _timer(seconds: int) -> list[tuple[str, str]]:
    return [("supported", "timer"), ("session-expires", f"{seconds};refresher=uac")]


async def test_sessions_are_timed() -> None:
    """RFC 4028: an interval that is too short is refused with the least one, a refresh is answered."""
    async with controller() as voice, peer() as caller:
        short = caller.invite()
        short.headers += _timer(30)
        caller.send(short, voice.front.port)
        refused = await caller.final()
        assert (refused.status, refused.get("min-se")) == (422, "90")
        invite = caller.invite()
        invite.headers += _timer(90)
        caller.send(invite, voice.front.port)
        response = await caller.final()
        assert response.get("session-expires") == "90;refresher=uac"
        caller.send(caller.within("ACK", invite, response, 1), voice.front.port)
        refresh: Any = caller.within("UPDATE", invite, response, 2)
        refresh.headers += _timer(90)
        caller.send(refresh, voice.front.port)
        answered = await caller.final()
        assert (answered.status, answered.get("session-expires")) == (200, "90;refresher=uac")


async def test_a_late_bye_is_answered() -> None:
    async with controller() as voice, peer() as caller, rtp() as stream:
        invite, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        await stream.speak(tone(0.3) + silence(0.1), voice_port(response))
        bye = caller.within("BYE", invite, response, 2)
        caller.send(bye, voice.front.port)
        assert (await caller.final()).status == 200
        await messages(1)
        await eventually(lambda: voice.front.routes.free == 4)
        caller.send(bye, voice.front.port)  # our answer was lost
        assert (await caller.final()).status == 200
        caller.send(caller.within("BYE", invite, response, 3), voice.front.port)
        assert (await caller.final()).status in (200, 481)  # pjsip keeps the dialog for some seconds
        assert len(await messages(1)) == 1
