"""How long has it been silent? A level meter with a noise floor that follows the line."""

from __future__ import annotations

from collections import deque

import numpy as np

from asr.contract import RATE, SAMPLE_BYTES

FRAME_MS = 20
FRAME_SAMPLES = RATE * FRAME_MS // 1000
FRAME_BYTES = FRAME_SAMPLES * SAMPLE_BYTES
WINDOW = 3_000 // FRAME_MS  # the floor is the quietest frame of the last three seconds
MARGIN_DB = 9.0  # speech stands at least so far above the floor, also on a noisy telephone line
HUSH_DB = -58.0  # dBFS; below this nothing is speech, whatever the floor
CLICK = 2  # loud frames in a row that are still a click and no speech


class LevelMeter:
    """Feed it 16 kHz PCM; ``silence`` is the length of the silence at its end, ``loud`` of all that was no silence, in ms."""

    def __init__(self) -> None:
        self.silence = 0
        self.loud = 0
        self._rest = b""
        self._recent: deque[float] = deque(maxlen=WINDOW)
        self._loud = 0

    def accept(self, pcm: bytes) -> None:
        pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % FRAME_BYTES
        self._rest = pcm[whole:]
        if not whole:
            return
        frames = np.frombuffer(pcm[:whole], "<i2").reshape(-1, FRAME_SAMPLES).astype(np.float32) / 32768
        power = np.square(frames - frames.mean(axis=1, keepdims=True)).mean(axis=1)
        for level in (10 * np.log10(power + 1e-12)).tolist():
            self._frame(level)

    def _frame(self, level: float) -> None:
        # A frame of exact zeros is a gap in the stream (lost packets, comfort silence), not the line's noise.
        if level > -100:
            self._recent.append(level)
        floor = min(self._recent, default=HUSH_DB)
        if level < max(HUSH_DB, floor + MARGIN_DB):
            self._loud = 0
            self.silence += FRAME_MS
            return
        self._loud += 1
        self.loud += FRAME_MS
        self.silence = 0 if self._loud > CLICK else self.silence + FRAME_MS
