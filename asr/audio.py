"""Audio as it comes from lines and clients, to the 16 kHz PCM that recognisers want.

G.711 expansion follows ITU-T G.711 (11/88), tables 1a/2a: 8-bit codes to 13/14-bit values, here scaled to 16 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import soxr

from asr.contract import RATE, SAMPLE_BYTES
from core.errors import InvalidInput

ENCODINGS = ("s16le", "alaw", "ulaw")
LOWEST_RATE, HIGHEST_RATE = 8_000, 48_000


def _alaw_table() -> np.ndarray[Any, Any]:
    code = np.arange(256) ^ 0x55
    exponent, mantissa = (code >> 4) & 7, code & 15
    magnitude = np.where(exponent == 0, (mantissa << 4) + 8, ((mantissa << 4) + 0x108) << np.maximum(exponent - 1, 0))
    return np.where(code & 0x80, magnitude, -magnitude).astype("<i2")


def _ulaw_table() -> np.ndarray[Any, Any]:
    code = ~np.arange(256) & 0xFF
    exponent, mantissa = (code >> 4) & 7, code & 15
    magnitude = (((mantissa << 3) + 0x84) << exponent) - 0x84
    return np.where(code & 0x80, -magnitude, magnitude).astype("<i2")


ALAW, ULAW = _alaw_table(), _ulaw_table()


class Intake:
    """One stream's way in: bytes of any cut in ``encoding`` at ``rate`` Hz mono, 16 kHz s16le out.

    Raises InvalidInput for an encoding or rate that isn't known. ``finish`` returns what the resampler still held.
    """

    def __init__(self, rate: int = RATE, encoding: str = "s16le") -> None:
        if encoding not in ENCODINGS:
            raise InvalidInput(f"encoding must be one of {', '.join(ENCODINGS)}", field="encoding")
        if not LOWEST_RATE <= rate <= HIGHEST_RATE:
            raise InvalidInput(f"sample_rate must be {LOWEST_RATE} to {HIGHEST_RATE} Hz", field="sample_rate")
        self.rate = rate
        self._table = {"alaw": ALAW, "ulaw": ULAW}.get(encoding)
        self._resampler = None if rate == RATE else soxr.ResampleStream(rate, RATE, 1, dtype="int16")
        self._half = b""

    def accept(self, audio: bytes) -> bytes:
        if self._table is not None:
            samples = self._table[np.frombuffer(audio, np.uint8)]
        else:
            audio = self._half + audio
            whole = len(audio) - len(audio) % SAMPLE_BYTES
            self._half = audio[whole:]
            if self._resampler is None:
                return audio[:whole]
            samples = np.frombuffer(audio[:whole], "<i2")
        return self._resampled(samples, last=False)

    def finish(self) -> bytes:
        self._half = b""
        if self._resampler is None:
            return b""
        rest = self._resampled(np.zeros(0, "<i2"), last=True)
        self._resampler = soxr.ResampleStream(self.rate, RATE, 1, dtype="int16")
        return rest

    def _resampled(self, samples: np.ndarray[Any, Any], *, last: bool) -> bytes:
        if self._resampler is None:
            return samples.tobytes()
        out: np.ndarray[Any, Any] = self._resampler.resample_chunk(np.ascontiguousarray(samples, np.int16), last=last)
        return out.astype("<i2").tobytes()
