"""A symptom in the customer's words to a fault class of the device, with its danger."""

from __future__ import annotations

import re
from functools import lru_cache

from nlu.catalogue import Catalogue, FaultClass
from nlu.contract import Candidate


class FaultResolver:
    def __init__(self, catalogue: Catalogue) -> None:
        self._classes = [
            (fault, [w for w in fault.words if _plain(w)], [re.compile(w) for w in fault.words if not _plain(w)])
            for fault in catalogue.faults
        ]
        self.candidates = lru_cache(maxsize=8_192)(self._candidates)

    def _candidates(self, symptom: str, group: str) -> tuple[Candidate, ...]:
        """Ranked classes; one written for the device's ``group`` ("" = unknown) counts more than one for all devices."""
        found: list[tuple[float, FaultClass]] = []
        for order, (fault, words, patterns) in enumerate(self._classes):
            fits = not fault.groups or not group or group in fault.groups
            if not fits:
                continue
            hits = [len(word) for word in words if word in symptom]
            hits += [match.end() - match.start() for match in (p.search(symptom) for p in patterns) if match]
            if not hits:
                continue
            length = max(hits)
            score = (
                0.6
                + min(length, 4) * 0.04
                + (0.12 if group and group in fault.groups else 0)
                - order * 0.0015
                + 0.02 * (len(hits) - 1)
            )
            score += 0.1 if fault.danger == "emergency" else 0
            found.append((min(score, 0.97), fault))
        found.sort(key=lambda item: -item[0])
        return tuple(
            Candidate(value=f.name, score=round(s, 3), details={"class": f.id, "danger": f.danger})
            for s, f in found[:3]
        )


def _plain(pattern: str) -> bool:
    """Whether a pattern stands for its own characters only, so that it needs no regular expression."""
    return bool(pattern) and all(c.isalnum() for c in pattern)
