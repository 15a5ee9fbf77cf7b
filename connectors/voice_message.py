"""A short voice message: decoded to the recogniser's audio, recognised, its words placed in the text.

Phones send AMR, Speex or SILK, which need ffmpeg; without it, or without a recogniser, the message becomes a draft that says
so and keeps the recording.
"""

from __future__ import annotations

import io
import shutil
import subprocess
import wave
from collections.abc import Sequence
from dataclasses import dataclass

from asr import RATE
from connectors import recorded
from core import blobs, log
from core.errors import HotlineError
from intake import Attachment, HeardWord

LONGEST = 300  # s of a voice message that are recognised
logger = log.get(__name__)


@dataclass(frozen=True, kw_only=True)
class Heard:
    """What was said; ``recording`` is the blob of a WAV that a browser can play, words' times are in it."""

    text: str = ""
    words: Sequence[HeardWord] = ()
    recording: str = ""
    problem: str = ""


def hear(voice: Attachment) -> Heard:
    """Recognises a voice message. Bad audio raises nothing, the problem is told instead; Unavailable: try again."""
    pcm, problem = decode(blobs.store().get(voice.blob))
    if problem:
        return Heard(problem=problem)
    recording = blobs.store().put(wav(pcm))
    try:
        text, words = recorded.recognise(pcm)
    except HotlineError as error:
        if error.retryable:
            raise
        logger.warning("a voice message could not be recognised", error=type(error).__name__)
        return Heard(recording=recording, problem="语音未能识别，请听录音。 / Not recognised; please listen.")
    if not text:
        return Heard(recording=recording, problem="语音中没有听到话，请听录音。 / No speech was heard; please listen.")
    return Heard(text=text, words=words, recording=recording)


def decode(audio: bytes) -> tuple[bytes, str]:
    """16 kHz mono s16le of whatever a phone sends, and "" or the problem in words."""
    if shutil.which("ffmpeg") is None:
        return b"", "语音未能解码：未安装 ffmpeg。 / The voice message needs ffmpeg, which is not installed."
    command = ["ffmpeg", "-v", "error", "-nostdin", "-i", "pipe:0", "-t", str(LONGEST), "-f", "s16le", "-ac", "1"]
    try:
        done = subprocess.run(
            [*command, "-ar", str(RATE), "pipe:1"], input=audio, capture_output=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        return b"", "语音解码超时。 / Decoding the voice message took too long."
    if done.returncode or len(done.stdout) < RATE // 50:
        return b"", "语音格式无法解码。 / The voice message's format cannot be decoded."
    return done.stdout[: len(done.stdout) // 2 * 2], ""


def wav(pcm: bytes) -> bytes:
    """The audio with a RIFF header (44 bytes)."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(RATE)
        file.writeframes(pcm)
    return out.getvalue()
