"""Recordings of any kind become the same audio; what is no recording gets a clear refusal."""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
from pathlib import Path

import numpy as np
import pytest
import soundfile

from asr import Final, Word
from asr.audio import ALAW
from asr.evaluate import as_json, by_group, evaluate, read_samples
from asr.files import channels, duration_ms, read_audio
from asr.transcribe import joined, recognise_file, recordings, rendered, spoken
from core.errors import InvalidInput, Malformed, NotFound
from tests.support.spelling import SpellingEngine, spell

CALLS = Path(__file__).parent.parent / "data" / "speech"


def wav(path: Path, *legs: bytes, rate: int = 16_000, subtype: str = "PCM_16") -> Path:
    samples = np.stack([np.frombuffer(leg, "<i2") for leg in legs], axis=1)
    soundfile.write(path, samples, rate, subtype=subtype)
    return path


def pcm(path: Path, **options: int) -> bytes:
    return b"".join(read_audio(path, **options))


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.aiff"])
def test_lossless_files_come_as_they_are(tmp_path: Path, name: str) -> None:
    audio = spell(1, 5, 200, 0)
    got = np.frombuffer(pcm(wav(tmp_path / name, audio)), "<i2").astype(int)
    assert np.abs(got - np.frombuffer(audio, "<i2")).max() <= 1


@pytest.mark.parametrize(("rate", "subtype"), [(8000, "ALAW"), (8000, "ULAW"), (44_100, "FLOAT"), (48_000, "PCM_24")])
def test_every_rate_becomes_16_khz(tmp_path: Path, rate: int, subtype: str) -> None:
    path = wav(tmp_path / "a.wav", np.zeros(rate * 3, "<i2").tobytes(), rate=rate, subtype=subtype)
    assert abs(len(pcm(path)) // 2 - 3 * 16_000) <= 2
    assert duration_ms(path) == 3000


def test_headerless_g711_is_told_by_its_name(tmp_path: Path) -> None:
    path = tmp_path / "call.alaw"
    path.write_bytes(bytes(range(256)) * 64)
    assert duration_ms(path) == 2048
    assert len(pcm(path)) == 2 * 2 * 256 * 64
    assert ALAW.min() < -30_000


def test_broken_numbers_in_float_files_do_no_harm(tmp_path: Path) -> None:
    samples = np.array([0.5, np.nan, np.inf, -np.inf, 9.0] * 1000, np.float32)
    soundfile.write(tmp_path / "a.wav", samples, 16_000, subtype="FLOAT")
    assert np.frombuffer(pcm(tmp_path / "a.wav"), "<i2")[:5].tolist() == [16383, 0, 32767, -32767, 32767]


def header(*, rate: int = 8000, count: int = 1, size: int = 0xFFFFFFF0) -> bytes:
    form = struct.pack("<HHIIHH", 1, count, rate, rate * 2, 2, 16)
    return (
        b"RIFF"
        + struct.pack("<I", size)
        + b"WAVEfmt "
        + struct.pack("<I", 16)
        + form
        + b"data"
        + struct.pack("<I", size)
    )


def test_a_huge_declared_size_is_not_believed(tmp_path: Path) -> None:
    path = tmp_path / "huge.wav"
    path.write_bytes(header() + bytes(16_000))
    assert len(pcm(path)) == pytest.approx(32_000, abs=4)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"hello, this is text",
        b"\x00" * 5000,
        b"RIFF" + b"\xff" * 60,
        header(rate=0) + bytes(100),
        header(count=0) + bytes(100),
        header(count=300) + bytes(60_000),
        b"#EXTM3U\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nfile:///etc/passwd\n",
    ],
)
def test_what_is_no_audio_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(content)
    with pytest.raises(Malformed, match=r"a\.wav"):
        pcm(path)


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    for name in ("nothing.wav", "nothing.alaw"):
        with pytest.raises(NotFound):
            pcm(tmp_path / name)
        with pytest.raises(NotFound):
            channels(tmp_path / name)


@pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed: its formats are not tested")
def test_other_formats_go_through_ffmpeg(tmp_path: Path) -> None:
    path = tmp_path / "a.m4a"
    command = ["ffmpeg", "-v", "error", "-f", "lavfi", "-i", "sine=d=2", "-c:a", "aac", str(path)]
    subprocess.run(command, check=True, timeout=60)
    assert len(pcm(path)) == pytest.approx(64_000, rel=0.1)


