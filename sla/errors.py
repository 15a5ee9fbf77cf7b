"""What can be wrong with a business calendar.

ConfigurationError
├── NoBusinessTime
└── UnannouncedYear
"""

from __future__ import annotations

from core.errors import ConfigurationError


class NoBusinessTime(ConfigurationError):
    """The calendar has no business time within ten years."""

    code = "no_business_time"


class UnannouncedYear(ConfigurationError):
    """The public holidays of this year have not been announced."""

    code = "unannounced_year"

    def __init__(self, year: int, region: str) -> None:
        super().__init__(f"The public holidays of {year} ({region}) have not been announced.", year=year, region=region)
        self.year = year
