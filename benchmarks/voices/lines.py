"""What the scripted callers can say aloud, and in which files it is spoken. Needs nothing but the standard library and YAML."""

from __future__ import annotations

import zlib
from pathlib import Path

import yaml

CALLERS = Path(__file__).parents[2] / "tests" / "data" / "dialog" / "callers.yaml"
VOICES = ("zf_xiaobei", "zf_xiaoxiao", "zf_xiaoyi", "zm_yunjian", "zm_yunxi", "zm_yunxia", "zm_yunyang")
REJECTION = "不对"  # what a caller says to a value that is not his
AFFIRMATION = "对的"


def lines() -> list[tuple[str, str]]:
    """(voice, text): each caller has one voice."""
    found: dict[tuple[str, str], None] = {}
    for number, written in enumerate(yaml.safe_load(CALLERS.read_text("utf-8"))):
        voice = VOICES[number % len(VOICES)]
        for said in written["says"].values():
            for line in said if isinstance(said, list) else [said]:
                if line and line != "BYE" and not str(line).startswith("KEY "):
                    found[voice, str(line)] = None
        found |= {(voice, REJECTION): None, (voice, AFFIRMATION): None}
    return list(found)


def name_of(voice: str, text: str) -> str:
    """The file of a line."""
    return f"{voice}-{zlib.crc32(text.encode()):08x}.wav"
