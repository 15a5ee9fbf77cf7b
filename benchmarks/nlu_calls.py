"""From audio to fields: python benchmarks/nlu_calls.py CALLS.jsonl. Needs a speech model (HOTLINE_ASR_MODEL).

Each line of the file names a recording (path, relative to it) and its true words with labelled fields. Prints the value F1 of each
field on the true words, on the recogniser's words as they are, and on those with their confidences, by which they are corrected by sound.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

import nlu
from asr.engine_vosk import VoskEngine
from asr.models import required
from asr.transcribe import recognise_file
from core import clock
from nlu.contract import FIELD_NAMES, Context, SpokenWord, Turn


def main() -> None:
    file = Path(sys.argv[1])
    calls = [json.loads(line) for line in file.read_text(encoding="utf-8").splitlines()]
    engine = VoskEngine(required().path)
    understander = nlu.load()
    context = Context(now=clock.now())
    ways = ("true words", "recognised", "corrected by sound")
    right: dict[str, Counter[str]] = {way: Counter() for way in ways}
    found: dict[str, Counter[str]] = {way: Counter() for way in ways}
    wanted: Counter[str] = Counter()
    for call in calls:
        finals = recognise_file(engine, file.parent / call["path"])
        heard = " ".join(final.text for final in finals)
        words = [
            SpokenWord(text=word.text, start=word.start, end=word.end, confidence=word.confidence)
            for final in finals
            for word in final.words
        ]
        gold = Counter((f["name"], f["value"]) for f in call["fields"])
        wanted.update(name for name, _ in gold.elements())
        turns = (
            Turn(text=call["text"], channel="call"),
            Turn(text=heard, channel="call"),
            Turn(text=heard, channel="call", words=words),
        )
        for way, turn in zip(ways, turns, strict=True):
            fields = understander.understand([turn], context).fields
            mine = Counter({(f.name, f.start, f.value): 1 for f in fields})
            values = Counter((name, value) for name, _, value in mine)
            right[way].update(name for name, _ in (values & gold).elements())
            found[way].update(name for name, _ in values.elements())
    print(f"{len(calls)} calls, value F1")
    for name in (*FIELD_NAMES, "all"):
        names = FIELD_NAMES if name == "all" else (name,)
        n = sum(wanted[one] for one in names)
        scores = []
        for way in ways:
            both = sum(found[way][one] for one in names) + n
            scores.append(2 * sum(right[way][one] for one in names) / both if both else 1.0)
        print(f"{name:13} n={n:3} " + "  ".join(f"{way} {score:.3f}" for way, score in zip(ways, scores, strict=True)))


if __name__ == "__main__":
    main()
