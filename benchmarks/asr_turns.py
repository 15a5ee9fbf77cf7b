"""How often is a caller cut off, and how long after the last word is the turn over? For each kind of expected answer.

    HOTLINE_ASR_MODEL=... python -m benchmarks.asr_turns [--json]

Pieces of the recorded calls (a number, an address, a short answer, free speech) get a pause of the call's own line noise in
their middle, up to 2.5 s, the 95th percentile of dictating callers, and four seconds of it at the end. Cut off: a final came
before the second half was heard. Delay: from the last loud 20 ms to the decision, in ms of audio; decoding comes on top.
The strategy ``free`` on the same pieces is the comparison: it is what a recogniser without expectations does.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from asr import Final, Listening
from asr.contract import BYTES_PER_MS
from asr.engine_vosk import VoskEngine
from asr.files import read_audio
from asr.level import LevelMeter

MODEL = os.environ.get("HOTLINE_ASR_MODEL", "")
CALLS = Path(__file__).parent.parent / "tests" / "data" / "speech"
PAUSES = (0, 1_000, 2_000, 2_500)  # ms
TAIL = 4_000


@dataclass(frozen=True)
class Piece:
    """Where in a call somebody gives this kind of answer, by ear (ms); ``split``: a gap between two words of it."""

    kind: str
    call: str
    start: int
    split: int
    end: int


PIECES = (
    Piece("digits", "w1-011", 19_500, 20_500, 23_100),
    Piece("digits", "w1-015", 17_500, 18_580, 19_850),
    Piece("address", "w1-011", 13_200, 14_780, 18_150),
    Piece("address", "w2-003", 11_700, 13_100, 15_000),
    Piece("yesno", "w2-003", 500, 0, 1_700),
)


def noise(pcm: bytes, ms: int) -> bytes:
    """Line noise: the call's quietest half second, again and again, every other time backwards so that it has no edges."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    size = 8_000
    energies = [np.square(samples[at : at + size]).mean() for at in range(0, len(samples) - size, 1_600)]
    quiet = np.frombuffer(pcm, "<i2")[int(np.argmin(energies)) * 1_600 :][:size]
    both = np.concatenate([quiet, quiet[::-1]])
    return bytes(np.tile(both, ms * 16 // len(both) + 1)[: ms * 16].tobytes())


def quietest(pcm: bytes, at: int) -> int:
    """The quietest 20 ms within 200 ms of a place: there a pause may be put in."""
    samples = np.frombuffer(pcm, "<i2").astype(np.float64)
    places = range(max(0, at - 200), at + 200, 10)
    return min(places, key=lambda ms: float(np.square(samples[ms * 16 : ms * 16 + 320]).sum()))


def last_loud(pcm: bytes) -> int:
    """Where speech ends, ms."""
    meter, loud = LevelMeter(), 0
    for at in range(0, len(pcm), 640):
        meter.accept(pcm[at : at + 640])
        if meter.silence == 0:
            loud = at // BYTES_PER_MS + 20
    return loud


def hear(engine: VoskEngine, pcm: bytes, endpointing: str) -> list[Final]:
    recognizer = engine.open(Listening(endpointing=endpointing))
    return [said for said in recognizer.accept(pcm) if isinstance(said, Final)]


def judge(engine: VoskEngine, piece: Piece, pause: int, endpointing: str) -> tuple[bool, int | None]:
    """Whether the turn was cut off, and the delay of its end (None if none was found in the tail)."""
    call = b"".join(read_audio(CALLS / f"{piece.call}.wav"))
    cut = quietest(call, piece.split) if piece.split else piece.start
    first = call[piece.start * BYTES_PER_MS : cut * BYTES_PER_MS] + noise(call, pause)
    second = call[cut * BYTES_PER_MS : piece.end * BYTES_PER_MS]
    lead = noise(call, 500)
    ends = last_loud(lead + first + second)
    finals = hear(engine, lead + first + second + noise(call, TAIL), endpointing)
    early = [final for final in finals if final.at < ends]
    late = [final.at - ends for final in finals if final.at >= ends]
    return bool(early), late[0] if late else None


def measure() -> dict[str, dict[str, object]]:
    engine = VoskEngine(Path(MODEL))
    found: dict[str, dict[str, object]] = {}
    for kind in dict.fromkeys(piece.kind for piece in PIECES):
        for endpointing in (kind, "free"):
            turns = [
                judge(engine, piece, pause, endpointing)
                for piece in PIECES
                if piece.kind == kind
                for pause in (PAUSES if piece.split else (0,))
            ]
            delays = [delay for _, delay in turns if delay is not None]
            found[f"{kind} heard as {endpointing}"] = {
                "turns": len(turns),
                "cut_off": sum(cut for cut, _ in turns),
                "never_ended": len(turns) - len(delays),
                "delay_p50_ms": round(statistics.median(delays)) if delays else None,
                "delay_max_ms": max(delays, default=None),
            }
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if not MODEL:
        sys.exit("HOTLINE_ASR_MODEL is not set: there is no speech model to measure with")
    found = measure()
    if options.json:
        print(json.dumps(found, indent=2))
        return
    for name, numbers in found.items():
        print(f"{name}: {', '.join(f'{key} {value}' for key, value in numbers.items())}")


if __name__ == "__main__":
    main()
