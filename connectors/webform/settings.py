"""Limits and looks of the public pages."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from core import settings


class WebFormSettings(settings.Section, prefix="WEBFORM"):
    """Public pages: report a fault, follow a ticket."""

    company: str = Field("售后服务", description="Name shown at the head of every page.")
    hotline: str = Field("", description="Telephone number shown for those who would rather call. Empty: none.")
    per_hour: int = Field(30, description="Reports that one network address may send in an hour.")
    unproved_per_hour: int = Field(
        6, description="Of these, reports without proof of work (browsers without JavaScript)."
    )
    wrong_codes: int = Field(8, description="Wrong codes in 15 minutes after which a ticket or an address is refused.")
    work_bits: int = Field(
        14, ge=0, le=24, description="Difficulty of the proof of work; 14 costs a phone about 0.1 s."
    )
    token_hours: float = Field(12.0, description="h for which an opened form can be sent.")
    follow_days: float = Field(30.0, description="Days for which a follow link opens its ticket.")
    files: int = Field(9, description="Files that one report may carry.")
    total_limit: int = Field(80 * 1024 * 1024, description="Bytes of one report with all its files.")
    map_tiles: str = Field(
        "",
        description="Tiles of a map on which customers mark the place, such as https://tiles.example.com/{z}/{x}/{y}.png. "
        "Empty: no map, only the button that asks the browser.",
    )
    map_attribution: str = Field("", description="Who made the map, as its licence wants it shown; HTML.")
    map_datum: Literal["WGS-84", "GCJ-02"] = Field(
        "WGS-84", description="GCJ-02 for tiles of Chinese providers such as AMap and Tencent; OpenStreetMap is WGS-84."
    )
    map_start: str = Field("35,104,4", description="Latitude, longitude and zoom that the map shows at first.")
    embed_origins: str = Field(
        "",
        description="Sites that may show the form in their pages, such as https://www.example.com; separated by spaces.",
    )
