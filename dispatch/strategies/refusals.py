"""Whether the engineer has turned this ticket down already."""

from __future__ import annotations

from dispatch.job import Contender, Job, Verdict
from sla import words


def weigh(job: Job, contender: Contender) -> Verdict | None:
    if contender.id in job.turned_down:
        return Verdict(text=words("已拒绝或未应答此单", "refused this ticket or did not answer"), excluded=True)
    return None
