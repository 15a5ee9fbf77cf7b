"""Settings of settlement."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from core.settings import Section


class SettlementSettings(Section, prefix="SETTLEMENT"):
    """Prices, and what follows a visit."""

    price_books: Path | None = Field(None, description="Folder of price books (YAML) instead of the shipped ones.")
    survey_minutes: float = Field(120.0, description="min after completion at which the customer is asked how it was.")
    survey_days: float = Field(14.0, description="days for which the link of a survey can be answered.")
    close_days: float = Field(
        3.0, description="days after completion at which a billed ticket closes without an answer."
    )
    bad_score: int = Field(2, description="A survey's score (1 to 5) at or below this opens a follow-up ticket.")
    company: str = Field("Hotline", description="Name on bills and survey pages.")
