"""A number is dictated: groups with long pauses between them. Cut off only when it is complete or the caller stopped.

Callers pause up to 2.5 s (95th percentile) between groups.
"""

from __future__ import annotations

from asr.endpointing.heard import Heard

PAUSE = 3_000
COMPLETE_PAUSE = 800
MOBILE_DIGITS = 11  # a mainland mobile number: 1 and ten more (MIIT numbering plan)
DIGITS = frozenset("零〇一二三四五六七八九幺两洞拐勾0123456789")
ONES = frozenset("一幺1")


class DigitDictation:
    name = "digits"

    def ends(self, heard: Heard) -> bool:
        return bool(heard.text) and heard.paused(COMPLETE_PAUSE if complete(heard.characters) else PAUSE)


def complete(characters: str) -> bool:
    """Whether a mobile number's eleven digits have been said in a row; any other number's length is unknown."""
    run = 0
    for at, character in enumerate(characters):
        run = run + 1 if character in DIGITS else 0
        if run == MOBILE_DIGITS and characters[at - MOBILE_DIGITS + 1] in ONES:
            return True
    return False
