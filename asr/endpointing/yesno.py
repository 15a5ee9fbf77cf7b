"""A yes or no is expected: the next question should come at once, a longer answer is heard out."""

from __future__ import annotations

from asr.endpointing.heard import Heard

ANSWER_PAUSE = 350
PAUSE = 700
SYLLABLE = 120
SHORT = 4  # characters: 是的, 对, 不对, 没有, 可以的


class YesNo:
    name = "yesno"

    def ends(self, heard: Heard) -> bool:
        if not heard.text:
            # Words come up to a second late. Somebody spoke and stopped: what the recogniser holds is asked for at once.
            return heard.voiced >= SYLLABLE and heard.silence >= ANSWER_PAUSE
        return heard.model or heard.paused(ANSWER_PAUSE if len(heard.characters) <= SHORT else PAUSE)
