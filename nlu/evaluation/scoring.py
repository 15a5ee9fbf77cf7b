"""Figures of an understander on labelled examples.

A field counts as right by *exact* span, by *overlap* (same field, any common character; one to one) and by *value* (same field,
same value as the guidelines normalise it; one to one). Intervals are 95 % bootstrap intervals over examples.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from core import clock
from nlu.contract import FIELD_NAMES, Context, FieldFound, Turn, Understander, Understanding
from nlu.corpus.examples import Example, Label

KINDS = ("exact", "overlap", "value")
_RESAMPLES = 1_000


@dataclass(frozen=True, kw_only=True)
class Ratio:
    """A share with its 95 % interval. ``n`` is what it was measured on."""

    value: float
    low: float
    high: float
    n: int


@dataclass(frozen=True, kw_only=True)
class FieldScore:
    precision: float
    recall: float
    f1: Ratio


@dataclass(frozen=True, kw_only=True)
class Scores:
    """``fields[name][kind]`` with name also "micro"; ``reliability`` are (mean confidence, share right, count) of ten bins."""

    examples: int
    fields: dict[str, dict[str, FieldScore]]
    intents_exact: Ratio
    intent_main: Ratio
    urgency: Ratio
    sentiment: Ratio
    emergency_recall: Ratio
    emergency_false: Ratio
    calibration_error: float
    reliability: list[tuple[float, float, int]]
    docs_per_second: float
    p99_ms: float
    errors: list[dict[str, Any]] = field(default_factory=list, repr=False)
    outcomes: list[dict[str, Any]] = field(default_factory=list, repr=False)

    def as_json(self) -> dict[str, Any]:
        content = asdict(self)
        content.pop("outcomes")
        return content


def score(
    understander: Understander, examples: Sequence[Example], *, progress: Callable[[float], None] = lambda _: None
) -> Scores:
    outcomes, errors, spent = [], [], []
    context = Context(now=clock.now())
    for number, example in enumerate(examples):
        turn = Turn(text=example.text, channel=example.channel)
        begin = time.process_time()
        understood = understander.understand([turn], context)
        spent.append(time.process_time() - begin)
        outcomes.append(_outcome(example, understood))
        errors.extend(_errors(example, understood))
        if number % 20 == 0:
            progress(number / len(examples))
    return summarise(outcomes, errors, spent)


def summarise(outcomes: list[dict[str, Any]], errors: list[dict[str, Any]], spent: Sequence[float]) -> Scores:
    n = len(outcomes)
    picks = np.random.default_rng(0).integers(0, n, size=(_RESAMPLES, n)) if n else np.zeros((1, 0), dtype=np.int64)
    counts = {
        (name, kind): np.array([o["counts"].get((name, kind), (0, 0, 0)) for o in outcomes], dtype=np.int64).reshape(
            n, 3
        )
        for name in FIELD_NAMES
        for kind in KINDS
    }
    fields: dict[str, dict[str, FieldScore]] = {}
    for name in (*FIELD_NAMES, "micro"):
        fields[name] = {}
        for kind in KINDS:
            table = (
                sum((counts[f, kind] for f in FIELD_NAMES), np.zeros((n, 3), dtype=np.int64))
                if name == "micro"
                else counts[name, kind]
            )
            fields[name][kind] = _field_score(table, picks)
    emergencies = np.array([o["emergency"] for o in outcomes], dtype=bool)
    called = np.array([o["called_emergency"] for o in outcomes], dtype=bool)
    confidences = np.array([c for o in outcomes for c, _ in o["confidences"]])
    right = np.array([r for o in outcomes for _, r in o["confidences"]], dtype=float)
    error, bins = reliability(confidences, right)
    return Scores(
        examples=n,
        fields=fields,
        intents_exact=_share([o["intents_exact"] for o in outcomes]),
        intent_main=_share([o["intent_main"] for o in outcomes]),
        urgency=_share([o["urgency"] for o in outcomes]),
        sentiment=_share([o["sentiment"] for o in outcomes]),
        emergency_recall=_share(list(called[emergencies])),
        emergency_false=_share(list(called[~emergencies])),
        calibration_error=error,
        reliability=bins,
        docs_per_second=round(n / max(sum(spent), 1e-9), 1),
        p99_ms=round(float(np.percentile(spent, 99)) * 1_000, 2) if spent else 0.0,
        errors=errors,
        outcomes=outcomes,
    )


def reliability(confidences: NDArray[Any], right: NDArray[Any]) -> tuple[float, list[tuple[float, float, int]]]:
    """Expected calibration error over ten equal bins, and the bins."""
    bins, error = [], 0.0
    for low in np.linspace(0, 0.9, 10):
        inside = (confidences >= low) & ((confidences < low + 0.1) | (low > 0.85))
        if inside.any():
            mean, share, count = float(confidences[inside].mean()), float(right[inside].mean()), int(inside.sum())
            bins.append((round(mean, 3), round(share, 3), count))
            error += abs(mean - share) * count / len(confidences)
    return round(error, 4), bins


def f1(table: NDArray[Any]) -> float:
    """``table`` rows: right, found, labelled."""
    right, found, labelled = table.sum(axis=0)
    return float(2 * right / (found + labelled)) if found + labelled else 1.0


def _field_score(table: NDArray[np.int64], picks: NDArray[np.int64]) -> FieldScore:
    right, found, labelled = (int(v) for v in table.sum(axis=0)) if len(table) else (0, 0, 0)
    sums = table[picks].sum(axis=1) if len(table) else np.zeros((1, 3))
    both = sums[:, 1] + sums[:, 2]
    values = np.where(both > 0, 2 * sums[:, 0] / np.maximum(both, 1), 1.0)
    low, high = np.percentile(values, [2.5, 97.5])
    return FieldScore(
        precision=round(right / found, 4) if found else 1.0,
        recall=round(right / labelled, 4) if labelled else 1.0,
        f1=Ratio(
            value=round(f1(table), 4) if len(table) else 1.0,
            low=round(float(low), 4),
            high=round(float(high), 4),
            n=labelled,
        ),
    )


def _share(values: Sequence[bool]) -> Ratio:
    """A share with Wilson's 95 % interval."""
    n = len(values)
    if not n:
        return Ratio(value=1.0, low=0.0, high=1.0, n=0)
    p, z = sum(map(bool, values)) / n, 1.96
    middle = (p + z * z / (2 * n)) / (1 + z * z / n)
    half = z * ((p * (1 - p) / n + z * z / (4 * n * n)) ** 0.5) / (1 + z * z / n)
    return Ratio(value=round(p, 4), low=round(max(0.0, middle - half), 4), high=round(min(1.0, middle + half), 4), n=n)


