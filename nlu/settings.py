"""Settings of understanding."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from core import settings


class NluSettings(settings.Section, prefix="NLU"):
    """Which model reads the customers' words, and what the company adds to it."""

    model: str = Field(
        "", description="Directory of the trained pipeline. Empty: the shipped one, models/nlu/<newest>."
    )
    catalogues: Path | None = Field(
        None, description="Directory of the company's own catalogue files (*.yaml), added to the shipped catalogue."
    )
    read_limit: int = Field(
        16_000, ge=500, description="Characters of one text that are read for fields; the rest is kept but not read."
    )
