"""Settings of promised times."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from core.settings import Section


class SlaSettings(Section, prefix="SLA"):
    """Where calendars and policies come from. What is saved through the API comes before both files."""

    policies: Path | None = Field(None, description="YAML file of policies instead of the shipped ones.")
    calendars: Path | None = Field(None, description="YAML file of calendars instead of the shipped ones.")
    holidays: Path | None = Field(None, description="Folder with further year packs: <region>/<year>.yaml.")
    recheck_hours: float = Field(
        24.0, description="h after which a time that fell into a year without announced holidays is reckoned again."
    )
