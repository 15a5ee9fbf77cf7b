"""An address is dictated: thinking pauses between district, road and house number are normal (95 % under 2.5 s)."""

from __future__ import annotations

from asr.endpointing.heard import Heard

PAUSE = 2_800
DOOR_PAUSE = 1_600
# An address that has come to a room or a door is probably complete.
DOOR = ("室", "号房", "户", "号铺", "号店")


class AddressDictation:
    name = "address"

    def ends(self, heard: Heard) -> bool:
        return bool(heard.text) and heard.paused(DOOR_PAUSE if heard.characters.endswith(DOOR) else PAUSE)
