"""Understanding: reads turns of text and returns intents, urgency, sentiment and fields with their evidence. Pure."""

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
]
