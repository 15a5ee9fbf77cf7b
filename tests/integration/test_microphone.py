"""The counter desk's microphone, through a PulseAudio null sink into which a recording is played."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Iterator
from contextlib import aclosing
from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr

from asr import AsrSettings, Final, Partial, Word
from asr.server import Server
from connectors.microphone.listen import deliver, listen
from core import blobs, db, settings
from core.db import Database
from core.errors import Unavailable
from intake import MessageRow, message_of
from tests.support.spelling import SpellingEngine, spell

CALL = Path(__file__).parent.parent / "data" / "speech" / "w1-015.wav"


async def played(*pieces: bytes) -> AsyncGenerator[bytes, None]:
    for piece in pieces:
        yield piece


@pytest.fixture
async def recogniser(tmp_path: Path) -> AsyncGenerator[AsrSettings, None]:
    config = AsrSettings(socket=str(tmp_path / "asr.sock"), threads=1)
    settings.use(config)
    server = Server(SpellingEngine(), config)
    await server.start()
    yield config
    await server.stop()


async def test_captions_and_turns_come_while_somebody_speaks(recogniser: AsrSettings) -> None:
    captions: list[Partial] = []
    audio = bytearray()
    pieces = (spell(1), spell(2, 0, 0, 0), spell(3))
    async with aclosing(listen(played(*pieces), caption=captions.append, keep=audio)) as said:
        turns = [turn async for turn in said]
    assert [turn.text for turn in turns] == ["w1 w2", "w3"]
    assert captions[0].text.startswith("w1")
    assert bytes(audio) == b"".join(pieces)


async def test_listening_stops_when_it_is_told_to(recogniser: AsrSettings) -> None:
    stop = asyncio.Event()

    async def for_ever() -> AsyncGenerator[bytes, None]:
        while True:
            yield spell(1)
            await asyncio.sleep(0)

    async with aclosing(listen(for_ever(), seconds=1)) as said:
        assert [len(turn.words) async for turn in said] == [10]
    stop.set()
    async with aclosing(listen(for_ever(), stop=stop)) as said:
        assert [len(turn.words) async for turn in said] == [1]


async def test_a_microphone_that_fails_is_told(recogniser: AsrSettings) -> None:
    async def broken() -> AsyncGenerator[bytes, None]:
        yield spell(1)
        raise Unavailable("the microphone delivers nothing")

    with pytest.raises(Unavailable, match="delivers nothing"):
        async with aclosing(listen(broken())) as said:
            async for _ in said:
                pass


def test_a_conversation_at_the_desk_is_in_the_inbox_with_its_recording(database: Database) -> None:
    def turn(text: str, start: int) -> Final:
        word = Word(text=text, start=start, end=start + 100, confidence=0.9)
        return Final(text=text, words=(word,), start=start, end=start + 100)

    accepted = deliver([turn("空调", 0), turn("不制冷", 500)], spell(1), "desk-1")
    with db.read() as session:
        row = session.get(MessageRow, accepted.message_id)
        assert row is not None
        message = message_of(row)
    assert (message.channel, message.style, message.text) == ("microphone", "call", "空调\n不制冷")
    assert [message.text[word.offset :][: len(word.text)] for word in message.words] == ["空调", "不制冷"]
    assert message.words[1].start == 500
    assert blobs.store().get(message.recording)[44:] == spell(1)


def test_without_pyaudio_one_line_says_what_to_install(tmp_path: Path) -> None:
    (tmp_path / "pyaudio.py").write_text("raise ImportError('no PortAudio')\n")
    script = (
        "from core.errors import ConfigurationError\n"
        "from connectors.microphone import source\n"
        "try:\n    source.devices()\n"
        "except ConfigurationError as error:\n    print(error.message)\n"
    )
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}:{Path(__file__).parents[2]}"}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert (
        done.stdout
        == "the microphone needs PyAudio: apt install portaudio19-dev, then pip install 'hotline[microphone]'\n"
    )


class Pulse:
    """A PulseAudio server of our own with a sink nobody hears and a microphone that hears it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {
            **os.environ,
            "HOME": str(home),
            "XDG_RUNTIME_DIR": str(home),
            "PULSE_RUNTIME_PATH": str(home),
        }
        (home / ".asoundrc").write_text("pcm.!default { type pulse }\nctl.!default { type pulse }\n")
        modules = (
            f"module-native-protocol-unix auth-anonymous=1 socket={home}/native",
            "module-null-sink sink_name=micfeed rate=16000 channels=1 format=s16le",
            "module-remap-source source_name=fakemic master=micfeed.monitor",
        )
        self.environment["PULSE_SERVER"] = f"unix:{home}/native"
        loads = [argument for module in modules for argument in ("-L", module)]
        self.process = subprocess.Popen(
            ["pulseaudio", "-n", "--daemonize=no", "--exit-idle-time=-1", "--use-pid-file=no", *loads],
            env=self.environment,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 20
        while self.run("pactl", "set-default-source", "fakemic").returncode != 0:
            if time.monotonic() > deadline or self.process.poll() is not None:
                self.close()
                raise RuntimeError("PulseAudio did not start")
            time.sleep(0.1)

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, timeout=60, check=False)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture
def pulse(tmp_path: Path) -> Iterator[Pulse]:
    missing = [command for command in ("pulseaudio", "pactl", "paplay") if shutil.which(command) is None]
    if missing:
        pytest.skip(
            f"{', '.join(missing)} is not installed (apt install pulseaudio pulseaudio-utils libasound2-plugins)"
        )
    pytest.importorskip("pyaudio", reason="PyAudio is not installed (pip install 'hotline[microphone]')")
    made = Pulse(tmp_path)
    yield made
    made.close()


