"""How far the engineer's home base is."""

from __future__ import annotations

import math

from core import settings
from dispatch.job import Contender, Job, Verdict
from dispatch.places import between
from dispatch.settings import DispatchSettings
from sla import words


def weigh(job: Job, contender: Contender) -> Verdict | None:
    """30 points next door, half at 7 km, excluded beyond the limit; twice the weight in an emergency."""
    metres = between(job.place, contender.home)
    if metres is None:
        return Verdict(text=words("距离未知", "distance unknown"))
    km = metres / 1000
    limit = settings.get(DispatchSettings).max_km
    if km > limit:
        return Verdict(
            text=words(f"距离 {km:.0f} 公里，超过 {limit:.0f} 公里", f"{km:.0f} km away, more than {limit:.0f} km"),
            excluded=True,
        )
    points = 30.0 * math.exp(-km / 10) * (2 if job.emergency else 1)
    return Verdict(text=words(f"距离 {km:.1f} 公里", f"{km:.1f} km away"), points=points)
