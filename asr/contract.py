"""What a recogniser hears and says. Audio is 16 kHz mono signed 16-bit little-endian everywhere inside this room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

RATE = 16_000  # Hz


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


@dataclass(frozen=True, kw_only=True)
class Final:
    """A finished utterance, spoken form, words joined as the model gave them (spaces between words kept in ``text``)."""

    text: str
    words: Sequence[Word]
    start: int
    end: int
    alternatives: Sequence[str] = ()


class Recognizer(Protocol):
    """One stream. ``accept`` takes any number of whole samples and returns what became known; ``finish`` the rest."""

    def accept(self, pcm: bytes) -> Sequence[Partial | Final]: ...

    def finish(self) -> Sequence[Final]: ...

    def close(self) -> None: ...


class Engine(Protocol):
    """A loaded model. ``open`` never blocks for long; several streams decode in threads of their own."""

    name: str

    def open(self) -> Recognizer: ...
