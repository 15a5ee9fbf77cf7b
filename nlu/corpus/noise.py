"""What happens to words on the way: recogniser errors, hesitations, missing punctuation, typing habits. Labels move along."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import lru_cache

from nlu.corpus.grammar import Piece
from nlu.text.sound import sound

# The 3,755 everyday characters of GB 2312's first level: a recogniser's vocabulary, needs no list of ours.
_EVERYDAY = [
    bytes([row, cell]).decode("gb2312")
    for row in range(0xB0, 0xD8)
    for cell in range(0xA1, 0xFF)
    if not (row == 0xD7 and cell > 0xF9)
]
_FILLERS = ["嗯", "呃", "那个", "啊", "就是", "这个", "哎", "额", "就是说", "那什么", "对", "是吧", "嗯嗯"]
_EMOJI = [
    *"😭😡😂🙏😓😅🥲😢🔥❄💦👌🤔😤🆘😱🙄🥺😰😩👍🌹🎉",
    "[流泪]",
    "[捂脸]",
    "[微笑]",
    "[难过]",
    "[发怒]",
    "hhh",
    "……",
    "~",
    "！！",
    "!!!",
    "???",
]


@lru_cache(maxsize=1)
def _sounds() -> tuple[dict[str, str], dict[str, list[str]]]:
    heard = {c: sound(c) for c in _EVERYDAY}
    same: dict[str, list[str]] = {}
    for c, s in heard.items():
        same.setdefault(s, []).append(c)
    return heard, same


def misheard(character: str, rng: random.Random) -> str:
    """Another everyday character that sounds (nearly) the same."""
    heard, same = _sounds()
    key = heard.get(character)
    if key is None:
        return character
    others = [c for c in same[key] if c != character]
    return rng.choice(others) if others else character


def mishear(pieces: list[Piece], rng: random.Random, rate: float) -> list[Piece]:
    """Replaces characters by homophones; digits are rarely misheard, so they stay."""
    digits = set("零一二三四五六七八九幺十百千两点半")
    heard = []
    for text, name in pieces:
        chance = rate * (2.5 if name in ("device", "fault") else 0.15 if name in ("contact_name", "time") else 1.0)
        if name in ("phone", "order", "model", "serial", "fault_code"):
            chance = 0.0
        heard.append(
            ("".join(misheard(c, rng) if c not in digits and rng.random() < chance else c for c in text), name)
        )
    return heard


def hesitate(pieces: list[Piece], rng: random.Random) -> list[Piece]:
    out: list[Piece] = []
    for text, name in pieces:
        if not name and text in ("，", "。") and rng.random() < 0.12:
            out.append((text, ""))
            out.append((rng.choice(_FILLERS), ""))
            continue
        out.append((text, name))
    return out


def unpunctuated(pieces: list[Piece], rng: random.Random, *, style: str = "") -> list[Piece]:
    """Recogniser output: marks gone, or a space where the speaker breathed, or a space between all words."""
    style = style or rng.choices(["none", "pause", "words"], [4, 4, 2])[0]
    breath = {"none": 0.0, "pause": 0.8, "words": 1.0}[style]
    out: list[Piece] = []
    for text, name in pieces:
        text = "".join((" " if rng.random() < breath else "") if c in "，。！？、：；…\n,.!?:;~" else c for c in text)
        if style == "words" and text:
            text = _spaced(text, rng)
        if text:
            out.append((text, name))
            if style == "words":
                out.append((" ", ""))
    return out


def _spaced(text: str, rng: random.Random) -> str:
    words, at = [], 0
    while at < len(text):
        size = rng.choices([1, 2, 3, 4], [3, 6, 2, 1])[0]
        words.append(text[at : at + size])
        at += size
    return " ".join(" ".join(words).split())


def chatty(pieces: list[Piece], rng: random.Random) -> list[Piece]:
    """WeChat habits: breaks into lines or spaces, half-width marks, emoji."""
    mark = rng.choice(["\n", "\n", "，", " ", ",", "\n"])
    out: list[Piece] = []
    for text, name in pieces:
        if not name and "，" in text:
            text = text.replace("，", mark if rng.random() < 0.75 else rng.choice(["，", " ", "\n"]))
        out.append((text, name))
        if not name and rng.random() < 0.03:
            out.append((rng.choice(_EMOJI), ""))
    if rng.random() < 0.25:
        out.append((rng.choice(_EMOJI) * rng.choice([1, 1, 2, 3]), ""))
    return out


def typo(pieces: list[Piece], rng: random.Random, rate: float) -> list[Piece]:
    """A homophone picked from the input method's list now and then."""
    return mishear(pieces, rng, rate) if rate else pieces


Channel = Callable[[list[Piece], random.Random], list[Piece]]