def test_the_legs_of_a_call_are_kept_apart(tmp_path: Path) -> None:
    path = wav(tmp_path / "call.wav", spell(1, 0, 0, 0, 0, 0, 0), spell(0, 0, 2, 0, 0, 0, 3))
    finals = recognise_file(SpellingEngine(), path, legs=("caller", "agent"))
    assert [(one.leg, one.text, one.start) for one in finals] == [
        ("caller", "w1", 0),
        ("agent", "w2", 200),
        ("agent", "w3", 600),
    ]
    with pytest.raises(Malformed, match="no channel 3"):
        pcm(path, channel=2)


def test_progress_reaches_the_end(tmp_path: Path) -> None:
    seen: list[int] = []
    recognise_file(SpellingEngine(), wav(tmp_path / "a.wav", spell(*[1] * 25)), progress=seen.append)
    assert seen == [1000, 2000, 2500]


def test_directories_are_searched_for_recordings(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("deep/b.WAV", "a.flac", "notes.txt", "c.alaw"):
        (tmp_path / name).touch()
    assert [path.name for path in recordings([tmp_path, tmp_path / "notes.txt"])] == [
        "a.flac",
        "c.alaw",
        "b.WAV",
        "notes.txt",
    ]
    with pytest.raises(NotFound):
        list(recordings([tmp_path / "nothing"]))


FINALS = (
    Final(
        text="你好 E 4",
        words=(Word(text="你好", start=500, end=900, confidence=0.5),),
        start=500,
        end=900,
        leg="caller",
    ),
    Final(text="再见", words=(), start=3_661_001, end=3_661_001),
)


def test_what_was_said_is_written_in_three_ways() -> None:
    assert rendered(FINALS, "txt") == "caller: 你好E 4\n再见\n"
    assert rendered(FINALS, "srt") == (
        "1\n00:00:00,500 --> 00:00:00,900\ncaller: 你好E 4\n\n2\n01:01:01,001 --> 01:01:01,002\n再见\n"
    )
    assert json.loads(rendered(FINALS, "json"))[0]["words"] == [
        {"text": "你好", "start": 500, "end": 900, "confidence": 0.5}
    ]
    with pytest.raises(InvalidInput):
        rendered(FINALS, "docx")


def test_spaces_stay_between_latin_words() -> None:
    assert spoken("我 的 wi fi 坏 了") == "我的wi fi坏了"
    assert spoken("") == ""


def test_each_word_knows_its_place_in_the_text() -> None:
    def said(*words: str) -> Final:
        timed = tuple(Word(text=word, start=0, end=1, confidence=1.0) for word in words)
        return Final(text=" ".join(words), words=timed, start=0, end=1)

    text, placed = joined([said("我", "的", "wi", "fi"), said("E", "四", "故障")])
    assert text == "我的wi fi\nE四故障"
    assert [text[offset : offset + len(word.text)] for offset, word in placed] == [word.text for _, word in placed]
    assert joined([]) == ("", [])


def test_error_rates_are_counted_by_group(tmp_path: Path) -> None:
    for name, words in (("a", (1, 2)), ("b", (3,)), ("c", (4,))):
        wav(tmp_path / f"{name}.wav", spell(*words))
    (tmp_path / "t.tsv").write_text(
        "transcript\tpath\tgroup\nw1w2\ta.wav\tmen\nw3\tb.wav\twomen\nw9\tc.wav\twomen\n", "utf-8"
    )
    engine = SpellingEngine()
    judged = evaluate(engine, read_samples(tmp_path / "t.tsv"))
    rates = by_group(judged)
    assert {group: (rate.errors, rate.characters) for group, rate in rates.items()} == {
        "men": (0, 4),
        "women": (1, 4),
        "total": (1, 8),
    }
    report = as_json(engine, judged)
    assert report["groups"]["women"]["substitutions"] == 1  # type: ignore[index]
    assert report["samples"][2]["heard"] == "w4"  # type: ignore[index]


@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", Malformed),
        (b"only one column\n", Malformed),
        (b"nothing.wav\t\xe4\xbd\xa0\n", NotFound),
        (b"a.wav\t\xff\xfe\n", Malformed),
        (b"a.wav\t\n", Malformed),
    ],
)
def test_a_wrong_list_of_samples_is_named(tmp_path: Path, content: bytes, error: type[Exception]) -> None:
    (tmp_path / "t.tsv").write_bytes(content)
    with pytest.raises(error, match=r"t\.tsv"):
        read_samples(tmp_path / "t.tsv")


def test_the_recorded_calls_are_telephone_audio() -> None:
    for path in sorted(CALLS.glob("*.wav")):
        with soundfile.SoundFile(path) as file:
            assert (file.samplerate, file.channels, file.subtype) == (8000, 1, "ALAW")
