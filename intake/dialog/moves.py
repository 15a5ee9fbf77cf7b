"""What to say next."""

from __future__ import annotations

from dataclasses import dataclass

from intake.dialog.script import Question, Script
from intake.dialog.state import EMERGENCY, END, HAND_OVER, OPEN, READ_BACK, State


@dataclass(frozen=True, kw_only=True)
class Move:
    """``say``: prompts in order, ``{value}`` stands for what is read back (``value``): digits one by one, or a text. ``step`` names it in the
    turn that is kept; ``expects``: the field that is asked for; ``ends``: hang up afterwards; ``hands_over``: a person goes on
    from here."""

    say: tuple[str, ...]
    step: str
    expects: str = ""
    endpointing: str = "free"
    value: str = ""
    ends: bool = False
    hands_over: bool = False


def next_move(
    script: Script,
    state: State,
    *,
    silent: bool = False,
    greeting: str = "",
    people: bool = False,
    speaks: bool = False,
) -> Move | None:
    """The next thing to say; None: go on listening. ``silent``: nobody spoke for ``script.silence`` since the last word;
    ``people``: somebody is there who can take the call; ``speaks``: any text can be read back, not digits only."""
    if state.over:
        return None
    if not state.step:
        return Move(say=(greeting or script.greeting,), step=OPEN)
    if state.emergency and not state.said[EMERGENCY]:
        return Move(say=(script.emergency,), step=EMERGENCY, expects="address", endpointing="address")
    if state.wants_person:
        return _person(script, state) if people else _end("hand_over", script.hand_over)
    if state.emergency and people and (silent or state.answered):
        return _person(script, state)  # who was asked for the place once; a person asks better
    if silent and not state.answered:
        return _after_silence(script, state)
    if not state.answered:
        return None
    if people and not_understood(script, state):
        return _person(script, state)
    return _read_back(script, state, speaks=speaks) or _ask(script, state) or _end("complete", script.goodbye)


def not_understood(script: Script, state: State) -> bool:
    """Whether so many questions were asked as often as they may be, and nothing came of them, that a person should help."""
    if not script.hand_over_after:
        return False
    in_vain = [one for one in script.ask if not state.knows(one.field) and state.said[one.field] >= one.times]
    return len(in_vain) >= script.hand_over_after


def _person(script: Script, state: State) -> Move:
    return Move(say=(script.emergency_through if state.emergency else script.through,), step=HAND_OVER, hands_over=True)


def _after_silence(script: Script, state: State) -> Move:
    """Nothing was said to our last words: once more, then on without an answer, or good-bye."""
    prompt, times = script.still_there
    if state.said["still_there"] < times:
        return Move(say=(prompt,), step="still_there")
    if not state.customer_turns:
        return _end("silent", script.silent)
    return _ask(script, state) or _end("complete", script.goodbye)


def _ask(script: Script, state: State) -> Move | None:
    for question in script.ask:
        if state.emergency and question.field not in script.emergency_ask:
            continue
        times = state.said[question.field]
        if state.knows(question.field) or times >= question.times:
            continue
        if state.emergency and question.field == "address" and state.said[EMERGENCY] == 1 and not times:
            # The emergency prompt asked for it already; asking once more is asking the last time.
            times = question.times - 1
            if times < 1:
                continue
        return _question(question, last=bool(question.last) and times == question.times - 1 and times > 0)
    return None


def _question(question: Question, *, last: bool) -> Move:
    return Move(
        say=(question.last if last else question.say,),
        step=question.field,
        expects=question.field,
        endpointing=question.endpointing,
    )


def _read_back(script: Script, state: State, *, speaks: bool) -> Move | None:
    if state.emergency:
        return None
    for question in script.ask:
        name = question.field
        value = state.values.get(name, "")
        if (
            not question.read_back
            or not state.knows(name)
            or name in state.settled
            or not (speaks or value.isdecimal())
        ):
            continue
        if state.said[READ_BACK + name] >= script.confirm_times:
            continue
        before, after = question.read_back[:1], question.read_back[1:]
        return Move(
            say=(*before, "{value}", *after), step=READ_BACK + name, expects=name, endpointing="yesno", value=value
        )
    return None


def _end(outcome: str, prompt: str) -> Move:
    return Move(say=(prompt,), step=END + outcome, ends=True)
