"""What one invented request is about; slots ask it for words."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from nlu.catalogue import Catalogue, Device
from nlu.contract import Channel
from nlu.corpus import addresses, slots, times
from nlu.corpus.grammar import Grammar, Piece

FREE_FAULTS = 0.33  # share of faults said in no device's own words
_DANGERS = {
    "lift": "danger.lift", "flame": "danger.gas", "heating": "danger.gas", "heating_water": "danger.gas", "pipe": "danger.water",
    "pump": "danger.water", "fire": "danger.gas",
}  # fmt: skip


@dataclass
class Scene:
    """What one invented request is about; slots ask it."""

    grammar: Grammar
    catalogue: Catalogue
    rng: random.Random
    channel: Channel
    device: Device
    emergency: bool = False
    name: str = ""
    surname_spoken: bool = False
    said: dict[str, str] = field(default_factory=dict)

    @property
    def spoken(self) -> bool:
        return self.channel == "call"

    def slot(self, slot: str, rng: random.Random) -> list[Piece]:
        quiet = slot.startswith("~")
        name = slot.lstrip("~")
        label = {
            "surname": "contact_name",
            "fullname": "contact_name",
            "titled": "contact_name",
            "name": "contact_name",
        }.get(name, name)
        return [(self._words(name, rng), "" if quiet else label)]

    def _words(self, name: str, rng: random.Random) -> str:
        spoken = self.spoken
        if name == "device":
            word = self.said.get("device") if rng.random() < 0.7 else None
            if word is None:
                word = rng.choice(self.device.names) if rng.random() < 0.8 else self.device.name
                if rng.random() < 0.05 and self.device.group in (
                    "lift",
                    "escalator",
                    "pump",
                    "fan",
                    "machine",
                    "charger",
                    "access",
                    "barrier",
                    "printer",
                    "pos",
                ):
                    n = rng.randint(1, 9)
                    count = slots.spoken_number(n) if spoken or rng.random() < 0.3 else str(n)
                    word = rng.choice(
                        [
                            f"{count}号{word}",
                            f"{count}号{self.device.name}",
                            f"{count}#{word}" if not spoken else f"{count}号{word}",
                        ]
                    )
                self.said["device"] = word
            return word
        if name == "fault":
            return self._fault(rng)
        if name == "brand":
            return self.said.setdefault("brand", rng.choice(self.catalogue.brands))
        if name == "model":
            return slots.model(rng, spoken)
        if name == "serial":
            return slots.serial(rng, spoken)
        if name == "order":
            return slots.order(rng, spoken)
        if name == "phone":
            return slots.phone(rng, spoken)
        if name == "time":
            return times.time(rng, spoken)
        if name == "address":
            return addresses.say(addresses.address(rng, self.grammar, spoken=spoken), rng, spoken=spoken)
        if name == "fault_code":
            return slots.fault_code(rng, spoken)
        if name in ("name", "surname", "fullname", "titled"):
            return slots.person(rng, self.grammar, name)
        if name == "tail":
            return slots.spoken_run(slots.digits(rng, 4), rng) if spoken else slots.digits(rng, 4)
        if name == "date":
            return f"{rng.randint(1, 12)}月{rng.randint(1, 28)}日 {rng.randint(8, 20)}:{rng.randint(10, 59)}"
        if name == "count":
            return rng.choice(["两", "三", "四", "2", "3", "10", "十二"])
        if name in ("past", "place"):
            return self.text("past" if name == "past" else "near")
        raise KeyError(name)

    def _fault(self, rng: random.Random) -> str:
        group = self.device.group
        bank = f"fault.{group}" if f"fault.{group}" in self.grammar.banks else "fault.any"
        if self.emergency and not self.said.get("danger"):
            self.said["danger"] = "1"
            return self.text(_DANGERS.get(group, "danger.elec") if rng.random() < 0.8 else "danger.elec")
        if rng.random() < FREE_FAULTS:
            return self.text("fault.free")
        while True:
            trace: list[str] = []
            words = "".join(text for text, _ in self.grammar.expand(bank, rng, self.slot, trace))
            if not any(b.startswith("danger") for b in trace):
                return words

    def text(self, bank: str) -> str:
        return "".join(text for text, _ in self.grammar.expand(bank, self.rng, self.slot))

    def say(self, bank: str) -> list[Piece]:
        return self.grammar.expand(bank, self.rng, self.slot)

    def line(self, bank: str, number: int) -> list[Piece]:
        return self.grammar.expand_line(bank, number, self.rng, self.slot)
