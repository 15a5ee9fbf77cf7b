"""A real engine of a made-up language, for tests of everything around recognition.

Audio spells: each 100 ms block's first sample says what is heard. 100, 200, ...: the word ``w1``, ``w2``, ... About 0: silence, which
ends the utterance after some blocks. ``FAIL``: the recogniser breaks. ``SLOW``: decoding stands until the engine's ``gate`` opens.
"""

from __future__ import annotations

import struct
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from asr import Final, Listening, Partial, Word
from asr.contract import BYTES_PER_MS
from asr.endpointing import strategy

BLOCK_MS = 100
BLOCK = BLOCK_MS * BYTES_PER_MS
FAIL, SLOW = -1, -2
SCALE = 100  # so that a resampler's dither spells nothing
PAUSES = {"free": 3, "yesno": 2, "digits": 20, "address": 20}


def spell(*samples: int) -> bytes:
    """Audio of one block for each sample."""
    return b"".join(struct.pack("<h", sample * SCALE) * (BLOCK // 2) for sample in samples)


@dataclass
class SpellingEngine:
    """``cost``: seconds that decoding a block takes, ``costs``: of one leg (it sleeps, as Vosk releases the interpreter)."""

    name: str = "spelling"
    cost: float = 0.0
    costs: dict[str, float] = field(default_factory=dict)
    gate: threading.Event = field(default_factory=threading.Event)
    opened: list[SpellingRecognizer] = field(default_factory=list)

    def open(self, listening: Listening | None = None) -> SpellingRecognizer:
        recognizer = SpellingRecognizer(self, listening or Listening())
        self.opened.append(recognizer)
        return recognizer


class SpellingRecognizer:
    def __init__(self, engine: SpellingEngine, listening: Listening) -> None:
        self.engine, self.listening = engine, listening
        self.endpointing = strategy(listening.endpointing).name
        self.blocks = 0
        self.closed = False
        self._held = b""
        self._words: list[Word] = []
        self._silent = 0

    @property
    def at(self) -> int:
        return self.blocks * BLOCK_MS

    def accept(self, pcm: bytes) -> Sequence[Partial | Final]:
        said: list[Partial | Final] = []
        self._held += pcm
        while len(self._held) >= BLOCK:
            block, self._held = self._held[:BLOCK], self._held[BLOCK:]
            said += self._block(round(struct.unpack_from("<h", block)[0] / SCALE))
        return said

    def finish(self) -> Sequence[Final]:
        return self._end()

    def expect(self, endpointing: str) -> None:
        self.endpointing = strategy(endpointing).name

    def close(self) -> None:
        self.closed = True

    def _block(self, sample: int) -> list[Partial | Final]:
        if cost := self.engine.costs.get(self.listening.leg, self.engine.cost):
            time.sleep(cost)
        if sample == FAIL:
            raise RuntimeError("the recogniser broke")
        if sample == SLOW:
            self.engine.gate.wait(30)
        self.blocks += 1
        if sample > 0:
            self._silent = 0
            self._words.append(Word(text=f"w{sample}", start=self.at - BLOCK_MS, end=self.at, confidence=1.0))
        else:
            self._silent += 1
            if self._words and self._silent >= PAUSES[self.endpointing]:
                return list(self._end())
        return [Partial(text=" ".join(word.text for word in self._words), at=self.at, leg=self.listening.leg)]

    def _end(self) -> list[Final]:
        words, self._words = tuple(self._words), []
        if not words:
            return []
        text = " ".join(word.text for word in words)
        return [
            Final(text=text, words=words, start=words[0].start, end=words[-1].end, leg=self.listening.leg, at=self.at)
        ]
