"""A call's session becomes its Message, by the controller's hand or, should that be dead, by the sweeper's."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

from connectors.sip.calling import CALL_BACK, can_be_called
from connectors.sip.recording import forget, forget_empty, keep, path_of
from connectors.sip.settings import PeopleSettings, SipSettings
from core import log, settings
from core.nudge import after_commit
from intake import Message, Sender, SessionRow, TurnRow, transcript
from intake.calling import not_reached, still_owed

RECOGNISE = "sip.recognise"
ENOUGH_MS = 400  # of sound; less is no recording worth recognising
PROBLEMS = {
    "missed": "未接来电，请回拨 (missed call, please call back)",
    "silent": "来电无声，请回拨 (silent call, please call back)",
    "broken off": "通话中断，请回拨 (the call broke off, please call back)",
    "too long": "通话超过时限被结束 (the call was ended at its time limit)",
}
NOBODY_FREE = "客户等待人工未接通，请回电 (nobody could be reached, please call the customer back)"
ASKED_BACK = "客户要求回电 (the customer wishes to be called back)"
UNSURE = "听得不清，请核对：{} (heard badly, please check: {})"
NAMES = {
    "fault": "故障",
    "device": "设备",
    "address": "地址",
    "phone": "电话",
    "contact_name": "联系人",
    "time": "时间",
}
WAITING = "录音等待识别 (the recording waits for recognition)"
logger = log.get(__name__)


def message_of_call(session: Session, row: SessionRow, turns: Sequence[TurnRow]) -> Message:
    """Registered with ``intake.on_end``. The recording is the one that the facts name."""
    facts = row.facts
    recording, duration = facts.get("recording", ""), int(facts.get("duration_ms", 0))
    path = path_of(settings.get(SipSettings).recordings, row.id)
    after_commit(session, lambda: _let_go(path, kept=bool(recording)))
    text, words = transcript(turns)
    outcome = row.outcome
    if facts.get("direction") == "out":
        pauses = settings.get(PeopleSettings).call_again_minutes
        if not facts.get("answered", bool(turns) or duration > 0):  # a process that died has not said
            not_reached(session, facts, outcome, pauses)
            return _unanswered(row)
        if _wish(facts):
            still_owed(session, facts, pauses)
    # A session without "complete" was not ended by its controller: what was said after the last turn is only recorded.
    waits = bool(recording) and duration >= ENOUGH_MS and not facts.get("complete", False)
    talked = facts.get("people", {}).get("talked")  # with a person, who knows what it was about
    if outcome == "completed" and not text and not waits and not talked:
        outcome = row.outcome = "silent"
    return Message(
        channel=row.channel,
        channel_id=row.id,
        sender=Sender(**row.sender),
        text=text,
        sent_at=row.opened,
        style="call",
        recording=recording,
        words=words,
        waits="recognition" if waits else "",
        problem=" · ".join(
            part for part in (PROBLEMS.get(outcome, ""), _wish(facts), WAITING if waits else "", _unsure(facts)) if part
        ),
        session_id=row.id,
        promises=(*((RECOGNISE,) if waits else ()), *((CALL_BACK,) if _is_called_back(row) else ())),
        ticket_number=str(facts.get("ticket_number", "")),
        extra={
            "called": facts.get("called", ""),
            "direction": facts.get("direction", "in"),
            "duration_ms": duration,
            "outcome": outcome,
            "packets": facts.get("packets", 0),
            "lost": facts.get("lost", 0),
            "dialog": facts.get("dialog", {}),
            "private": facts.get("private", []),
            "people": _people(facts, turns),
            "conversation": conversation(turns),
        },
    )


def _let_go(path: Path, *, kept: bool) -> None:
    with contextlib.suppress(OSError):  # what is left is removed when the telephone starts again
        (forget if kept else forget_empty)(path)


def _unanswered(row: SessionRow) -> Message:
    """A call of ours that nobody answered is recorded; its ticket was told."""
    return Message(
        channel=row.channel,
        channel_id=row.id,
        sender=Sender(**row.sender),
        text="",
        sent_at=row.opened,
        style="call",
        event="call not answered",
        session_id=row.id,
        extra={"direction": "out", "outcome": row.outcome, "attempt": row.facts.get("attempt", 1)},
    )


def _is_called_back(row: SessionRow) -> bool:
    """Whether we owe this caller a call, and can make it; one of ours is made again by itself."""
    number = str(row.sender.get("value", ""))
    return row.facts.get("direction") != "out" and bool(_wish(row.facts)) and can_be_called(number)


def _people(facts: dict[str, Any], turns: Sequence[TurnRow]) -> dict[str, Any]:
    """Who talked with the caller; of a call whose process died, what its turns tell."""
    people: dict[str, Any] = dict(facts.get("people", {}))
    spoken = [turn for turn in turns if turn.speaker == "agent"]
    if spoken and "talked" not in people:
        talk = {"agent": people.get("agent"), "name": people.get("agent_name", ""), "at": spoken[0].at.isoformat()}
        people["talked"] = [{**talk, "start": spoken[0].start, "end": spoken[-1].end, "turns": len(spoken)}]
    if _waited(facts):
        people |= {"wish": "call back", "because": "broken off"}
    return people


def _waited(facts: dict[str, Any]) -> bool:
    """Whether a caller waited for a person when his process died."""
    return "complete" not in facts and facts.get("people", {}).get("stage") in ("queue", "ringing")


def _wish(facts: dict[str, Any]) -> str:
    """What the caller is still owed: a person."""
    people = facts.get("people", {})
    if facts.get("dialog", {}).get("step") == "end.hand_over":
        return ASKED_BACK
    if _waited(facts):
        return NOBODY_FREE
    if people.get("wish") != "call back":
        return ""
    return ASKED_BACK if people.get("because") == "call back" else NOBODY_FREE


def _unsure(facts: dict[str, Any]) -> str:
    """What the dialog heard so badly that it may be something else."""
    names = facts.get("dialog", {}).get("unsure", [])
    return UNSURE.format("、".join(NAMES.get(name, name) for name in names), ", ".join(names)) if names else ""


def still_wrong(problem: str) -> str:
    """What an agent must know of a call when its recording has been recognised: everything but that it waited for that."""
    known = (*PROBLEMS.values(), NOBODY_FREE, ASKED_BACK)
    parts = problem.split(" · ")
    return " · ".join(part for part in parts if part in known or part.startswith(UNSURE.partition("{}")[0]))


def conversation(turns: Sequence[TurnRow]) -> list[dict[str, Any]]:
    """Who said what, from where an agent joined; [] for a call without one."""
    if not any(turn.speaker == "agent" for turn in turns):
        return []
    return [
        {"speaker": turn.speaker, "text": turn.text, "start": turn.start, "end": turn.end}
        for turn in sorted(turns, key=lambda turn: (turn.start, turn.number))
        if turn.text
    ]


def salvage(session_id: str) -> dict[str, Any]:
    """The recording that a dead process left behind, as facts of its session. Takes seconds for a long call."""
    try:
        recording, duration = keep(path_of(settings.get(SipSettings).recordings, session_id))
    except Exception:
        logger.exception("a growing recording could not be kept; its file stays", session=session_id)
        return {}
    return {"recording": recording, "duration_ms": duration} if recording else {}
