"""Understanding: reads turns of text and returns intents, urgency, sentiment and fields with their evidence. Pure."""

from __future__ import annotations

from pathlib import Path

from nlu.contract import (
    FIELD_NAMES,
    INTENTS,
    Ask,
    Asset,
    Candidate,
    Context,
    FieldFound,
    Intent,
    Request,
    SpokenWord,
    Turn,
    Understander,
    Understanding,
)

__all__ = [
    "FIELD_NAMES",
    "INTENTS",
    "Ask",
    "Asset",
    "Candidate",
    "Context",
    "FieldFound",
    "Intent",
    "Request",
    "SpokenWord",
    "Turn",
    "Understander",
    "Understanding",
    "load",
]


def load(path: Path | None = None) -> Understander:
    """The trained understander: of ``path``, of HOTLINE_NLU_MODEL, or the newest in models/nlu.

    spaCy is imported here, not with this package. Raises ConfigurationError when there is no model.
    """
    from nlu.understander import PipelineUnderstander

    return PipelineUnderstander(path)
