"""Where a dialog stands: a fold over its turns, so that whatever breaks, it is known again from what was kept."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from intake.dialog.answers import yes_or_no
from intake.dialog.script import Script

READ_BACK = "read_back."
CLEAR = 0.9  # a word's confidence; a value with a word below it is for the agent to check
OPEN, EMERGENCY, HAND_OVER, END = "open", "emergency", "hand_over", "end."
_DIGITS = re.compile(r"(\d{3,})")
_QUOTED = re.compile(r"「(.*?)」")  # a text that was read back


@dataclass(frozen=True, kw_only=True)
class Heard:
    """One turn as the dialog sees it. ``step`` of a system turn says what it was; ``keyed``: digits of the keypad; ``words``:
    (text, confidence) in their order, where a recogniser heard them."""

    speaker: str
    text: str
    step: str = ""
    keyed: bool = False
    words: Sequence[tuple[str, float]] = ()

    def is_clear(self, start: int = 0, end: int | None = None) -> bool:
        """Whether the recogniser was sure of each word in this part of the text; so is what it tells nothing of, and keys."""
        at = 0
        for text, confidence in self.words:
            begin = self.text.find(text, at)
            if begin < 0:  # masked since
                continue
            at = begin + len(text)
            if at > start and (end is None or begin < end) and confidence < CLEAR:
                return False
        return True


@dataclass(kw_only=True)
class State:
    """``step``: the last thing we said; ``values``: what is known by field; ``settled``: confirmed by the caller, keyed in, or
    known from the line; ``doubtful``: heard so badly that it may be something else; ``impossible``: no such thing exists, a number
    that nobody can have."""

    step: str = ""
    answered: bool = False
    said: Counter[str] = field(default_factory=Counter)
    values: dict[str, str] = field(default_factory=dict)
    settled: set[str] = field(default_factory=set)
    rejected: set[tuple[str, str]] = field(default_factory=set)
    doubtful: set[str] = field(default_factory=set)
    impossible: set[str] = field(default_factory=set)
    emergency: bool = False
    wants_person: bool = False
    customer_turns: int = 0

    @property
    def over(self) -> bool:
        return self.step.startswith(END)

    @property
    def unsure(self) -> set[str]:
        """What an agent should check: heard badly, impossible, taken back by the caller, or read back to him, and not confirmed."""
        read_back = {step.removeprefix(READ_BACK) for step in self.said if step.startswith(READ_BACK)}
        return (self.doubtful | self.impossible | {name for name, _ in self.rejected} | read_back) - self.settled

    def knows(self, name: str) -> bool:
        """Whether this need not be asked any more."""
        return name in self.values and name not in self.impossible

    @property
    def outcome(self) -> str:
        return self.step.removeprefix(END) if self.over else ""


def fold(
    script: Script,
    turns: Sequence[Heard],
    found: Mapping[str, str],
    known: Mapping[str, str] | None = None,
    doubtful: Collection[str] = (),
    impossible: Collection[str] = (),
) -> State:
    """``found``: the values understood from all the caller's turns; ``known``: those that need no asking (his number);
    ``doubtful``: those of the found ones that were heard badly; ``impossible``: those that can't be right."""
    state = State(
        values={**found, **(known or {})},
        settled=set(known or {}),
        doubtful=set(doubtful),
        impossible=set(impossible) - set(known or {}),
    )
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
            state.impossible.discard("phone")
        if state.step.startswith(READ_BACK) and asked_back[0]:
            _settle(script, state, asked_back, turn)
    for name, value in state.rejected:
        if name not in state.settled and state.values.get(name) == value:
            del state.values[name]
    return state


def _settle(script: Script, state: State, asked_back: tuple[str, str], turn: Heard) -> None:
    name, value = asked_back
    answer = yes_or_no(turn.text, script)
    if answer is True and state.values.get(name) == value:
        if turn.is_clear():  # 不对 may have lost its 不
            state.settled.add(name)
    elif answer is False:
        state.rejected.add(asked_back)
        state.settled.discard(name)
