"""The real voice, where ``make speaker`` installed it: it speaks Chinese that is recognised, in a process of its own that is replaced when
it dies."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import soundfile
from typer.testing import CliRunner

from app import system
from app.cli import app
from app.supervisor import Child, Supervisor, hotline
from asr.engine_vosk import VoskEngine
from asr.error_rate import compare, total
from asr.transcribe import recognise_file, spoken
from core import settings
from core.errors import ConfigurationError, InvalidInput
from tests.support.sip import eventually
from tts import RATE, NotSpoken, ServiceSpeaker, SpeakerSettings, installed
from tts.clauses import clauses
from tts.installation import model
from tts.kokoro import MOST_PHONEMES, STYLE_WIDTH, KokoroEngine

MODEL = os.environ.get("HOTLINE_ASR_MODEL", "")
needs_the_voice = pytest.mark.skipif(not installed(), reason="no voice is installed: make speaker")


@pytest.fixture(scope="module")
def engine() -> KokoroEngine:
    return KokoroEngine()


@needs_the_voice
@pytest.mark.skipif(not MODEL, reason="HOTLINE_ASR_MODEL is not set: no speech model to test with")
@pytest.mark.recogniser
def test_what_it_says_is_recognised(engine: KokoroEngine, tmp_path: Path) -> None:
    recogniser = VoskEngine(Path(MODEL))
    errors = []
    for text in ("北京市朝阳区建国路93号", "上海市浦东新区张杨路505号", "13900001234"):
        said = clauses(text)
        sound = np.frombuffer(b"".join(map(engine.say, said)), dtype="<i2")
        assert 0.12 * RATE * len(text) < len(sound) < 0.5 * RATE * len(text)  # neither babble nor silence
        assert 8_000 < np.abs(sound).max() < 20_000
        soundfile.write(tmp_path / "said.wav", sound, RATE)
        heard = spoken(" ".join(final.text for final in recognise_file(recogniser, tmp_path / "said.wav")))
        errors.append(compare("".join(said), heard))
    assert (total(errors).rate or 0.0) < 0.35


@needs_the_voice
def test_what_has_no_sound_is_none(engine: KokoroEngine) -> None:
    assert engine.say("、") == b""
    assert len(engine.say("B座")) > RATE // 4


@needs_the_voice
def test_another_model_is_not_taken() -> None:
    with pytest.raises(ConfigurationError, match="SHA-256"):
        model(sha256="0" * 64)


def test_another_voice_must_be_there(tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.bin"
    wrong.write_bytes(bytes(100))
    short = tmp_path / "short.bin"
    short.write_bytes(bytes(4 * STYLE_WIDTH * MOST_PHONEMES))  # a row less than the longest clause needs
    for voice in ("zf_nobody", str(wrong), str(short), str(tmp_path)):
        with pytest.raises(ConfigurationError, match="HOTLINE_SPEAKER_VOICE"):
            KokoroEngine(voice)


def test_without_it_one_line_says_what_to_do() -> None:
    assert not installed(["a_module_that_is_not_there"])
    with pytest.raises(ConfigurationError, match=r"^no voice is installed: make speaker$"):
        model(["a_module_that_is_not_there"])


@needs_the_voice
def test_people_can_hear_it(tmp_path: Path) -> None:
    told = CliRunner().invoke(app, ["speak", "文三路128号", "-o", str(tmp_path / "said.wav")])
    assert told.exit_code == 0, told.output
    assert told.output.startswith("文三路一百二十八号\n")
    sound, rate = soundfile.read(tmp_path / "said.wav")
    assert rate == RATE
    assert 1.0 < len(sound) / rate < 4.0


@pytest.fixture
def supervised(installation: Path) -> Iterator[Supervisor]:
    supervisor = Supervisor(children=[Child(name="speaker", command=hotline("speaker"))])
    supervisor.start()
    watching = threading.Thread(target=supervisor.watch)
    watching.start()
    yield supervisor
    supervisor.stop()
    watching.join()


@needs_the_voice
async def test_its_process_speaks_and_is_replaced_when_it_dies(supervised: Supervisor) -> None:
    service = ServiceSpeaker(settings.get(SpeakerSettings).model_copy(update={"first_seconds": 20.0, "seconds": 20.0}))

    async def says(text: str) -> bytes:
        began = time.monotonic()
        while time.monotonic() < began + 60:
            try:
                return b"".join([piece async for piece in service.speak(text)])
            except NotSpoken:
                await asyncio.sleep(0.1)
        raise AssertionError("it does not speak")

    sound = await says("杭州市西湖区文三路128号")
    assert len(sound) > 3 * RATE
    first = supervised.pids()["speaker"]
    assert os.getpriority(os.PRIO_PROCESS, first) > os.getpriority(os.PRIO_PROCESS, 0)
    os.kill(first, signal.SIGKILL)
    await eventually(lambda: supervised.pids().get("speaker", first) != first, 20)
    assert await says("杭州市西湖区文三路128号") == sound


def test_the_whole_system_has_it_where_it_is_installed() -> None:
    names = [child.name for child in system.whole_system().children]
    assert ("speaker" in names) == installed()


def test_a_program_of_ones_own_takes_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts.installed", lambda: True)
    assert "speaker" in [child.name for child in system.whole_system().children]
    settings.use(SpeakerSettings(command="/usr/bin/espeak-ng --stdout"))
    assert "speaker" not in [child.name for child in system.whole_system().children]


def test_what_has_no_sound_makes_no_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Silent:
        def say(self, clause: str) -> bytes:
            return b""

    monkeypatch.setattr("tts.commands.engine", lambda config: Silent())
    told = CliRunner().invoke(app, ["speak", "鿋", "-o", str(tmp_path / "said.wav")])
    assert isinstance(told.exception, InvalidInput)
    assert not (tmp_path / "said.wav").exists()
