"""A program that speaks what no prompt knows: heard by the caller, left out when it fails."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

from asr.audio import ALAW
from connectors.sip.message import answer
from connectors.sip.prompts import load
from connectors.sip.speaker import KEPT, CommandSpeaker, SpeakerSettings, speaker
from core import settings
from core.db import Database
from tests.integration.test_sip_dialog import steps, understander, until, utter
from tests.support.agents import strength
from tests.support.rtp import rtp, voice_port
from tests.support.sip import controller, messages, peer, recogniser

pytestmark = pytest.mark.usefixtures("database", "blob_store")
assert understander
PROGRAM = """
import io, sys, math, struct, wave
text = sys.stdin.buffer.read().decode()
open({log!r}, "a").write(text + "\\n")
out = io.BytesIO()
with wave.open(out, "wb") as file:
    file.setnchannels(1)
    file.setsampwidth(2)
    file.setframerate(24000)
    file.writeframes(b"".join(struct.pack("<h", int(9000 * math.sin(n * 2 * math.pi * 700 / 24000))) for n in range(24000)))
sys.stdout.buffer.write(out.getvalue())
"""


def program(directory: Path, text: str = PROGRAM) -> str:
    path = directory / "speak.py"
    path.write_text(text.replace("{log!r}", repr(str(directory / "log"))), "utf-8")
    return f"{sys.executable} {path}"


def said(directory: Path) -> list[str]:
    return (directory / "log").read_text("utf-8").split()


async def test_a_text_becomes_sound_once(tmp_path: Path) -> None:
    voice = CommandSpeaker(SpeakerSettings(command=program(tmp_path)))
    sound = await voice.say("文三路128号")
    assert len(sound) == 32_000  # a second, at 16 kHz now
    assert strength(np.frombuffer(sound, dtype="<i2").astype(float), 700.0, 16_000) > 5000
    assert await voice.say("文三路128号") == sound
    assert said(tmp_path) == ["文三路128号"]
    for number in range(KEPT):
        voice._kept[str(number)] = b""
    assert len(voice._kept) == KEPT + 1
    await voice.say("另一个地址")
    assert len(voice._kept) == KEPT


@pytest.mark.parametrize(
    "text",
    ["import time; time.sleep(60)", "raise SystemExit(1)", "print('no sound')", "while True: print('x' * 99999)"],
)
async def test_a_program_that_fails_says_nothing(tmp_path: Path, text: str) -> None:
    voice = CommandSpeaker(SpeakerSettings(command=program(tmp_path, text), seconds=2.0))
    assert await voice.say("文三路") == b""


async def test_without_a_program_there_is_no_voice(tmp_path: Path) -> None:
    assert speaker() is None
    settings.use(SpeakerSettings(command="/nowhere/at/all"))
    missing = speaker()
    assert missing is not None
    assert await missing.say("文三路") == b""


@pytest.mark.parametrize("works", [True, False])
async def test_the_address_is_read_back_to_the_caller(tmp_path: Path, database: Database, works: bool) -> None:
    settings.use(SpeakerSettings(command=program(tmp_path) if works else "/nowhere/at/all"))
    script = ["空调不制冷在丈八东路", "对"]  # his number is known from the line
    async with recogniser(script), controller() as voice, peer() as caller, rtp() as stream:
        _, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        port = voice_port(response)
        await until(database, stream, port, "open")
        await utter(stream, port)
        if works:
            await until(database, stream, port, "read_back.address")
            prompt = len(load("read_back_address", voice.config)) / 32_000
            before = len(stream.received)
            await stream.speak(np.full(int(8000 * (prompt + 1.2)), 0xD5, dtype=np.uint8).tobytes(), port)
            heard = ALAW[np.frombuffer(bytes(stream.received[before:]), np.uint8)].astype(float)
            assert strength(heard[int(8000 * (prompt + 0.3)) :][:4000], 700.0, 8000) > 1000
            await utter(stream, port)
        await until(database, stream, port, "end.complete")
        bye = await caller.get(20, lambda message: message.method == "BYE")
        caller.send(answer(bye, 200, "OK"), voice.front.port)
        [message] = await messages(1)
    assert steps(database) == ["open", *(["read_back.address"] if works else []), "end.complete"]
    assert message.extra["dialog"]["confirmed"].get("address") == ("丈八东路" if works else None)
