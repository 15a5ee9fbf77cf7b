"""Speaks the scripted callers' lines into files for ``python -m benchmarks.dialog_callers --sounds``: the telephone's 8 kHz A-law, with noise.

    make speaker
    npm pack kokoro-js@1.2.1 && tar xzf kokoro-js-1.2.1.tgz        # more voices: package/voices/*.bin
    python -m benchmarks.voices.speak --voices package/voices --to DIRECTORY [--lines FILE]

Each caller has one of seven Mandarin voices of Kokoro-82M, and each line of his a noise 20 to 35 dB below his voice. ``--lines`` speaks the
lines of a text file instead, by all voices in turn.
"""

from __future__ import annotations

import argparse
import zlib
from pathlib import Path

import numpy as np
import soundfile

from benchmarks.voices.lines import VOICES, lines, name_of
from tts.kokoro import KokoroEngine
from tts.phonemes import phonemes

RATE = 8_000


def on_the_line(wave: np.ndarray, seed: int) -> np.ndarray:
    """As it comes out of a telephone line, with noise of its own."""
    chance = np.random.default_rng(seed)
    level = float(np.sqrt(np.mean(np.square(wave)))) * 10 ** (-chance.uniform(20, 35) / 20)
    return np.asarray(np.clip(wave + chance.normal(0, level, len(wave)), -1, 1))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--voices", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--lines", type=Path)
    given = parser.parse_args()
    given.to.mkdir(parents=True, exist_ok=True)
    wanted = lines()
    if given.lines:
        texts = given.lines.read_text("utf-8").split()
        wanted = [(VOICES[number % len(VOICES)], text) for number, text in enumerate(texts)]
    for voice in VOICES:
        todo = [text for speaker, text in wanted if speaker == voice]
        missing = [text for text in todo if not (given.to / name_of(voice, text)).exists()]
        if not missing:
            continue
        engine = KokoroEngine(str(given.voices / f"{voice}.bin"))
        for text in missing:
            sound = on_the_line(engine.wave(phonemes(text), rate=RATE), zlib.crc32(f"{voice}{text}".encode()))
            soundfile.write(given.to / name_of(voice, text), sound, RATE, subtype="ALAW")


if __name__ == "__main__":
    main()
