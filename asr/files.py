"""Recordings from disk, block by block: whatever libsndfile reads, headerless G.711, and through ffmpeg anything else.

Nothing is believed of what a file declares: it is read until it ends, and memory holds one block.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import soxr

from asr.audio import ALAW, ULAW
from asr.contract import RATE
from core.errors import Malformed, NotFound

BLOCK_SECONDS = 1
TELEPHONE_RATE = 8_000
# Headerless files are told by their name only: ITU-T G.711, 8 kHz, mono.
HEADERLESS = {".al": ALAW, ".alaw": ALAW, ".g711a": ALAW, ".ul": ULAW, ".ulaw": ULAW, ".g711u": ULAW}
SUFFIXES = frozenset(
    {".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".au", ".w64", ".rf64", ".caf", *HEADERLESS}
    | {".m4a", ".aac", ".amr", ".3gp", ".wma", ".mp4", ".webm", ".silk"}
)
MOST_CHANNELS = 16


def read_audio(path: Path, *, channel: int | None = None) -> Iterator[bytes]:
    """16 kHz mono PCM in blocks of about a second. ``channel`` counts from 0; None mixes all into one.

    Raises NotFound, or Malformed when the file is no audio or has no such channel.
    """
    return _blocks(path, channel)


def channels(path: Path) -> int:
    """How many channels the recording has; raises like ``read_audio``."""
    if path.suffix.lower() in HEADERLESS:
        _require(path)
        return 1
    with _Sound(path) as sound:
        return sound.channels


def duration_ms(path: Path) -> int | None:
    """What the file says of its length, for a progress bar; None if it says nothing sensible."""
    if path.suffix.lower() in HEADERLESS:
        return path.stat().st_size * 1000 // TELEPHONE_RATE
    with _Sound(path) as sound:
        frames, rate = sound.frames, sound.samplerate
    plausible = 0 < frames < 100 * 3600 * rate
    return frames * 1000 // rate if plausible else None


def _blocks(path: Path, channel: int | None) -> Iterator[bytes]:
    table = HEADERLESS.get(path.suffix.lower())
    if table is not None:
        _require(path)
        yield from _resampled(_headerless(path, table), TELEPHONE_RATE)
        return
    with _Sound(path) as sound:
        if not 1 <= sound.channels <= MOST_CHANNELS:
            raise Malformed(f"{path.name} declares {sound.channels} channels")
        if channel is not None and channel >= sound.channels:
            raise Malformed(f"{path.name} has no channel {channel + 1}")
        yield from _resampled(sound.mono(channel), sound.samplerate)


def _require(path: Path) -> None:
    if not path.is_file():
        raise NotFound(f"there is no file {path}")


def _headerless(path: Path, table: np.ndarray[Any, Any]) -> Iterator[np.ndarray[Any, Any]]:
    with path.open("rb") as file:
        while block := file.read(TELEPHONE_RATE * BLOCK_SECONDS):
            yield table[np.frombuffer(block, np.uint8)].astype(np.float32) / 32768


def _resampled(blocks: Iterator[np.ndarray[Any, Any]], rate: int) -> Iterator[bytes]:
    resampler = None if rate == RATE else soxr.ResampleStream(rate, RATE, 1, dtype="float32")
    for block in blocks:
        yield _pcm(block if resampler is None else resampler.resample_chunk(block))
    if resampler is not None:
        yield _pcm(resampler.resample_chunk(np.zeros(0, np.float32), last=True))


def _pcm(samples: np.ndarray[Any, Any]) -> bytes:
    # NaN and infinity stand in float files that came from broken tools.
    finite = np.nan_to_num(samples, nan=0.0, posinf=1.0, neginf=-1.0)
    pcm: bytes = (np.clip(finite, -1, 1) * 32767).astype("<i2").tobytes()
    return pcm


class _Sound:
    """A sound file, through ffmpeg into a temporary file if libsndfile can't read it."""

    def __init__(self, path: Path) -> None:
        _require(path)
        self._path = path
        self._converted: Any = None
        try:
            self._file = soundfile.SoundFile(path)
        except (soundfile.LibsndfileError, RuntimeError, TypeError, ValueError) as error:
            self._converted = _through_ffmpeg(path, str(error))
            self._file = soundfile.SoundFile(self._converted.name)
        self.channels: int = self._file.channels
        self.samplerate: int = self._file.samplerate
        self.frames: int = self._file.frames
        if not 1_000 <= self.samplerate <= 768_000:
            self.close()
            raise Malformed(f"{path.name} declares a sample rate of {self.samplerate} Hz")

    def mono(self, channel: int | None) -> Iterator[np.ndarray[Any, Any]]:
        while True:
            try:
                block = self._file.read(self.samplerate * BLOCK_SECONDS, dtype="float32", always_2d=True)
            except (soundfile.LibsndfileError, RuntimeError) as error:
                raise Malformed(f"{self._path.name} is damaged: {error}") from error
            if not len(block):
                return
            yield block[:, channel] if channel is not None else block.mean(axis=1)

    def close(self) -> None:
        self._file.close()
        if self._converted is not None:
            self._converted.close()

    def __enter__(self) -> _Sound:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _through_ffmpeg(path: Path, reason: str) -> Any:
    """An open temporary WAV file. Only the file itself may be opened by ffmpeg: a playlist can't fetch from elsewhere."""
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        raise Malformed(
            f"{path.name} is no audio that libsndfile reads ({reason}); with ffmpeg installed more formats are"
        )
    out = tempfile.NamedTemporaryFile(suffix=".wav")  # noqa: SIM115 - the caller closes it
    command: Sequence[str] = (
        ffmpeg, "-v", "error", "-nostdin", "-y", "-protocol_whitelist", "file", "-i", f"file:{path}",
        "-vn", "-map", "0:a:0", "-c:a", "pcm_s16le", "-f", "wav", out.name,
    )  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, timeout=600, check=False)
    except subprocess.TimeoutExpired:
        out.close()
        raise Malformed(f"{path.name}: ffmpeg did not finish") from None
    if done.returncode != 0:
        out.close()
        last = done.stderr.decode("utf-8", "replace").strip().splitlines()[-1:] or [reason]
        raise Malformed(f"{path.name} is no audio: {last[0]}")
    return out
