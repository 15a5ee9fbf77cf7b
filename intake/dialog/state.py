"""Where a dialog stands: a fold over its turns, so that whatever breaks, it is known again from what was kept."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from intake.dialog.answers import yes_or_no
from intake.dialog.script import Script

READ_BACK = "read_back."
OPEN, EMERGENCY, HAND_OVER, END = "open", "emergency", "hand_over", "end."
_DIGITS = re.compile(r"(\d{3,})")
_QUOTED = re.compile(r"「(.*?)」")  # a text that was read back


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One turn as the dialog sees it. ``step`` of a system turn says what it was; ``keyed``: digits of the keypad."""

    speaker: str
    text: str
    step: str = ""
    keyed: bool = False


@dataclass(kw_only=True)
class State:
    """``step``: the last thing we said; ``values``: what is known by field; ``settled``: confirmed by the caller, keyed in, or
    known from the line."""

    step: str = ""
    answered: bool = False
    said: Counter[str] = field(default_factory=Counter)
    values: dict[str, str] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    rejected: set[tuple[str, str]] = field(default_factory=set)
    emergency: bool = False
    wants_person: bool = False
    customer_turns: int = 0

    @property
    def over(self) -> bool:
        return self.step.startswith(END)

    @property
    def outcome(self) -> str:
        return self.step.removeprefix(END) if self.over else ""


def fold(
    script: Script, turns: Sequence[Heard], found: Mapping[str, str], known: Mapping[str, str] | None = None
) -> State:
    """``found``: the values understood from all the caller's turns; ``known``: those that need no asking (his number)."""
    state = State(values={**found, **(known or {})}, settled=set(known or {}))
    asked_back = ("", "")
    for turn in turns:
        if turn.speaker == "system":
            state.step, state.answered = turn.step, False
            state.said[turn.step] += 1
            if turn.step.startswith(READ_BACK):
                said = _QUOTED.search(turn.text) or _DIGITS.search(turn.text)
                asked_back = (turn.step.removeprefix(READ_BACK), said[1] if said else "")
            continue
        if turn.speaker != "customer":
            continue
        state.customer_turns += 1
        state.answered = True
        state.emergency = state.emergency or script.is_danger(turn.text)
        state.wants_person = state.wants_person or script.wants_person(turn.text)
        state.wants_person = state.wants_person or (turn.keyed and script.is_hand_over_key(turn.text))
        if turn.keyed and len(turn.text) >= 5:
            state.values["phone"] = turn.text
            state.settled.add("phone")
        if state.step.startswith(READ_BACK) and asked_back[0]:
            _settle(script, state, asked_back, turn.text)
    for name, value in state.rejected:
        if name not in state.settled and state.values.get(name) == value:
            del state.values[name]
    return state


def _settle(script: Script, state: State, asked_back: tuple[str, str], text: str) -> None:
    name, value = asked_back
    answer = yes_or_no(text, script)
    if answer is True and state.values.get(name) == value:
        state.settled.add(name)
    elif answer is False:
        state.rejected.add(asked_back)
        state.settled.discard(name)
