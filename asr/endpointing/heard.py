"""What an endpointing strategy may look at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, kw_only=True)
class Heard:
    """The utterance so far. All times in ms of audio, so that a slow machine decides as a fast one does.

    ``text``: the partial, words with spaces. ``silence``: how long the sound level has been near the noise floor.
    ``quiet``: since when ``text`` has not changed; a recogniser emits words 300 to 1,000 ms late and in clumps, so a
    short quiet proves nothing. ``length``: since the first word. ``voiced``: how much of it was loud enough to be speech. ``model``: the acoustic model's own endpoint rules say that it is over.
    """

    text: str
    silence: int
    quiet: int
    length: int
    model: bool
    voiced: int = 0

    def paused(self, ms: int) -> bool:
        """Nothing was said for ``ms``. Where noise hides the silence, twice as long without a new word counts too."""
        return (self.silence >= ms and self.quiet >= ms // 2) or self.quiet >= 2 * ms

    @property
    def characters(self) -> str:
        return self.text.replace(" ", "")


class Endpointing(Protocol):
    """Decides when an utterance is over; has no state, all of it is in ``Heard``. Asked once something may have been said:
    there is text, or it was loud and the words are still to come."""

    name: str

    def ends(self, heard: Heard) -> bool: ...
