"""Weighing all contenders for a job. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dispatch.job import Contender, Job, Ranked, Strategy
from dispatch.strategies import ALL


def rank(job: Job, contenders: Iterable[Contender], strategies: Sequence[Strategy] = ALL) -> list[Ranked]:
    """Best first; those who cannot be sent come last, with why. Ties go to the one with less to do, then the lower id."""
    ranked = [_weigh(job, contender, strategies) for contender in contenders]
    return sorted(ranked, key=lambda r: (bool(r.excluded), -r.score, r.contender.load, r.contender.id))


def best(ranked: Sequence[Ranked]) -> Ranked | None:
    return ranked[0] if ranked and not ranked[0].excluded else None


def _weigh(job: Job, contender: Contender, strategies: Sequence[Strategy]) -> Ranked:
    verdicts = tuple(v for strategy in strategies if (v := strategy(job, contender)) is not None)
    return Ranked(
        contender=contender,
        score=round(sum(v.points for v in verdicts), 1),
        reasons=verdicts,
        excluded=tuple(v.text for v in verdicts if v.excluded),
    )
