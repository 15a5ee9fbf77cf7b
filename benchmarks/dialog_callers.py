"""Scripted callers through the dialog with the shipped language pipeline: how many calls end as they should?

    python -m benchmarks.dialog_callers [--json]

The recogniser returns the script. Right: the dialog ended as written and holds what was said. Flagged: something is missing, so
that the agent sees it. Wrong: a value that is not what the caller said. Bars: 95 % right, at most 3 % wrong.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter
from pathlib import Path
from typing import Any

import yaml

from intake.dialog import Heard, KnownCaller, State, fold, load_script, next_move, ready, values_of

CALLERS = Path(__file__).parent.parent / "tests" / "data" / "dialog" / "callers.yaml"
MOST_MOVES = 25


class Caller:
    """Answers each step with its next line."""

    def __init__(self, written: dict[str, Any]) -> None:
        self._lines = {
            step: list(lines) if isinstance(lines, list) else [lines] for step, lines in written["says"].items()
        }

    def answer(self, step: str) -> str:
        lines = self._lines.get(step)
        if lines:
            return str(lines.pop(0))
        return str(self._lines.get("else", [""])[0])


def played(written: dict[str, Any]) -> tuple[str, State, list[str]]:
    """How one call went: its end, the state, the steps."""
    script, caller = load_script(), Caller(written)
    known = {"phone": written["number"]} if written.get("number") else {}
    turns: list[Heard] = []
    silent = False
    for _ in range(MOST_MOVES):
        found = values_of(turns, KnownCaller(), [question.field for question in script.ask])
        state = fold(script, turns, found, known)
        move = next_move(script, state, silent=silent)
        if move is None:  # nothing to say: the silence goes on
            silent = True
            continue
        text = f"{move.value}" if move.value else move.step
        turns.append(Heard(speaker="system", text=text, step=move.step))
        if move.ends:
            break
        line = caller.answer(move.step)
        if line == "BYE":
            return "gone", state, [turn.step for turn in turns if turn.speaker == "system"]
        silent = not line
        if line:
            keyed = line.startswith("KEY ")
            turns.append(Heard(speaker="customer", text=line.removeprefix("KEY "), step=move.expects, keyed=keyed))
    found = values_of(turns, KnownCaller(), [question.field for question in script.ask])
    state = fold(script, turns, found, known)
    return state.outcome, state, [turn.step for turn in turns if turn.speaker == "system"]


def verdict(written: dict[str, Any], end: str, state: State) -> str:
    for name, wanted in written["holds"].items():
        got = state.values.get(name, "")
        if got and wanted not in got:
            return "wrong"
    if any(name not in state.values for name in written["holds"]):
        return "flagged"
    if end != written["ends"] or bool(written.get("emergency")) != state.emergency:
        return "flagged" if end in ("complete", "hand_over") else "wrong"
    return "right"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args()
    ready()
    counts: Counter[str] = Counter()
    for written in yaml.safe_load(CALLERS.read_text("utf-8")):
        end, state, steps = played(written)
        result = verdict(written, end, state)
        counts[result] += 1
        if result != "right" and not given.json:
            print(f"{result}: {written['kind']}: {end}, {state.values}, {' '.join(steps)}")
    total = sum(counts.values())
    if given.json:
        print(json.dumps({"callers": total, **counts}))
    else:
        print(
            "  ".join(
                f"{name} {counts[name]} ({100 * counts[name] / total:.0f} %)" for name in ("right", "flagged", "wrong")
            )
        )


if __name__ == "__main__":
    main()
