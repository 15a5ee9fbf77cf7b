"""The Vosk engine on real calls: nothing lost at the edges, true times, endpoints that can be declined, flat memory."""

from __future__ import annotations

import itertools
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from asr import Final, Listening, Partial
from asr.contract import BYTES_PER_MS
from asr.engine_vosk import LONGEST_MS, VoskEngine
from asr.error_rate import compare
from asr.files import read_audio
from asr.transcribe import recognise_file
from core.errors import ConfigurationError, InvalidInput

MODEL = os.environ.get("HOTLINE_ASR_MODEL", "")
CALLS = Path(__file__).parent.parent / "data" / "speech"

pytestmark = [
    pytest.mark.recogniser,
    pytest.mark.skipif(not MODEL, reason="HOTLINE_ASR_MODEL is not set: no speech model to test with"),
]


@pytest.fixture(scope="module")
def engine() -> VoskEngine:
    return VoskEngine(Path(MODEL))


@pytest.fixture(scope="module")
def call() -> bytes:
    """The first twelve seconds: 赶紧的赶紧的 我儿子刚才洗澡 一摸水龙头电了一下 胳膊都麻了 电热水器 我把闸拉掉了."""
    return b"".join(read_audio(CALLS / "w1-015.wav"))[: 12_000 * BYTES_PER_MS]


def hear(
    engine: VoskEngine, pcm: bytes, listening: Listening | None = None, *, cut: int = 640
) -> list[Partial | Final]:
    recognizer = engine.open(listening or Listening())
    said: list[Partial | Final] = []
    for start in range(0, len(pcm), cut):
        said += recognizer.accept(pcm[start : start + cut])
    said += recognizer.finish()
    recognizer.close()
    return said


def finals(said: list[Partial | Final]) -> list[Final]:
    return [one for one in said if isinstance(one, Final)]


def text(said: list[Partial | Final]) -> str:
    return " ".join(final.text for final in finals(said))


def test_a_call_is_recognised_with_times_and_confidences(engine: VoskEngine, call: bytes) -> None:
    said = hear(engine, call, Listening(leg="caller"))
    assert "热水器" in text(said).replace(" ", "")
    words = [word for final in finals(said) for word in final.words]
    length = len(call) // BYTES_PER_MS
    assert [word.start for word in words] == sorted(word.start for word in words)
    assert all(0 <= word.start <= word.end <= length and 0 < word.confidence <= 1 for word in words)
    assert all(final.text == " ".join(word.text for word in final.words) for final in finals(said))
    assert {final.leg for final in finals(said)} == {"caller"}
    gaps = [after.at - before.at for before, after in itertools.pairwise(said)]
    assert max(gaps) <= 1_200
    assert (
        min(gap for gap, (_, after) in zip(gaps, itertools.pairwise(said), strict=True) if isinstance(after, Partial))
        >= 100
    )


def test_packet_sizes_change_nothing(engine: VoskEngine, call: bytes) -> None:
    expected = finals(hear(engine, call, cut=640))
    assert finals(hear(engine, call, cut=5_000)) == expected
    assert finals(hear(engine, call, cut=1 << 20)) == expected


def test_what_is_said_at_the_very_edges_is_kept(engine: VoskEngine, call: bytes) -> None:
    """The call starts with its first and ends with its last spoken sample, and loses no more than the silence around."""
    words = [word for final in finals(hear(engine, call)) for word in final.words]
    middle = call[words[2].start * BYTES_PER_MS : words[-1].end * BYTES_PER_MS]
    bare = text(hear(engine, middle)).replace(" ", "")
    padded = text(hear(engine, bytes(32_000) + middle + bytes(64_000))).replace(" ", "")
    assert bare[:1] == padded[:1]
    assert bare[-2:] == padded[-2:]
    assert compare(padded, bare).rate == pytest.approx(0, abs=0.12)


def test_audio_right_after_an_endpoint_is_kept(engine: VoskEngine, call: bytes) -> None:
    """A stream that is finished again and again in the middle of speech loses words at the cuts, but no stretch of audio."""
    recognizer = engine.open()
    heard: list[Final] = []
    for start in range(0, len(call), 4_000 * BYTES_PER_MS):
        heard += [
            one for one in recognizer.accept(call[start : start + 4_000 * BYTES_PER_MS]) if isinstance(one, Final)
        ]
        heard += recognizer.finish()
    whole = text(hear(engine, call)).replace(" ", "")
    pieces = "".join(final.text for final in heard).replace(" ", "")
    assert len(pieces) >= 0.85 * len(whole)
    assert heard[-1].end <= len(call) // BYTES_PER_MS
    assert [final.start for final in heard] == sorted(final.start for final in heard)
    assert heard[-1].start > 7_500


