"""Calibrating the confidence of fields: Platt scaling (Platt, 1999) of a span's log-odds, on material the model has not seen.

A model is sure of itself on material like its own. So a model is trained on one half of the hand-written requests and asked about the
other half; what its log-odds turn out to be worth there is what the full model's are taken to be worth on strangers' texts. (Halves by
author make it too modest: a model of half the authors knows less of strangers than the full one.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from nlu.contract import FIELD_NAMES
from nlu.corpus import Example
from nlu.pipeline.characters import read
from nlu.pipeline.entities import EntityTagger
from nlu.quoting import readable
from nlu.tidy import tidy
from nlu.values import value_of

Pair = tuple[float, bool]  # log-odds of a found span, whether its value is labelled
_ENOUGH = 60


def judged(tagger: EntityTagger, examples: Sequence[Example]) -> dict[str, list[Pair]]:
    """What an uncalibrated tagger finds, put in order as in use, by field."""
    pairs: dict[str, list[Pair]] = {name: [] for name in FIELD_NAMES}
    for example in examples:
        gold = {(f.name, f.value) for f in example.fields}
        text = readable(example.text)
        for start, end, name, confidence, component in tidy(text, tagger.find(read(text))):
            if component == "entities":
                odds = math.log(max(confidence, 1e-6) / max(1 - confidence, 1e-6))
                pairs[name].append((odds, (name, value_of(name, example.text[start:end])) in gold))
    return pairs


def platt(pairs: Sequence[Pair]) -> tuple[float, float]:
    """Slope and offset that make sigmoid(slope * odds + offset) fit; a slope is kept positive. Newton's method with a light prior."""
    slope, offset = 1.0, 0.0
    right = sum(r for _, r in pairs)
    high, low = (right + 1) / (right + 2), 1 / (len(pairs) - right + 2)
    for _ in range(100):
        g0 = g1 = h00 = h01 = h11 = 0.0
        for x, r in pairs:
            p = 1 / (1 + math.exp(-max(-30.0, min(30.0, slope * x + offset))))
            error, weight = p - (high if r else low), max(p * (1 - p), 1e-6)
            g0, g1 = g0 + error * x, g1 + error
            h00, h01, h11 = h00 + weight * x * x, h01 + weight * x, h11 + weight
        g0, h00, h11 = g0 + (slope - 1) * 1.0, h00 + 1.0, h11 + 0.1
        g1 += offset * 0.1
        determinant = h00 * h11 - h01 * h01
        if determinant <= 0:
            break
        step0, step1 = (h11 * g0 - h01 * g1) / determinant, (h00 * g1 - h01 * g0) / determinant
        step0, step1 = (
            max(-0.5, min(0.5, step0)),
            max(-1.0, min(1.0, step1)),
        )  # far from the answer, Newton's steps are wild
        slope, offset = slope - step0, offset - step1
        if abs(step0) + abs(step1) < 1e-6:
            break
    return (round(max(0.05, slope), 4), round(offset, 4))


def calibration(pairs: dict[str, list[Pair]]) -> dict[str, tuple[float, float]]:
    """For each field; one that was found too seldom takes the curve of all."""
    everything = [pair for found in pairs.values() for pair in found]
    general = platt(everything) if everything else (1.0, 0.0)
    return {name: platt(found) if len(found) >= _ENOUGH else general for name, found in pairs.items()}
