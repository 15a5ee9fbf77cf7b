"""Speaks the scripted callers' lines into files for ``python -m benchmarks.dialog_callers --sounds``: the telephone's 8 kHz A-law, with noise.

    python benchmarks/voices/speak.py --voices package/voices --to DIRECTORY [--lines FILE]

In the environment that scripts/make_prompts.py describes, with its model: each caller has one of seven Mandarin voices, and a line
noise of his own, 20 to 35 dB below his voice. ``--lines`` speaks the lines of a text file instead, by all voices in turn.
"""

from __future__ import annotations

import argparse
import sys
import zlib
from pathlib import Path

import numpy as np
import soundfile
import soxr

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from make_prompts import RATE, Speaker  # type: ignore[import-not-found]  # noqa: E402  (a script, no package)

from benchmarks.voices.lines import VOICES, lines, name_of  # noqa: E402


def on_the_line(wave: np.ndarray, seed: int) -> np.ndarray:
    """As it comes out of a telephone line, with noise of its own."""
    chance = np.random.default_rng(seed)
    narrow = soxr.resample(wave.astype(np.float32), RATE, 8_000)
    level = float(np.sqrt(np.mean(np.square(narrow)))) * 10 ** (-chance.uniform(20, 35) / 20)
    return np.asarray(np.clip(narrow + chance.normal(0, level, len(narrow)), -1, 1))


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
        speaker = Speaker(given.voices / f"{voice}.bin")
        for text in missing:
            sound = on_the_line(speaker.say(text), zlib.crc32(f"{voice}{text}".encode()))
            soundfile.write(given.to / name_of(voice, text), sound, 8_000, subtype="ALAW")


if __name__ == "__main__":
    main()
