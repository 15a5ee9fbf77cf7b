"""How much the engineer has to do already."""

from __future__ import annotations

from dispatch.job import Contender, Job, Verdict
from sla import words


def weigh(job: Job, contender: Contender) -> Verdict | None:
    """20 points for a free day down to 0; excluded when full, but for emergencies, which come first."""
    zh, en = f"今日 {contender.load}/{contender.capacity} 单", f"{contender.load} of {contender.capacity} visits today"
    if contender.load >= contender.capacity:
        if job.emergency:
            return Verdict(text=words(f"{zh}，紧急工单优先", f"{en}; an emergency goes first"), points=-10.0)
        return Verdict(text=words(f"{zh}，已满", f"{en}, full"), excluded=True)
    free = 1 - contender.load / contender.capacity
    return Verdict(text=words(zh, en), points=20.0 * free)
