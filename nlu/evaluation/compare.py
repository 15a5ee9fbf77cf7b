"""Is the new model better? A paired bootstrap over the same examples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nlu.contract import FIELD_NAMES
from nlu.evaluation.scoring import Scores


@dataclass(frozen=True, kw_only=True)
class Difference:
    """New minus old, its 95 % interval, and the share of resamples in which the new one is not better."""

    name: str
    old: float
    new: float
    low: float
    high: float
    p: float

    @property
    def verdict(self) -> str:
        return "better" if self.low > 0 else "worse" if self.high < 0 else "no proven difference"


@dataclass(frozen=True, kw_only=True)
class Comparison:
    examples: int
    differences: tuple[Difference, ...]


def compare(old: Scores, new: Scores, *, resamples: int = 2_000, seed: int = 0) -> Comparison:
    """Both must have been measured on the same examples in the same order; raises ValueError otherwise."""
    n = old.examples
    if n != new.examples or not n:
        raise ValueError(f"both models must have read the same examples, got {n} and {new.examples}")
    picks = np.random.default_rng(seed).integers(0, n, size=(resamples, n))
    differences = []
    for name in ("micro", *FIELD_NAMES):
        tables = []
        for scores in (old, new):
            names = FIELD_NAMES if name == "micro" else (name,)
            tables.append(
                np.array(
                    [
                        np.sum([o["counts"].get((f, "value"), (0, 0, 0)) for f in names], axis=0)
                        for o in scores.outcomes
                    ],
                    dtype=np.int64,
                )
            )
        a, b = (_f1(t.sum(axis=0)[None])[0] for t in tables)
        deltas = _f1(tables[1][picks].sum(axis=1)) - _f1(tables[0][picks].sum(axis=1))
        differences.append(_difference(f"value F1 {name}", a, b, deltas))
    for name in ("intent_main", "intents_exact", "urgency", "sentiment"):
        x, y = (np.array([o[name] for o in s.outcomes], dtype=float) for s in (old, new))
        differences.append(_difference(name, x.mean(), y.mean(), (y - x)[picks].mean(axis=1)))
    return Comparison(examples=n, differences=tuple(differences))


def _f1(sums: np.ndarray) -> np.ndarray:
    both = sums[:, 1] + sums[:, 2]
    return np.where(both > 0, 2 * sums[:, 0] / np.maximum(both, 1), 1.0)


def _difference(name: str, old: float, new: float, deltas: np.ndarray) -> Difference:
    low, high = np.percentile(deltas, [2.5, 97.5])
    return Difference(
        name=name,
        old=round(float(old), 4),
        new=round(float(new), 4),
        low=round(float(low), 4),
        high=round(float(high), 4),
        p=round(float((deltas <= 0).mean()), 4),
    )
