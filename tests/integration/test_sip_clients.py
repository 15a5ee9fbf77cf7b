"""Independent SIP clients against our line: SIPp and baresip."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from connectors.sip.plugin import prepare
from connectors.sip.recording import pcm_of
from connectors.sip.sound import sound_of
from tests.support.phones import MODULES, needs, run, sipp
from tests.support.sip import DATA, controller, eventually, messages, recogniser
from tests.support.system import free_port

pytestmark = pytest.mark.usefixtures("database", "blob_store")


@pytest.fixture(autouse=True)
def handlers() -> None:
    prepare()


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


async def test_baresip_is_heard(tmp_path: Path) -> None:
    needs("baresip", "baresip-core")
    sound = np.frombuffer(sound_of(DATA / "call.wav"), dtype="<i2")
    soundfile.write(tmp_path / "say.wav", sound[::2], 8000, subtype="PCM_16")
    (tmp_path / "config").write_text(
        f"module_path {MODULES}\nmodule g711.so\nmodule aufile.so\nmodule_app menu.so\nmodule_app account.so\n"
        f"audio_source aufile,{tmp_path}/say.wav\naudio_player aufile,{tmp_path}/heard.wav\n"
        f"sip_listen 127.0.0.1:{free_port(2)}\nrtp_ports 41000-41100\naudio_srate 8000\naudio_channels 1\n"
    )
    (tmp_path / "accounts").write_text("<sip:13900001234@127.0.0.1>;regint=0;audio_codecs=PCMA/8000/1\n")
    (tmp_path / "contacts").write_text("")
    async with recogniser(["洗地机不修了"]), controller() as voice:
        command = ["baresip", "-f", str(tmp_path), "-e", f"/dial sip:400@127.0.0.1:{voice.front.port}", "-t", "7"]
        _, out = await run(*command, seconds=30, cwd=tmp_path)
        [message] = await messages(1)
    assert message.sender.value == "+8613900001234", out[-2000:]
    heard = np.frombuffer(pcm_of(message.recording), dtype="<i2").astype(float)
    assert np.sqrt((heard**2).mean()) > 100
