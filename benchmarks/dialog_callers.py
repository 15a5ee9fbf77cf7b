"""Scripted callers through the dialog with the shipped language pipeline: how many calls end as they should?

    python -m benchmarks.dialog_callers [--json]
    HOTLINE_ASR_MODEL=... python -m benchmarks.dialog_callers --sounds DIRECTORY [--speaks] [--json]

Without sounds the recogniser returns the script. Right: the dialog ended as written and holds what was said. Flagged: something is
missing, so that the agent sees it. Wrong: a value that is not what the caller said. Bars: 95 % right, at most 3 % wrong.

With sounds (``python -m benchmarks.voices.speak`` speaks them) the callers are heard by the recogniser, with each question's endpointing, and say
no when a wrong number is read back. Right: each value is in whole what the script itself comes to, and nothing is marked. Flagged: a
value is missing, or is marked as heard badly. Wrong: a value is another one, or was not said at all, and nothing tells the agent.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml

from asr import Final, Listening
from asr.engine_vosk import VoskEngine
from asr.error_rate import ErrorRate, comparable, compare
from asr.files import read_audio
from asr.transcribe import joined
from benchmarks.voices.lines import AFFIRMATION, CALLERS, REJECTION, VOICES, name_of
from intake.dialog import (
    Heard,
    KnownCaller,
    Move,
    Script,
    State,
    fold,
    load_script,
    next_move,
    ready,
    understood,
    yes_or_no,
)

MOST_MOVES = 25
LONG = 6  # characters; a longer answer to what was read back says the number anew


@dataclass(frozen=True, kw_only=True)
class Ended:
    """How a call went: its end, what was known then, the steps, what was heard."""

    end: str
    state: State
    steps: list[str]
    heard: list[str]


class Ear:
    """What a recogniser makes of a line: of the script itself, or of its sound on the telephone."""

    def __init__(self, engine: VoskEngine | None = None, sounds: Path | None = None) -> None:
        self._engine, self._sounds = engine, sounds
        self.errors = ErrorRate()

    @property
    def real(self) -> bool:
        return self._engine is not None

    def hear(self, line: str, voice: str, endpointing: str) -> list[Heard]:
        """The turns of a line: one for each utterance."""
        if self._engine is None or self._sounds is None:
            return [Heard(speaker="customer", text=line)]
        pcm = b"".join(read_audio(self._sounds / name_of(voice, line)))
        stream = self._engine.open(Listening(endpointing=endpointing))
        said = [*stream.accept(bytes(9_600) + pcm + bytes(3 * 32_000)), *stream.finish()]  # 0.3 s before, 3 s after
        stream.close()
        finals = [one for one in said if isinstance(one, Final)]
        self.errors += compare(line, "".join(one.text for one in finals))
        turns = []
        for final in finals:
            text, words = joined([final])
            turns.append(
                Heard(speaker="customer", text=text, words=[(word.text, word.confidence) for _, word in words])
            )
        return turns


class Caller:
    """Answers each step with its next line; to what is read back he says no unless it is what he meant, whatever the script says.
    Asked again he repeats himself."""

    def __init__(self, number: int, written: dict[str, Any], meant: Mapping[str, str], script: Script) -> None:
        self.voice = VOICES[number % len(VOICES)]
        self._meant, self._script = meant, script
        self._said = dict[str, str]()
        self._lines = {
            step: list(map(str, lines)) if isinstance(lines, list) else [str(lines)]
            for step, lines in written["says"].items()
        }

    def answer(self, move: Move) -> str:
        meant = self._meant.get(move.expects)
        if meant and move.value:
            return self._answer_to(move, right=same(move.expects, move.value, meant))
        lines = self._lines.get(move.step)
        if lines:
            self._said[move.step] = lines.pop(0)
            return self._said[move.step]
        otherwise = self._lines.get("else", [""])[0]
        return self._said.get(move.step, otherwise) if self._meant else otherwise

    def _answer_to(self, move: Move, *, right: bool) -> str:
        lines = self._lines.get(move.step, [])
        line = next((line for line in lines if line == "BYE" or (yes_or_no(line, self._script) is True) == right), "")
        if line:
            lines.remove(line)
            if len(line) > LONG:
                self._said[move.expects] = line  # the number, once more
        return line or (AFFIRMATION if right else REJECTION)


def played(number: int, written: dict[str, Any], ear: Ear, meant: Mapping[str, str], *, speaks: bool = False) -> Ended:
    """``meant``: the values that the script itself comes to; empty while that is being found out."""
    script = load_script()
    caller = Caller(number, written, meant, script)
    known = {"phone": written["number"]} if written.get("number") else {}
    turns: list[Heard] = []

    def stand() -> State:
        found = understood(turns, KnownCaller(), [question.field for question in script.ask])
        return fold(script, turns, found.values, known, found.doubtful, found.impossible)

    def ended(end: str, state: State) -> Ended:
        steps = [turn.step for turn in turns if turn.speaker == "system"]
        heard = [turn.text for turn in turns if turn.speaker == "customer"]
        return Ended(end=end, state=state, steps=steps, heard=heard)

    silent = False
    for _ in range(MOST_MOVES):
        move = next_move(script, stand(), silent=silent, speaks=speaks)
        if move is None:  # nothing to say: the silence goes on
            silent = True
            continue
        text = (move.value if move.value.isdecimal() else f"「{move.value}」") if move.value else move.step
        turns.append(Heard(speaker="system", text=text, step=move.step))
        if move.ends:
            break
        line = caller.answer(move)
        if line == "BYE":
            return ended("gone", stand())
        if line.startswith("KEY "):
            heard = [Heard(speaker="customer", text=line.removeprefix("KEY "), keyed=True)]
        else:
            heard = ear.hear(line, caller.voice, move.endpointing) if line else []
        silent = not heard
        turns += [replace(turn, step=move.expects) for turn in heard]
    state = stand()
    return ended(state.outcome, state)


def verdict(written: dict[str, Any], call: Ended) -> str:
    """Of a call whose recogniser returns the script: by the parts of values that the script names."""
    for name, wanted in written["holds"].items():
        got = call.state.values.get(name, "")
        if got and wanted not in got:
            return "wrong"
    if any(name not in call.state.values for name in written["holds"]):
        return "flagged"
    return _by_end(written, call)


def strict_verdict(written: dict[str, Any], call: Ended, meant: Mapping[str, str]) -> str:
    """Of a call that was heard: each value must be in whole what the script comes to, or be marked for the agent."""
    values, unsure = call.state.values, call.state.unsure
    bad = {name for name, value in values.items() if not same(name, value, meant.get(name, ""))}
    if bad - unsure:
        return "wrong"
    if bad or unsure or meant.keys() - values.keys():
        return "flagged"
    return _by_end(written, call)


def _by_end(written: dict[str, Any], call: Ended) -> str:
    if call.end != written["ends"] or bool(written.get("emergency")) != call.state.emergency:
        return "flagged" if call.end in ("complete", "hand_over") else "wrong"
    return "right"


def same(name: str, one: str, other: str) -> bool:
    """Whether two values say the same: digits as they are read; of a fault one may be told in more words."""
    one, other = comparable(one), comparable(other)
    return one == other or (name == "fault" and min(len(one), len(other)) > 1 and (one in other or other in one))


def in_whole(written: Sequence[dict[str, Any]]) -> dict[str, int]:
    """Callers whose script is heard as it is."""
    counts: Counter[str] = Counter()
    for number, each in enumerate(written):
        call = played(number, each, Ear(), {})
        result = verdict(each, call)
        counts[result] += 1
        if result != "right":
            report(result, each, call)
    return counts


def by_ear(written: Sequence[dict[str, Any]], ear: Ear, *, speaks: bool) -> dict[str, int]:
    """Callers on the telephone."""
    counts: Counter[str] = Counter()
    for number, each in enumerate(written):
        meant = played(number, each, Ear(), {}).state.values
        call = played(number, each, ear, meant, speaks=speaks)
        result = strict_verdict(each, call, meant)
        counts[result] += 1
        if result == "flagged":
            values = call.state.values
            missing = not all(name in values for name in meant)
            wrong = not all(same(name, value, meant.get(name, "")) for name, value in values.items())
            counts["of the flagged: a value is missing"] += missing
            counts["of the flagged: a value is wrong"] += wrong and not missing
            counts["of the flagged: nothing is wrong"] += not wrong and not missing
        if result != "right":
            report(result, each, call)
    return counts


def report(result: str, written: dict[str, Any], call: Ended) -> None:
    unsure = f"unsure {sorted(call.state.unsure)}, " if call.state.unsure else ""
    print(
        f"{result}: {written['kind']}: {call.end}, {call.state.values}, {unsure}{' '.join(call.steps)}: {call.heard}",
        file=sys.stderr,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--sounds", type=Path, help="directory of the callers' lines as sounds: heard by the real recogniser"
    )
    parser.add_argument(
        "--speaks", action="store_true", help="addresses are read back, as with HOTLINE_SPEAKER_COMMAND"
    )
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    ready()
    written = yaml.safe_load(CALLERS.read_text("utf-8"))
    if given.sounds:
        ear = Ear(VoskEngine(Path(os.environ["HOTLINE_ASR_MODEL"])), given.sounds)
        counts = by_ear(written, ear, speaks=given.speaks)
        print(f"character error rate of what was heard: {100 * (ear.errors.rate or 0):.1f} %", file=sys.stderr)
    else:
        counts = in_whole(written)
    if given.json:
        print(json.dumps({"callers": len(written), **counts}, ensure_ascii=False))
        return
    names = list(dict.fromkeys(["right", "flagged", "wrong", *counts]))
    print(
        "  ".join(f"{name} {counts.get(name, 0)} ({100 * counts.get(name, 0) / len(written):.0f} %)" for name in names)
    )


if __name__ == "__main__":
    main()
