"""The voice: Kokoro-82M (Apache-2.0), int8, by onnxruntime. Both are installed by ``make speaker``; nothing is fetched here."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import soxr

from core.errors import ConfigurationError
from tts.contract import RATE
from tts.installation import model
from tts.phonemes import phonemes

VOICE = "zf_xiaoxiao"
VOICES = Path(__file__).parent / "voices"
NATIVE_RATE = 24_000
MOST_PHONEMES = 509  # rows of a voice: its style depends on the length
STYLE_WIDTH = 256
QUIET = 0.01  # of full scale; what is below at a clause's edges is cut off
MARGIN = 0.06  # s of it that stay
BREATH = 0.12  # s behind a clause
LOUDEST = 0.5  # of full scale
# Sign: its number in the model (config.json of hexgrad/Kokoro-82M).
_SIGNS = "".join(
    (
        ';:,.!?—…"()“” \u0303ʣʥʦʨᵝꭧAIOQSTWYᵊabcdefhijklmnopqrstuvwxyzɑɐɒæβɔɕçɖðʤəɚɛɜɟɡɥɨɪʝɯɰŋɳɲɴøɸθœɹɾɻʁɽʂʃʈʧʊʋʌɣɤχʎʒʔˈˌːʰʲ',
        "↓→↗↘ᵻ",
    )
)
_NUMBERS = (
    *range(1, 7), *range(9, 26), 31, 33, 35, 36, 39, 41, 42, *range(43, 49), *range(50, 70), 70, 71, 72, *range(75, 79),
    *range(80, 84), *range(85, 88), 90, 92, 99, *range(101, 104), *range(110, 117), *range(118, 121), 123, 125, 126, *range(128, 134),
    135, 136, 138, 139, 140, 142, 143, 147, 148, *range(156, 159), 162, 164, 169, *range(171, 174), 177,
)  # fmt: skip
VOCABULARY = dict(zip(_SIGNS, _NUMBERS, strict=True))


class KokoroEngine:
    """One voice, kept in memory. Raises ConfigurationError when it is not installed or not what it should be."""

    def __init__(self, voice: str = VOICE, threads: int = 1, speed: float = 1.0) -> None:
        self.name = f"kokoro {voice}"
        self._style = _style(voice)
        self._speed = np.array([speed], dtype=np.float32)
        self._session = _session(threads)

    def say(self, clause: str) -> bytes:
        wave = self.wave(phonemes(clause), rate=RATE)
        if not len(wave):
            return b""
        whole = np.concatenate([wave, np.zeros(int(BREATH * RATE), dtype=np.float32)])
        return bytes((whole * 32767).astype("<i2").tobytes())

    def wave(self, signs: str, rate: int) -> np.ndarray[Any, np.dtype[np.float32]]:
        """The sound of these phonemes, -1..1, its edges quiet and its loudness that of a telephone voice."""
        tokens = [VOCABULARY[sign] for sign in signs if sign in VOCABULARY][:MOST_PHONEMES]
        if not tokens:
            return np.zeros(0, dtype=np.float32)
        given = {
            "tokens": np.array([[0, *tokens, 0]], dtype=np.int64),
            "style": self._style[len(tokens)],
            "speed": self._speed,
        }
        native = np.asarray(self._session.run(None, given)[0], dtype=np.float32).reshape(-1)
        wave = np.asarray(soxr.resample(trimmed(native), NATIVE_RATE, rate), dtype=np.float32)
        return np.asarray(wave * (LOUDEST / max(QUIET, float(np.abs(wave).max(initial=0.0)))), dtype=np.float32)


def trimmed(wave: np.ndarray[Any, np.dtype[np.float32]]) -> np.ndarray[Any, np.dtype[np.float32]]:
    """Without the silence at both ends, which the model makes half a second long."""
    loud = np.flatnonzero(np.abs(wave) > QUIET)
    if not len(loud):
        return wave[:0]
    edge = int(MARGIN * NATIVE_RATE)
    return wave[max(0, loud[0] - edge) : loud[-1] + edge]


def _style(voice: str) -> np.ndarray[Any, np.dtype[np.float32]]:
    file = Path(voice) if "/" in voice else VOICES / f"{voice}.bin"
    try:
        style = np.fromfile(file, dtype=np.float32).reshape(-1, 1, STYLE_WIDTH)[: MOST_PHONEMES + 1]
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"HOTLINE_SPEAKER_VOICE: there is no voice {voice}") from error
    if len(style) <= MOST_PHONEMES:
        raise ConfigurationError(
            f"HOTLINE_SPEAKER_VOICE: {voice} is not whole: {len(style)} of {MOST_PHONEMES + 1} rows"
        )
    return style


def _session(threads: int) -> Any:
    parts = model()
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # calls need the cores in between
    return onnxruntime.InferenceSession(parts, options, providers=["CPUExecutionProvider"])
