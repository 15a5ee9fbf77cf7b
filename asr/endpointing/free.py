"""Free speech: a customer tells what happened. A cut in a pause does no harm here, the dialog joins turns."""

from __future__ import annotations

from asr.endpointing.heard import Heard

PAUSE = 1_000


class FreeSpeech:
    name = "free"

    def ends(self, heard: Heard) -> bool:
        return bool(heard.text) and (heard.model or heard.paused(PAUSE))
