"""Payment data in a call: what ``intake.payment`` decides is done here to recordings, turns and screens."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from connectors.sip.recording import Recording
from core import db
from intake import HeardTurn, append_turn, mask_turn, stage
from intake.payment import Payment


class Privacy:
    """Of one call. ``recordings`` are those of all its voices, the caller's first."""

    def __init__(self, recordings: Callable[[], Sequence[Recording]]) -> None:
        self._recordings = recordings
        self._payment = Payment()
        self.on = False

    @property
    def _ms(self) -> int:
        recordings = self._recordings()
        return recordings[0].ms if recordings else 0

    def look(self) -> bool:
        """Has recordings be silent, or no longer; whether that has changed. Comes with every frame."""
        before, self.on = self.on, self._payment.private(self._ms)
        for recording in self._recordings():
            recording.paused = self.on
        return self.on != before

    async def tell(self, session_id: str) -> None:
        """Tells the screens."""
        await db.run(stage, session_id, private=self.on)

    def ask(self, *, on: bool) -> None:
        """By an agent's hand."""
        (self._payment.pause if on else self._payment.resume)(self._ms)

    async def keep(self, session_id: str, turn: HeardTurn) -> HeardTurn:
        """Keeps a turn without payment data, and takes that out of earlier ones; the turn as it was kept."""
        taken = self._payment.take(turn, self._ms)
        for start, end in taken.blank:
            for recording in self._recordings():
                recording.blank(start, end)
        for number, earlier in taken.earlier:
            await db.run(mask_turn, session_id, number, earlier)
        number = await db.run(append_turn, session_id, taken.turn)
        if turn.speaker != "system":
            self._payment.keep(number, taken.turn)
        return taken.turn

    def live(self, text: str) -> str:
        """Words that are still coming, as screens may show them."""
        return self._payment.live(text, self._ms)

    def facts(self) -> dict[str, list[list[int]]]:
        """For the ticket: which stretches (ms) of the recording are silent."""
        return {"private": self._payment.spans} if self._payment.spans else {}