def test_dictation_is_not_cut_where_free_speech_is(engine: VoskEngine, call: bytes) -> None:
    pause = bytes(1_500 * BYTES_PER_MS)  # with the speaker's own silence before and after it is about 2.5 s
    spoken = next(final for final in finals(hear(engine, call)) if final.end - final.start > 2_000)
    half = call[spoken.start * BYTES_PER_MS : (spoken.start + 2_000) * BYTES_PER_MS]
    audio = half + pause + half
    assert len(finals(hear(engine, audio))) == 2
    assert len(finals(hear(engine, audio, Listening(endpointing="digits")))) == 1
    recognizer = engine.open(Listening(endpointing="free"))
    recognizer.accept(half)
    recognizer.expect("address")
    said = [*recognizer.accept(pause), *recognizer.accept(half), *recognizer.finish()]
    assert len(finals(said)) == 1
    with pytest.raises(InvalidInput):
        recognizer.expect("poetry")


def test_alternatives_come_from_a_second_pass_and_words_keep_their_confidence(engine: VoskEngine, call: bytes) -> None:
    plain, rich = finals(hear(engine, call)), finals(hear(engine, call, Listening(alternatives=3)))
    assert [final.words for final in rich] == [final.words for final in plain]
    longest = max(rich, key=lambda final: len(final.text))
    assert 1 < len(longest.alternatives) <= 3
    assert min(compare(longest.text, other.text).rate or 0 for other in longest.alternatives) < 0.2
    with pytest.raises(InvalidInput):
        engine.open(Listening(alternatives=100))


def test_silence_and_noise_bring_no_finals_and_no_error(engine: VoskEngine) -> None:
    noise = np.random.default_rng(1).normal(0, 20, 16_000 * 20).astype("<i2").tobytes()
    assert "".join(final.text for final in finals(hear(engine, bytes(16_000 * 2 * 12)))) == ""
    assert len(text(hear(engine, noise))) < 10
    recognizer = engine.open()
    assert recognizer.finish() == []
    assert recognizer.accept(b"") == []


def test_speech_without_a_pause_is_cut_before_it_grows_too_long(engine: VoskEngine, call: bytes) -> None:
    spoken = next(final for final in finals(hear(engine, call)) if final.end - final.start > 5_000)
    piece = call[(spoken.start + 500) * BYTES_PER_MS : (spoken.start + 4_500) * BYTES_PER_MS]
    heard = finals(hear(engine, piece * 9, Listening(endpointing="digits")))
    assert len(heard) >= 2
    assert max(final.end - final.start for final in heard) <= LONGEST_MS


def test_two_threads_recognise_what_one_does(engine: VoskEngine, call: bytes) -> None:
    with ThreadPoolExecutor(2) as pool:
        heard = list(pool.map(lambda _: text(hear(engine, call)), range(2)))
    assert heard[0] == heard[1] == text(hear(engine, call))


def test_a_recording_reads_as_the_stream_did(engine: VoskEngine, call: bytes) -> None:
    whole = b"".join(read_audio(CALLS / "w1-011.wav"))
    assert recognise_file(engine, CALLS / "w1-011.wav") == finals(hear(engine, whole))


@pytest.mark.slow
def test_memory_of_a_long_stream_is_flat(engine: VoskEngine, call: bytes) -> None:
    recognizer = engine.open()
    sizes = []
    for _ in range(8):
        for start in range(0, len(call), 64_000):
            recognizer.accept(call[start : start + 64_000])
        sizes.append(_resident_kib())
    assert sizes[-1] - sizes[3] < 12_000
    last = recognizer.finish()
    assert not last or last[0].end <= 8 * len(call) // BYTES_PER_MS


def _resident_kib() -> int:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4


def test_a_directory_without_a_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="holds no Vosk model"):
        VoskEngine(tmp_path)
    (tmp_path / "am").mkdir()
    (tmp_path / "am/final.mdl").write_bytes(b"no model")
    with pytest.raises(ConfigurationError, match="can't load"):
        VoskEngine(tmp_path)
