"""When is an utterance over? One small strategy a file, chosen by what the caller was asked, switchable in the middle of a stream.

Every utterance also ends at the next short pause after 20 s and at 30 s in any case (``asr.engine_vosk``).
"""

from __future__ import annotations

from asr.endpointing.address import AddressDictation
from asr.endpointing.digits import DigitDictation
from asr.endpointing.free import FreeSpeech
from asr.endpointing.heard import Endpointing, Heard
from asr.endpointing.yesno import YesNo
from core.errors import InvalidInput

__all__ = ["STRATEGIES", "Endpointing", "Heard", "strategy"]

STRATEGIES: dict[str, Endpointing] = {
    each.name: each for each in (FreeSpeech(), DigitDictation(), AddressDictation(), YesNo())
}


def strategy(name: str) -> Endpointing:
    """The strategy of that name; raises InvalidInput."""
    found = STRATEGIES.get(name)
    if found is None:
        raise InvalidInput(f"endpointing must be one of {', '.join(STRATEGIES)}", field="endpointing")
    return found
