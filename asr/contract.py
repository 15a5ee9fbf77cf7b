"""What a recogniser hears and says. Audio is 16 kHz mono signed 16-bit little-endian everywhere inside this room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

RATE = 16_000  # Hz
SAMPLE_BYTES = 2
BYTES_PER_MS = RATE * SAMPLE_BYTES // 1000


@dataclass(frozen=True, kw_only=True)
class Word:
    """One recognised word; times in ms from the start of the stream, confidence 0..1."""

    text: str
    start: int
    end: int
    confidence: float


@dataclass(frozen=True, kw_only=True)
class Partial:
    """What the recogniser believes so far of the utterance that is being spoken. ``at``: ms of audio consumed."""

    text: str
    at: int
    leg: str = ""


@dataclass(frozen=True, kw_only=True)
class Alternative:
    """Another reading of an utterance. ``score`` compares alternatives of one utterance only; higher is likelier."""

    text: str
    score: float


@dataclass(frozen=True, kw_only=True)
class Final:
    """A finished utterance, spoken form, words joined as the model gave them (spaces between words kept in ``text``).

    ``start`` of the first and ``end`` of the last word in ms from the start of the stream; ``at``: ms of audio consumed
    when the utterance was declared over; ``leg``: who spoke, as the stream's opener named it.
    """

    text: str
    words: Sequence[Word]
    start: int
    end: int
    alternatives: Sequence[Alternative] = ()
    leg: str = ""
    at: int = 0


@dataclass(frozen=True, kw_only=True)
class Listening:
    """How one stream is listened to.

    ``endpointing``: a name of ``asr.endpointing.STRATEGIES``. ``partial_ms``: at most one partial in so much audio
    (an unchanged one each second); 0: one with each ``accept``. ``alternatives``: readings a final carries besides its own, 0..10; they cost a second pass
    over the utterance. ``leg``: who speaks (caller, agent), returned with every result.
    """

    endpointing: str = "free"
    partial_ms: int = 200
    alternatives: int = 0
    leg: str = ""


class Recognizer(Protocol):
    """One stream. ``accept`` takes any number of whole samples and returns what became known; ``finish`` the rest.

    After ``finish`` the stream may go on (times keep counting). ``expect`` chooses another endpointing from here on; it
    raises InvalidInput for an unknown name. Methods may be called from any thread, but from one at a time.
    """

    def accept(self, pcm: bytes) -> Sequence[Partial | Final]: ...

    def finish(self) -> Sequence[Final]: ...

    def expect(self, endpointing: str) -> None: ...

    def close(self) -> None: ...


class Engine(Protocol):
    """A loaded model. ``open`` never blocks for long; several streams decode in threads of their own."""

    name: str

    def open(self, listening: Listening = ...) -> Recognizer: ...
