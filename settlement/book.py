"""The price book: records, how they are read, and which line fits. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from core.errors import InvalidInput
from settlement.money import Fen, yuan
from sla import Words, shifts, words

MAX_PRICE = 1_000_000_00  # fen


@dataclass(frozen=True, kw_only=True)
class Labour:
    """Work at a price; empty sets fit all. ``wage``: what the engineer earns by it (piece rate)."""

    code: str
    name: Words
    price: Fen
    wage: Fen
    services: frozenset[str] = frozenset()
    devices: frozenset[str] = frozenset()
    faults: frozenset[str] = frozenset()
    priorities: frozenset[int] = frozenset()

    def fits(self, *, service: str, device: str, fault: str, priority: int) -> bool:
        return (
            (not self.services or service in self.services)
            and (not self.devices or device in self.devices)
            and (not self.faults or fault in self.faults)
            and (not self.priorities or priority in self.priorities)
        )


@dataclass(frozen=True, kw_only=True)
class Band:
    """Travel up to so many km (straight line)."""

    up_to_km: float
    price: Fen


@dataclass(frozen=True, kw_only=True)
class Surcharge:
    """``percent`` of labour, at night (minutes of the day, may pass midnight) or on the days off of a region."""

    code: str
    name: Words
    percent: Decimal
    hours: tuple[int, int] | None = None
    holidays: str = ""


@dataclass(frozen=True, kw_only=True)
class Part:
    """A part: ``cost`` is what it stands for in stock; a ``consumable`` is never covered by warranty."""

    code: str
    name: Words
    price: Fen
    cost: Fen
    warranty_days: int = 0
    consumable: bool = False
    barcode: str = ""


@dataclass(frozen=True, kw_only=True)
class PriceBook:
    """``warranty``: the kinds of lines it covers; ``discounts``: percent by contract level."""

    version: str
    valid_from: date
    labour: tuple[Labour, ...]
    travel: tuple[Band, ...]
    travel_unknown: Fen
    surcharges: tuple[Surcharge, ...]
    discounts: Mapping[str, Decimal]
    warranty: frozenset[str]
    not_for_causes: frozenset[str]
    tax_percent: Decimal
    parts: Mapping[str, Part]

    def labour_for(self, *, service: str, device: str, fault: str, priority: int) -> Labour | None:
        """The first line that fits."""
        return next(
            (x for x in self.labour if x.fits(service=service, device=device, fault=fault, priority=priority)), None
        )

    def labour_called(self, code: str) -> Labour:
        found = next((x for x in self.labour if x.code == code), None)
        if found is None:
            raise InvalidInput("The price book has no such labour.", code=code)
        return found

    def part(self, code: str) -> Part:
        """By code or barcode; raises InvalidInput."""
        found = self.parts.get(code) or next((p for p in self.parts.values() if p.barcode and p.barcode == code), None)
        if found is None:
            raise InvalidInput("The price book has no such part.", code=code)
        return found

    def travel_price(self, km: float | None) -> Fen:
        if km is None:
            return self.travel_unknown
        return next((band.price for band in self.travel if km <= band.up_to_km), self.travel[-1].price)


def read_book(content: Mapping[str, Any]) -> PriceBook:
    """Raises InvalidInput that names the entry which cannot be read."""
    place = "version or valid_from"
    try:
        valid = content["valid_from"]
        valid_from = valid if type(valid) is date else date.fromisoformat(str(valid))
        version = str(content["version"])
        labour, parts, surcharges = [], {}, []
        for entry in content["labour"]:
            place = f"labour {entry.get('code', '?')}"
            labour.append(_labour(entry))
        for entry in content.get("surcharges", ()):
            place = f"surcharge {entry.get('code', '?')}"
            surcharges.append(_surcharge(entry))
        for entry in content.get("parts", ()):
            place = f"part {entry.get('code', '?')}"
            part = _part(entry)
            if part.code in parts:
                raise ValueError("there are two of this code")
            parts[part.code] = part
        place = "travel, discounts or warranty"
        travel = tuple(
            sorted(
                (Band(up_to_km=_km(b["up_to_km"]), price=_positive(b["price"])) for b in content["travel"]),
                key=lambda b: b.up_to_km,
            )
        )
        warranty = content.get("warranty", {})
        book = PriceBook(
            version=version,
            valid_from=valid_from,
            labour=tuple(labour),
            travel=travel,
            travel_unknown=_positive(content.get("travel_unknown", 0)),
            surcharges=tuple(surcharges),
            discounts={str(k): _rate(v) for k, v in content.get("discounts", {}).items()},
            warranty=frozenset(k for k in ("labour", "parts", "travel", "surcharge") if warranty.get(k)),
            not_for_causes=frozenset(map(str, warranty.get("not_for_causes", ()))),
            tax_percent=_rate(content.get("tax_percent", 0)),
            parts=parts,
        )
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError) as error:
        raise InvalidInput(f"The price book cannot be read at {place}: {type(error).__name__} {error}") from error
    if not labour or not travel:
        raise InvalidInput("A price book needs labour and travel.")
    return book


def _name(entry: Mapping[str, Any]) -> Words:
    return words(str(entry["name"]["zh"]), str(entry["name"].get("en", entry["name"]["zh"])))


def _positive(value: Any) -> Fen:
    amount = yuan(value)
    if not 0 <= amount <= MAX_PRICE:
        raise ValueError(f"a price is 0 to 1,000,000 yuan, got {value}")
    return amount


def _km(value: Any) -> float:
    km = float(value)
    if not 0 < km <= 50_000:
        raise ValueError(f"a distance is 0 to 50,000 km, got {value}")
    return km


def _rate(value: Any) -> Decimal:
    rate = Decimal(str(value))
    if not 0 <= rate <= 1000:
        raise ValueError(f"a rate is 0 to 1000 percent, got {value}")
    return rate


def _labour(entry: Mapping[str, Any]) -> Labour:
    return Labour(
        code=str(entry["code"]),
        name=_name(entry),
        price=_positive(entry["price"]),
        wage=_positive(entry.get("wage", 0)),
        services=frozenset(map(str, entry.get("services", ()))),
        devices=frozenset(map(str, entry.get("devices", ()))),
        faults=frozenset(map(str, entry.get("faults", ()))),
        priorities=frozenset(map(int, entry.get("priority", ()))),
    )


def _surcharge(entry: Mapping[str, Any]) -> Surcharge:
    hours = None
    if entry.get("hours"):
        (shift,) = shifts([entry["hours"]])
        hours = (shift.start, shift.end)
    return Surcharge(
        code=str(entry["code"]),
        name=_name(entry),
        percent=_rate(entry["percent"]),
        hours=hours,
        holidays=str(entry.get("holidays", "")),
    )


def _part(entry: Mapping[str, Any]) -> Part:
    return Part(
        code=str(entry["code"]),
        name=_name(entry),
        price=_positive(entry["price"]),
        cost=_positive(entry.get("cost", 0)),
        warranty_days=int(entry.get("warranty_days", 0)),
        consumable=bool(entry.get("consumable")),
        barcode=str(entry.get("barcode", "")),
    )
