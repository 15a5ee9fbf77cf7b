"""Makes connectors/sip/prompts/hold_music.wav (16 kHz, A-law): a slow pentatonic tune on soft bells, made of sines by this
script and therefore free of anybody's rights. It loops without a seam.

    python scripts/make_hold_music.py
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000
BEAT = 0.6  # s
TUNE = (67, 72, 76, 74, 72, 69, 67, None, 64, 67, 69, 72, 69, 67, 64, None, 62, 64, 67, 69, 72, 69, 67, None)
OVERTONES = ((1.0, 1.0), (2.0, 0.35), (3.0, 0.12))
TARGET = Path(__file__).parent.parent / "connectors" / "sip" / "prompts" / "hold_music.wav"


def main() -> None:
    length = int(len(TUNE) * BEAT * RATE)
    wave = np.zeros(length)
    at = np.arange(int(2.4 * RATE)) / RATE
    for number, note in enumerate(TUNE):
        if note is None:
            continue
        hz = 440.0 * 2 ** ((note - 69) / 12)
        bell = sum(weight * np.sin(2 * np.pi * hz * times * at) for times, weight in OVERTONES)
        bell = bell * np.exp(-2.2 * at) * np.minimum(1.0, at / 0.01)
        places = (int(number * BEAT * RATE) + np.arange(len(bell))) % length  # what rings on rings into the beginning
        np.add.at(wave, places, bell)
    soundfile.write(TARGET, wave * (0.12 / np.abs(wave).max()), RATE, subtype="ALAW")


if __name__ == "__main__":
    main()
