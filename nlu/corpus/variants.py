"""Variants of hand-written requests: other people, places, numbers and times in the same manner, what recognisers and typing do to words."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache

from nlu.catalogue import shipped
from nlu.contract import Channel
from nlu.corpus import addresses, noise, slots, times
from nlu.corpus.grammar import Grammar, Piece
from nlu.corpus.written import Written

_TITLE = re.compile(
    r"(?:先生|女士|小姐|师傅|阿姨|大爷|叔叔|大姐|老师|经理|主任|店长|老板|工|总|医生|护士长?|院长|校长|大哥|大妈|奶奶|爷爷)$"
)
# How often a field's words are exchanged; symptoms mostly stay, for the text around them belongs to them.
_SHARE = {
    "contact_name": 0.6, "phone": 0.7, "address": 0.6, "order": 0.7, "serial": 0.7, "model": 0.6, "brand": 0.55, "fault_code": 0.6,
    "time": 0.5, "device": 0.25, "fault": 0.12,
}  # fmt: skip
_OWN = 0.5  # share of exchanges that take another written request's words where there are any
_BREAKS = "，。！？；：、,!?;:~…\n"
_FIGURES = re.compile(r"[0-9A-Za-z]")


class Variants:
    """Makes variants of ``written``; words are exchanged with those of the other requests given here, and with generated ones."""

    def __init__(self, written: Sequence[Written], grammar: Grammar) -> None:
        self._grammar = grammar
        self._pools: dict[tuple[str, str], list[str]] = {}
        groups = _groups()
        for record in written:
            group = next((groups[t] for t, n in record.pieces if n == "device" and t in groups), "")
            for text, name in record.pieces:
                if name:
                    self._pools.setdefault((name, self._manner(name, text, record.channel, group)), []).append(text)

    @staticmethod
    def _manner(name: str, text: str, channel: Channel, group: str) -> str:
        if name == "fault":
            return group
        if name == "contact_name":
            return "title" if _TITLE.search(text) else str(min(len(text), 4))
        spoken = channel == "call" or (name in ("address", "time") and not _FIGURES.search(text) and len(text) > 8)
        return "spoken" if spoken else "written"

    def make(self, record: Written, rng: random.Random) -> list[Piece]:
        """One variant, as pieces."""
        channel = record.channel
        group = next((_groups()[t] for t, n in record.pieces if n == "device" and t in _groups()), "")
        swapped: dict[Piece, str] = {}  # the same thing said twice stays the same thing
        pieces: list[Piece] = []
        for text, name in record.pieces:
            if name and (text, name) not in swapped:
                change = rng.random() < _SHARE[name] and "不对" not in text and "不是" not in text
                swapped[text, name] = self._other(text, name, channel, group, rng) if change else text
            pieces.append((swapped[text, name], name) if name else (text, ""))
        return self._noise(pieces, channel, rng)

    def _other(self, text: str, name: str, channel: Channel, group: str, rng: random.Random) -> str:
        manner = self._manner(name, text, channel, group)
        pool = self._pools.get((name, manner), [])
        if name == "fault":
            return rng.choice(pool) if group and len(pool) > 1 else text
        if len(pool) > 8 and rng.random() < _OWN:
            return rng.choice(pool)
        spoken = manner == "spoken"
        if name == "contact_name":
            kind = "titled" if manner == "title" else "surname" if len(text) == 1 else "fullname"
            return slots.person(rng, self._grammar, kind)
        if name == "address":
            return addresses.say(addresses.address(rng, self._grammar, spoken=spoken), rng, spoken=spoken)
        if name == "brand":
            return rng.choice(shipped().brands)
        if name == "device":
            return rng.choice(rng.choice(shipped().devices).names)
        make: dict[str, Callable[[random.Random, bool], str]] = {
            "phone": slots.phone, "order": slots.order, "serial": slots.serial, "model": slots.model,
            "fault_code": slots.fault_code, "time": times.time,
        }  # fmt: skip
        return make[name](rng, spoken)

    @staticmethod
    def _noise(pieces: list[Piece], channel: Channel, rng: random.Random) -> list[Piece]:
        if channel == "call":
            if rng.random() < 0.5:
                pieces = noise.mishear(pieces, rng, rng.choice([0.005, 0.015, 0.03]))
            return breaths(pieces, rng)
        if rng.random() < 0.3:
            pieces = noise.mishear(pieces, rng, 0.004)
        if channel == "wechat" and rng.random() < 0.4:
            mark = rng.choice(["\n", " ", "，", ","])
            pieces = [(t if n else re.sub("[，\n]", mark, t), n) for t, n in pieces]
        elif channel == "email" and rng.random() < 0.3:
            pieces = [(t if n else t.replace("。", rng.choice(["，", "；", "。\n"])), n) for t, n in pieces]
        return pieces

    def as_call(self, record: Written, rng: random.Random) -> list[Piece] | None:
        """A written request as a recogniser would have heard it read aloud; None where other figures than fields' would be spoken."""
        if record.channel not in ("wechat", "form", "email") or "\n\n" in "".join(t for t, _ in record.pieces):
            return None
        pieces: list[Piece] = []
        for text, name in record.pieces:
            if name and _FIGURES.search(text) and name not in ("device", "brand", "fault"):
                text = self._other("零零零零零零零零零" if name in ("address", "time") else text, name, "call", "", rng)
            elif _FIGURES.search(text):
                return None
            pieces.append((text, name) if name else (_heard(text), ""))
        return self._noise(pieces, "call", rng)


def breaths(pieces: Iterable[Piece], rng: random.Random) -> list[Piece]:
    """A recogniser's spaces: as they are, none, only some, or between all words."""
    style = rng.choices(["same", "none", "some", "words"], [4, 3, 3, 1.2])[0]
    if style == "same":
        return list(pieces)
    if style == "words":
        return noise.unpunctuated(list(pieces), rng, style="words")
    keep = 0.0 if style == "none" else 0.5
    return [
        ("".join(c for c in text if c != " " or rng.random() < keep) if not name or keep == 0 else text, name)
        for text, name in pieces
    ]


def _heard(text: str) -> str:
    """Marks become breaths, pictures are not heard."""
    out = "".join(" " if c in _BREAKS or c.isspace() else c for c in text if c.isalnum() or c in _BREAKS or c.isspace())
    return re.sub(r" +", " ", out)


@lru_cache(maxsize=1)
def _groups() -> dict[str, str]:
    return {name: device.group for device in shipped().devices for name in device.names}
