"""Speaks the telephone prompts of connectors/sip/prompts/prompts.yaml into WAV files beside it (16 kHz, A-law).

The voice is the one that reads addresses back (``tts``), whole sentences at a time:

    make speaker
    .venv/bin/python scripts/make_prompts.py [--only NAME ...]
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import soundfile
import yaml

from tts.kokoro import KokoroEngine
from tts.phonemes import phonemes

PROMPTS = Path(__file__).parent.parent / "connectors" / "sip" / "prompts"
RATE = 16_000


class Speaker:
    """One voice: a shipped one's name, or a file of another."""

    def __init__(self, voice: str | Path) -> None:
        self._engine = KokoroEngine(str(voice), threads=2)

    def say(self, text: str) -> np.ndarray:
        """Mono at 16 kHz, -1..1, its edges quiet and its loudness that of a telephone voice."""
        return self._engine.wave(phonemes(text), rate=RATE)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", default=[])
    given = parser.parse_args()
    wanted = yaml.safe_load((PROMPTS / "prompts.yaml").read_text("utf-8"))
    speaker = Speaker(wanted["voice"])
    texts = {**wanted["prompts"], **{f"digit_{digit}": text for digit, text in wanted["digits"].items()}}
    for name, text in texts.items():
        if given.only and name not in given.only:
            continue
        wave = speaker.say(text)
        soundfile.write(PROMPTS / f"{name}.wav", wave, RATE, subtype="ALAW")
        print(f"{name}: {len(wave) / RATE:.1f} s")


if __name__ == "__main__":
    main()
