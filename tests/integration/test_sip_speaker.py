"""A voice that speaks what no prompt knows, a program's or our own: heard by the caller, left out when it fails."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from asr.audio import ALAW
from connectors.sip.message import answer
from connectors.sip.prompts import load
from connectors.sip.speaker import KEPT, CommandSpeaker, Speaker, speaker
from core import settings
from core.db import Database
from intake.understand import use
from nlu import Context, Request, Turn, Understanding
from tests.integration.test_sip_dialog import KnowsFourWords, steps, understander, until, utter
from tests.support.agents import strength
from tests.support.rtp import Rtp, rtp, silence, tone, voice_port
from tests.support.sip import controller, eventually, messages, peer, recogniser
from tests.support.voice import ToneEngine, speaking
from tts import NotSpoken, SpeakerSettings

pytestmark = pytest.mark.usefixtures("database", "blob_store")
assert understander
ADDRESS, SECOND_CLAUSE = "西安市雁塔区丈八东路15号", "丈八东路十五号"
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


async def all_of(voice: Speaker, text: str) -> bytes:
    return b"".join([piece async for piece in voice.speak(text)])


async def test_a_text_becomes_sound_once(tmp_path: Path) -> None:
    voice = CommandSpeaker(SpeakerSettings(command=program(tmp_path)))
    sound = await all_of(voice, "文三路128号")
    assert len(sound) == 32_000  # a second, at 16 kHz now
    assert strength(np.frombuffer(sound, dtype="<i2").astype(float), 700.0, 16_000) > 5000
    assert await all_of(voice, "文三路128号") == sound
    assert said(tmp_path) == ["文三路128号"]
    for number in range(KEPT):
        voice._kept[str(number)] = b""
    assert len(voice._kept) == KEPT + 1
    await all_of(voice, "另一个地址")
    assert len(voice._kept) == KEPT


@pytest.mark.parametrize(
    "text",
    ["import time; time.sleep(60)", "raise SystemExit(1)", "print('no sound')", "while True: print('x' * 99999)"],
)
async def test_a_program_that_fails_says_nothing(tmp_path: Path, text: str) -> None:
    voice = CommandSpeaker(SpeakerSettings(command=program(tmp_path, text), seconds=2.0))
    with pytest.raises(NotSpoken):
        await all_of(voice, "文三路")
    assert not voice._kept


async def test_without_a_program_there_is_no_voice(tmp_path: Path) -> None:
    assert speaker() is None
    settings.use(SpeakerSettings(command="/nowhere/at/all"))
    missing = speaker()
    assert missing is not None
    with pytest.raises(NotSpoken):
        await all_of(missing, "文三路")


async def test_a_program_of_ones_own_comes_before_our_voice(tmp_path: Path) -> None:
    async with speaking(ToneEngine()):
        ours = speaker()
        assert ours is not None
        assert ours.numbers
        assert await all_of(ours, "文三路")
        settings.use(SpeakerSettings(command=program(tmp_path)))
        theirs = speaker()
        assert isinstance(theirs, CommandSpeaker)
        assert not theirs.numbers


async def test_all_calls_share_one_program_and_what_it_has_said(tmp_path: Path) -> None:
    settings.use(SpeakerSettings(command=program(tmp_path), at_once=1))
    one, other = speaker(), speaker()
    assert one is not None
    assert other is not None
    assert await all_of(one, "文三路128号") == await all_of(other, "文三路128号")
    assert said(tmp_path) == ["文三路128号"]
    settings.use(SpeakerSettings(command="/nowhere/at/all"))
    assert speaker() is not one


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


def heard_by(stream: Rtp, since: int = 0) -> np.ndarray[Any, Any]:
    return ALAW[np.frombuffer(bytes(stream.received[since:]), np.uint8)].astype(float)


def beeps(stream: Rtp, since: int, hz: float = 700.0) -> float:
    """How many seconds of the voice's tone were heard."""
    sound = heard_by(stream, since)
    pieces = [sound[at : at + 800] for at in range(0, len(sound) - 800, 800)]
    return sum(strength(piece, hz, 8000) > 1000 for piece in pieces) / 10


