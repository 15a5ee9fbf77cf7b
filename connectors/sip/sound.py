"""Sound files as the audio of calls."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

import numpy as np
import soundfile
import soxr

from connectors.sip.wire import RATE


def sound_of(path: Path | BinaryIO) -> bytes:
    """A sound file as 16 kHz mono s16le; raises soundfile.LibsndfileError."""
    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    mono = np.asarray(samples.mean(axis=1), dtype=np.float32)
    if rate != RATE:
        mono = np.asarray(soxr.resample(mono, rate, RATE), dtype=np.float32)
    return bytes((np.clip(mono, -1.0, 1.0) * 32767).astype("<i2").tobytes())
