"""Settings of dispatch."""

from __future__ import annotations

from pydantic import Field

from core.settings import Section


class DispatchSettings(Section, prefix="DISPATCH"):
    """How engineers are chosen and how long they may think about it."""

    automatic: bool = Field(
        True, description="Assign confirmed tickets at once; else dispatchers do, or engineers grab."
    )
    services: list[str] = Field(
        ["repair", "install", "maintain", "return"], description="Service types that need a visit."
    )
    answer_minutes: float = Field(15.0, description="min in which an engineer answers before the next one is asked.")
    answer_minutes_emergency: float = Field(3.0, description="The same for tickets of priority 1.")
    retry_minutes: float = Field(10.0, description="min after which a ticket that nobody could take is tried again.")
    max_km: float = Field(80.0, description="km (straight line) beyond which an engineer is not sent.")
    geofence_metres: float = Field(500.0, description="A check-in farther from the address than this is flagged.")
    km_per_hour: float = Field(25.0, description="Straight-line km an hour by which arrival is estimated.")
