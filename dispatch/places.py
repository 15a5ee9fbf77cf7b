"""Places: distance on the sphere, and the two data that Chinese maps use.

WeChat, AMap and Tencent report GCJ-02, GPS reports WGS-84; taking one for the other costs 30–700 m. Everything is compared
in WGS-84. The GCJ-02 formula is the publicly documented one; its inverse is found by iteration (under a millimetre).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

EARTH = 6_371_008.8  # m, mean radius (IUGG)
_A, _E2 = 6_378_245.0, 0.006_693_421_622_965_943  # Krasovsky 1940, which GCJ-02 is drawn on


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where to go: region code (GB/T 2260, "" unknown) and WGS-84 degrees if known."""

    code: str = ""
    latitude: float | None = None
    longitude: float | None = None
    label: str = ""

    @property
    def located(self) -> bool:
        return self.latitude is not None and self.longitude is not None


def metres(latitude1: float, longitude1: float, latitude2: float, longitude2: float) -> float:
    """Great-circle distance in m by the haversine formula; degrees."""
    phi1, phi2 = math.radians(latitude1), math.radians(latitude2)
    half = (
        math.sin((phi2 - phi1) / 2) ** 2
        + math.cos(phi1) * math.cos(phi2) * math.sin(math.radians(longitude2 - longitude1) / 2) ** 2
    )
    return 2 * EARTH * math.asin(math.sqrt(min(1.0, half)))


def between(first: Place, second: Place) -> float | None:
    """m between two places, None if one is not located."""
    if first.latitude is None or first.longitude is None or second.latitude is None or second.longitude is None:
        return None
    return metres(first.latitude, first.longitude, second.latitude, second.longitude)


def to_wgs84(latitude: float, longitude: float, datum: str = "wgs84") -> tuple[float, float]:
    """Degrees in WGS-84 of a point given in ``datum`` (wgs84 or gcj02)."""
    if datum.lower().replace("-", "") != "gcj02":
        return latitude, longitude
    guess = latitude, longitude
    for _ in range(8):
        drawn = to_gcj02(*guess)
        guess = guess[0] + latitude - drawn[0], guess[1] + longitude - drawn[1]
    return guess


def to_gcj02(latitude: float, longitude: float) -> tuple[float, float]:
    """A WGS-84 point as Chinese maps draw it; outside the rough frame of China unchanged."""
    if not (72.004 <= longitude <= 137.8347 and 0.8293 <= latitude <= 55.8271):
        return latitude, longitude
    x, y = longitude - 105.0, latitude - 35.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * math.sqrt(abs(x))
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * math.sqrt(abs(x))
    wave = (20.0 * math.sin(6.0 * x * math.pi) + 20.0 * math.sin(2.0 * x * math.pi)) * 2.0 / 3.0
    north += wave + (20.0 * math.sin(y * math.pi) + 40.0 * math.sin(y / 3.0 * math.pi)) * 2.0 / 3.0
    north += (160.0 * math.sin(y / 12.0 * math.pi) + 320.0 * math.sin(y * math.pi / 30.0)) * 2.0 / 3.0
    east += wave + (20.0 * math.sin(x * math.pi) + 40.0 * math.sin(x / 3.0 * math.pi)) * 2.0 / 3.0
    east += (150.0 * math.sin(x / 12.0 * math.pi) + 300.0 * math.sin(x / 30.0 * math.pi)) * 2.0 / 3.0
    phi = math.radians(latitude)
    magic = 1.0 - _E2 * math.sin(phi) ** 2
    north = north * 180.0 / (_A * (1.0 - _E2) / (magic * math.sqrt(magic)) * math.pi)
    east = east * 180.0 / (_A / math.sqrt(magic) * math.cos(phi) * math.pi)
    return latitude + north, longitude + east


def division(code: str) -> str:
    """A GB/T 2260 code as far as it says something: 340100 and 340100000000 are the city 3401, 340000 the province 34."""
    if len(code) == 12 and code.endswith("000"):
        code = code[:9]
    if len(code) == 9 and code.endswith("000"):
        code = code[:6]
    while len(code) in (4, 6) and code.endswith("00"):
        code = code[:-2]
    return code


def place_from(details: dict[str, Any], label: str = "") -> Place:
    """The place in an address field's ``resolved.details``, or in a message's sent place ({latitude, longitude, datum})."""
    code = division(str(details.get("code") or ""))
    try:
        latitude, longitude = float(details["latitude"]), float(details["longitude"])
    except (KeyError, TypeError, ValueError):
        return Place(code=code, label=label)
    if not (math.isfinite(latitude) and math.isfinite(longitude) and abs(latitude) <= 90 and abs(longitude) <= 180):
        return Place(code=code, label=label)
    latitude, longitude = to_wgs84(latitude, longitude, str(details.get("datum") or "wgs84"))
    return Place(code=code, latitude=latitude, longitude=longitude, label=label)