@pytest.mark.parametrize(
    ("engine", "expected", "confirmed"),
    [
        (ToneEngine(), ["open", "read_back.address", "end.complete"], "丈八东路"),
        (ToneEngine(broken="丈八东路"), ["open", "end.complete"], None),
    ],
)
async def test_our_own_voice_reads_the_address_back_or_leaves_it_out(
    database: Database, engine: ToneEngine, expected: list[str], confirmed: str | None
) -> None:
    async with (
        speaking(engine),
        recogniser(["空调不制冷在丈八东路", "对"]),
        controller() as voice,
        peer() as caller,
        rtp() as stream,
    ):
        _, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        port = voice_port(response)
        await until(database, stream, port, "open")
        await utter(stream, port)
        if confirmed:
            await until(database, stream, port, "read_back.address")
            before = len(stream.received)
            await stream.speak(silence(len(load("read_back_address", voice.config)) / 32_000 + 1.0), port)
            assert 0.3 <= beeps(stream, before) <= 0.6
            await utter(stream, port)
        await until(database, stream, port, "end.complete")
        bye = await caller.get(20, lambda message: message.method == "BYE")
        caller.send(answer(bye, 200, "OK"), voice.front.port)
        [message] = await messages(1)
    assert steps(database) == expected
    assert engine.said == ["丈八东路"]
    assert message.extra["dialog"]["confirmed"].get("address") == confirmed


class KnowsALongAddress(KnowsFourWords):
    def understand(self, turns: Sequence[Turn], context: Context) -> Understanding:
        found = super().understand(turns, context)
        long = [replace(one, value=ADDRESS) if one.name == "address" else one for one in found.fields]
        return replace(found, requests=[Request(intents=["repair"], fields=long)])


class HoldsTheSecondClause(ToneEngine):
    def say(self, clause: str) -> bytes:
        if clause == SECOND_CLAUSE and clause not in self.said:
            self.hold.clear()
        return super().say(clause)


@pytest.mark.parametrize("what", ["whole", "breaks off", "interrupted"])
async def test_the_dialog_goes_on_whatever_becomes_of_the_second_clause(database: Database, what: str) -> None:
    use(KnowsALongAddress())
    engine = HoldsTheSecondClause(broken=SECOND_CLAUSE if what == "breaks off" else "")
    async with (
        speaking(engine, seconds=30.0),
        recogniser(["空调不制冷在丈八东路", "对的"]),
        controller() as voice,
        peer() as caller,
        rtp() as stream,
    ):
        _, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        port = voice_port(response)
        await until(database, stream, port, "open")
        await utter(stream, port)
        await until(database, stream, port, "read_back.address")
        before = len(stream.received)
        await stream.speak(silence(len(load("read_back_address", voice.config)) / 32_000 + 1.0), port)
        assert 0.3 <= beeps(stream, before) <= 0.6  # the first clause was heard, and the second one is not there
        if what == "interrupted":
            await utter(stream, port)
            await until(database, stream, port, "end.complete")
            assert beeps(stream, before) <= 0.6
        engine.hold.set()
        if what == "whole":
            await stream.speak(silence(1.0 + len(load("right", voice.config)) / 32_000), port)
            assert 0.7 <= beeps(stream, before) <= 1.2
            await utter(stream, port)
        await until(database, stream, port, "end.complete")
        bye = await caller.get(20, lambda message: message.method == "BYE")
        caller.send(answer(bye, 200, "OK"), voice.front.port)
        [message] = await messages(1)
    assert steps(database) == ["open", "read_back.address", "end.complete"]
    assert message.extra["dialog"]["confirmed"].get("address") == (None if what == "breaks off" else ADDRESS)
    assert engine.said == ["西安市雁塔区", SECOND_CLAUSE]


async def test_danger_words_stop_the_voice_and_are_acted_on_while_they_are_spoken(database: Database) -> None:
    use(KnowsALongAddress())
    engine = HoldsTheSecondClause()
    async with (
        speaking(engine, seconds=30.0),
        recogniser(["空调不制冷在丈八东路", "起火了"]),
        controller() as voice,
        peer() as caller,
        rtp() as stream,
    ):
        _, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        port = voice_port(response)
        await until(database, stream, port, "open")
        await utter(stream, port)
        await until(database, stream, port, "read_back.address")
        await stream.speak(silence(1.0), port)
        speaks_on = asyncio.create_task(stream.speak(tone(20.0), port))
        try:
            await eventually(lambda: steps(database)[-1] == "emergency", 5)  # a silence lasts 7
        finally:
            speaks_on.cancel()
    assert engine.said == ["西安市雁塔区", SECOND_CLAUSE]
