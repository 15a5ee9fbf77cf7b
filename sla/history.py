"""From a ticket's events to the stretches in which each of its clocks ran. Pure: the order in which events are told does not
matter, because the whole story is read each time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sla.policy import CLOCKS
from sla.reckoning import Stretch
from sla.words import Words, words


@dataclass(frozen=True, kw_only=True)
class Happening:
    """An event as far as clocks care. A reply to the customer is no event: it has the ``id`` of the event before it and its
    own number as ``reply``."""

    id: int
    kind: str
    at: datetime
    reply: int = 0
    details: Mapping[str, Any] = field(default_factory=dict)

    @property
    def key(self) -> tuple[int, int]:
        return self.id, self.reply


@dataclass(kw_only=True)
class Run:
    """One clock's run: ``outcome`` is "" while it goes on, ``done`` or ``dropped``. ``because``: (key, moment, words)."""

    name: str
    round: int
    stretches: list[Stretch] = field(default_factory=list)
    outcome: str = ""
    stopped: datetime | None = None
    because: list[tuple[str, datetime, Words]] = field(default_factory=list)

    @property
    def paused(self) -> bool:
        return not self.outcome and self.stretches[-1].end is not None


STARTS = {
    "ticket.drafted": ("first_response",),
    "ticket.confirmed": ("arrival", "solution", "next_update"),
    "ticket.reopened": ("arrival", "solution", "next_update"),
}
ENDS = {
    "ticket.confirmed": ("first_response",),
    "reply": ("first_response",),
    "ticket.checked_in": ("arrival",),
    "ticket.completed": ("arrival", "solution", "next_update"),
}
UPDATES = frozenset({"ticket.assigned", "ticket.accepted", "ticket.checked_in", "reply"})
DROPS = frozenset({"ticket.discarded", "ticket.cancelled", "ticket.merged", "ticket.closed"})
TAKES_UP = frozenset({"ticket.restored", "ticket.unmerged"})
SAYS: dict[str, Words] = {
    "ticket.drafted": words("客户的请求到达", "the customer's request arrived"),
    "ticket.confirmed": words("工单已确认", "the ticket was confirmed"),
    "ticket.unconfirmed": words("撤销了确认", "the confirmation was undone"),
    "ticket.reopened": words("工单重新打开", "the ticket was reopened"),
    "reply": words("已回复客户", "the customer was answered"),
    "ticket.assigned": words("已派工程师", "an engineer was assigned"),
    "ticket.accepted": words("工程师已接单", "the engineer accepted"),
    "ticket.checked_in": words("工程师已到场", "the engineer arrived"),
    "ticket.completed": words("服务已完成", "the work was completed"),
    "ticket.waiting": words("等待客户", "waiting for the customer"),
    "ticket.resumed": words("客户已就绪，继续处理", "work goes on"),
    "ticket.discarded": words("草稿作废", "the draft was discarded"),
    "ticket.cancelled": words("工单取消", "the ticket was cancelled"),
    "ticket.merged": words("工单已合并", "the ticket was merged into another"),
    "ticket.closed": words("工单关闭", "the ticket was closed"),
    "ticket.restored": words("草稿恢复", "the draft was restored"),
    "ticket.unmerged": words("合并已撤销", "the merge was undone"),
}


def runs(happenings: Iterable[Happening], pause: Mapping[str, frozenset[str]]) -> list[Run]:
    """Every run of every clock, in the order they began. ``pause``: by clock, the states in which it stands still."""
    all_runs: list[Run] = []
    going: dict[str, Run] = {}

    def start(name: str, event: Happening) -> None:
        if name in going:
            return
        run = Run(name=name, round=1 + sum(r.name == name for r in all_runs))
        run.stretches.append(Stretch(start=event.at))
        run.because.append((_key(event), event.at, _sentence("开始计时", "started", event)))
        going[name] = run
        all_runs.append(run)

    def stop(name: str, event: Happening, outcome: str) -> None:
        run = going.pop(name, None)
        if run is None:
            return
        _halt(run, event.at)
        run.outcome, run.stopped = outcome, event.at
        label = ("停止计时", "stopped") if outcome == "done" else ("不再计时", "dropped")
        run.because.append((_key(event), event.at, _sentence(*label, event)))

    for event in sorted(happenings, key=lambda h: h.key):
        for name in ENDS.get(event.kind, ()):
            stop(name, event, "done")
        if event.kind in UPDATES and "next_update" in going:
            stop("next_update", event, "done")
            start("next_update", event)
        for name in STARTS.get(event.kind, ()):
            start(name, event)
        if event.kind in DROPS:
            for name in list(going):
                stop(name, event, "dropped")
        elif event.kind == "ticket.unconfirmed":
            for name in STARTS["ticket.confirmed"]:
                stop(name, event, "dropped")
        elif event.kind in TAKES_UP:
            for name in CLOCKS:
                last = next((r for r in reversed(all_runs) if r.name == name), None)
                if last is not None and last.outcome == "dropped" and name not in going:
                    last.outcome, last.stopped = "", None
                    last.stretches.append(Stretch(start=event.at))
                    last.because.append((_key(event), event.at, _sentence("继续计时", "went on", event)))
                    going[name] = last
        state = event.details.get("to")
        if state:
            _pause_or_go_on(going, str(state), event, pause)
    return all_runs


def _pause_or_go_on(going: dict[str, Run], state: str, event: Happening, pause: Mapping[str, frozenset[str]]) -> None:
    for name, run in going.items():
        stands = state in pause.get(name, frozenset())
        if stands and not run.paused:
            _halt(run, event.at)
            run.because.append((_key(event), event.at, _sentence("暂停计时", "paused", event)))
        elif not stands and run.paused:
            run.stretches.append(Stretch(start=event.at))
            run.because.append((_key(event), event.at, _sentence("继续计时", "went on", event)))


def _key(event: Happening) -> str:
    return f"{event.id}.{event.reply}" if event.reply else str(event.id)


def _halt(run: Run, at: datetime) -> None:
    last = run.stretches[-1]
    if last.end is None:
        run.stretches[-1] = Stretch(start=last.start, end=max(last.start, at))


def _sentence(zh: str, en: str, event: Happening) -> Words:
    said = SAYS.get(event.kind, words(event.kind, event.kind))
    return words(f"{zh}：{said['zh']}", f"{en}: {said['en']}")
