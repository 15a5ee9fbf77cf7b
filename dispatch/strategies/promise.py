"""Whether the engineer can be there before the promised arrival (the ticket's remaining SLA)."""

from __future__ import annotations

from datetime import timedelta

from core import settings
from dispatch.job import Contender, Job, Verdict
from dispatch.places import between
from dispatch.settings import DispatchSettings
from sla import span_words, words


def weigh(job: Job, contender: Contender) -> Verdict | None:
    """10 points if on time with an hour to spare, 5 if just so, -10 if late. Silent without a promise or a distance."""
    metres = between(job.place, contender.home)
    if job.arrive_by is None or metres is None:
        return None
    way = timedelta(hours=metres / 1000 / settings.get(DispatchSettings).km_per_hour, minutes=10)
    start = max(job.now, contender.busy_until or job.now)
    left = job.arrive_by - (start + way)
    span = span_words(left)
    if left < timedelta():
        return Verdict(
            text=words(f"预计比承诺到达晚 {span['zh']}", f"would arrive {span['en']} after the promised time"),
            points=-10.0,
        )
    points = 10.0 if left >= timedelta(hours=1) else 5.0
    return Verdict(
        text=words(f"可提前 {span['zh']}到达", f"can be there {span['en']} before the promised time"), points=points
    )
