"""Points of view on who should go, one a file, each with a function ``weigh(job, contender)``. The order is that of the reasons shown."""

from dispatch.job import Strategy
from dispatch.strategies import distance, load, promise, refusals, region, skills, wanted_time

ALL: tuple[Strategy, ...] = (
    skills.weigh,
    region.weigh,
    distance.weigh,
    load.weigh,
    wanted_time.weigh,
    promise.weigh,
    refusals.weigh,
)

__all__ = ["ALL"]