def _outcome(example: Example, understood: Understanding) -> dict[str, Any]:
    found = unique(understood)
    counts = {}
    for name in FIELD_NAMES:
        mine = [f for f in found if f.name == name]
        gold = [g for g in example.fields if g.name == name]
        if not mine and not gold:
            continue
        exact = len({(f.start, f.end) for f in mine} & {(g.start, g.end) for g in gold})
        counts[name, "exact"] = (exact, len(mine), len(gold))
        counts[name, "overlap"] = (_overlaps(mine, gold), len(mine), len(gold))
        values = Counter(f.value for f in mine) & Counter(g.value for g in gold)
        counts[name, "value"] = (values.total(), len(mine), len(gold))
    gold_values = {(g.name, g.value) for g in example.fields}
    names = [i.name for i in understood.intents]
    return {
        "counts": counts,
        "confidences": [(f.confidence, (f.name, f.value) in gold_values) for f in found],
        "intents_exact": set(names) == set(example.intents),
        "intent_main": names[:1] == list(example.intents[:1]),
        "urgency": understood.urgency == example.urgency,
        "sentiment": understood.sentiment == example.sentiment,
        "emergency": example.urgency == "emergency",
        "called_emergency": understood.urgency == "emergency",
    }


def unique(understood: Understanding) -> list[FieldFound]:
    """Each field once, although a shared one (the phone) belongs to every request."""
    return list({(f.turn, f.start, f.end, f.name): f for f in understood.fields}.values())


def _overlaps(mine: Sequence[FieldFound], gold: Sequence[Label]) -> int:
    taken: set[int] = set()
    hits = 0
    for f in mine:
        for i, g in enumerate(gold):
            if i not in taken and f.start < g.end and g.start < f.end:
                taken.add(i)
                hits += 1
                break
    return hits


def _errors(example: Example, understood: Understanding) -> list[dict[str, Any]]:
    found = unique(understood)
    wrong: list[dict[str, Any]] = []
    gold = {(g.name, g.start, g.end): g.value for g in example.fields}
    mine = {(f.name, f.start, f.end): f.value for f in found}
    for key in sorted(set(gold) | set(mine), key=lambda k: (k[1], k[2], k[0])):
        if gold.get(key) != mine.get(key):
            name, start, end = key
            kind = "missed" if key not in mine else "invented" if key not in gold else "value"
            wrong.append(
                {
                    "id": example.id,
                    "field": name,
                    "kind": kind,
                    "text": example.text[start:end],
                    "want": gold.get(key),
                    "got": mine.get(key),
                }
            )
    names = [i.name for i in understood.intents]
    for what, want, got in (
        ("intents", list(example.intents), names),
        ("urgency", example.urgency, understood.urgency),
        ("sentiment", example.sentiment, understood.sentiment),
    ):
        if (set(want) != set(got) or want[0] != got[0]) if what == "intents" else want != got:
            wrong.append(
                {"id": example.id, "field": what, "kind": "label", "text": example.text[:60], "want": want, "got": got}
            )
    return wrong
