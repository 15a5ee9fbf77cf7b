"""Audio of lines and clients becomes the one format that recognisers take."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from asr.audio import ALAW, ULAW, Intake
from asr.level import LevelMeter
from core.errors import InvalidInput


@pytest.mark.parametrize(("table", "subtype"), [(ALAW, "ALAW"), (ULAW, "ULAW")])
def test_g711_expands_as_libsndfile_does(tmp_path: Path, table: np.ndarray, subtype: str) -> None:
    path = tmp_path / "all.raw"
    path.write_bytes(bytes(range(256)))
    expected, _ = soundfile.read(path, dtype="int16", channels=1, samplerate=8000, format="RAW", subtype=subtype)
    assert table.tolist() == expected.tolist()


def test_g711_at_8_khz_becomes_16_khz() -> None:
    intake = Intake(8000, "alaw")
    out = intake.accept(bytes([0xD5]) * 8000) + intake.finish()
    assert len(out) == 2 * 16_000
    assert np.abs(np.frombuffer(out, "<i2")).max() < 20


@given(cuts=st.lists(st.integers(1, 3000), min_size=1, max_size=30), rate=st.sampled_from([8000, 16_000, 44_100]))
def test_how_audio_is_cut_changes_nothing(cuts: list[int], rate: int) -> None:
    wave = (np.sin(np.arange(rate // 4) * 0.05) * 8000).astype("<i2").tobytes()
    whole = Intake(rate)
    expected = whole.accept(wave) + whole.finish()
    pieces, intake, at = [], Intake(rate), 0
    for cut in cuts:
        pieces.append(intake.accept(wave[at : at + cut]))
        at += cut
    pieces.append(intake.accept(wave[at:]))
    got = np.frombuffer(b"".join(pieces) + intake.finish(), "<i2").astype(int)
    assert len(got) == len(expected) // 2
    assert np.abs(got - np.frombuffer(expected, "<i2")).max() <= 2  # soxr dithers


def test_half_a_sample_at_the_end_is_dropped() -> None:
    intake = Intake()
    assert intake.accept(b"\x01\x02\x03") == b"\x01\x02"
    assert intake.accept(b"\x04") == b"\x03\x04"
    assert intake.accept(b"\x05") + intake.finish() == b""


@pytest.mark.parametrize(("rate", "encoding", "field"), [(7999, "s16le", "sample_rate"), (8000, "opus", "encoding")])
def test_unknown_audio_is_refused_by_name(rate: int, encoding: str, field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        Intake(rate, encoding)
    assert refused.value.details["field"] == field


def noise(seconds: float, amplitude: float, seed: int = 1) -> bytes:
    samples = np.random.default_rng(seed).normal(0, amplitude, round(16_000 * seconds))
    return samples.clip(-32768, 32767).astype("<i2").tobytes()


def test_silence_is_measured_on_a_noisy_line() -> None:
    meter = LevelMeter()
    meter.accept(noise(1.0, 150))
    meter.accept(noise(1.0, 3000))
    assert meter.silence == 0
    meter.accept(noise(0.8, 150))
    assert 760 <= meter.silence <= 800


def test_a_click_does_not_end_a_silence() -> None:
    meter = LevelMeter()
    meter.accept(noise(1.0, 30) + noise(0.02, 9000) + noise(0.5, 30))
    assert meter.silence >= 1_400


def test_lost_packets_do_not_make_line_noise_look_like_speech() -> None:
    meter = LevelMeter()
    meter.accept(noise(0.5, 150) + bytes(3200) + noise(0.5, 150))
    assert meter.silence >= 1_000