# Runs in a process of its own: ALSA reads HOME and keeps what it found for the life of the process.
RECORDER = """
import asyncio, sys
from connectors.microphone import source

async def record():
    heard = bytearray()
    print("ready", flush=True)
    async for piece in source.frames():
        heard += piece
        if len(heard) > 32_000 * 6:
            break
    sys.stdout.buffer.write(heard)

assert any(one.default for one in source.devices()), source.devices()
asyncio.run(record())
"""


def test_what_is_played_is_what_the_microphone_hears(pulse: Pulse) -> None:
    environment = {**pulse.environment, "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        [sys.executable, "-c", RECORDER], env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as recorder:
        assert recorder.stdout is not None
        assert recorder.stdout.readline() == b"ready\n", recorder.communicate()[1].decode()
        player = subprocess.Popen(
            ["paplay", "-d", "micfeed", str(CALL)], env=pulse.environment, stderr=subprocess.DEVNULL
        )
        heard, complaints = recorder.communicate(timeout=60)
        player.terminate()
        player.wait()
    assert recorder.returncode == 0, complaints.decode()
    samples = np.frombuffer(heard, "<i2").astype(float)
    original, rate = soundfile.read(CALL, dtype="int16")
    original = soxr.resample(original.astype(float), rate, 16_000)
    # A quarter of a second at a time: a busy machine may drop a piece of the rest.
    pieces = [original[start : start + 4_000] for start in range(10_000, 50_000, 4_000)]
    assert max(likeness(samples, piece) for piece in pieces) > 0.9


def likeness(samples: np.ndarray, piece: np.ndarray) -> float:
    """The best normalised correlation of a piece with any place of the samples, 0..1."""
    size = len(samples) + len(piece)
    products = np.fft.irfft(np.fft.rfft(samples, size) * np.conj(np.fft.rfft(piece, size)), size)
    sums = np.concatenate([[0.0], np.cumsum(samples**2)])
    energies = sums[len(piece) :] - sums[: -len(piece)]
    places = len(energies)
    return float((products[:places] / np.sqrt(np.maximum(energies, 1.0) * (piece**2).sum())).max())
