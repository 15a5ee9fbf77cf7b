"""The price book in force: saved ones and those in the folder, by the day from which they are valid."""

from __future__ import annotations

from datetime import date, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, settings
from core.errors import ConfigurationError, Conflict
from settlement.book import PriceBook, read_book
from settlement.settings import SettlementSettings
from settlement.tables import PriceBookRow

SHIPPED = Path(__file__).parent / "prices"


def book_at(session: Session, moment: datetime) -> PriceBook:
    """The newest book that was valid on the local day of ``moment``; raises ConfigurationError if there is none."""
    day = local_day(moment)
    valid = [book for book in all_books(session).values() if book.valid_from <= day]
    if not valid:
        raise ConfigurationError("no price book was valid then", day=day.isoformat())
    return max(valid, key=lambda book: book.valid_from)


def all_books(session: Session) -> dict[str, PriceBook]:
    """By version; a saved book comes before a file."""
    folder = settings.get(SettlementSettings).price_books or SHIPPED
    books = [_from_file(path, path.stat().st_mtime_ns) for path in sorted(folder.glob("*.yaml"))]
    books += [read_book(row.content) for row in session.scalars(select(PriceBookRow).order_by(PriceBookRow.id))]
    return {book.version: book for book in books}


def save_book(session: Session, content: dict[str, Any], actor: str) -> PriceBook:
    """Saves a new version; one that exists is never changed, for bills refer to it. Raises InvalidInput, Conflict."""
    book = read_book(content)
    if book.version in all_books(session):
        raise Conflict("There is a price book of this version.", version=book.version)
    session.add(
        PriceBookRow(
            version=book.version, valid_from=book.valid_from.isoformat(), content=content, actor=actor, at=clock.now()
        )
    )
    session.flush()
    return book


def zone() -> ZoneInfo:
    return ZoneInfo(settings.get(settings.CoreSettings).zone)


def local_day(moment: datetime) -> date:
    return moment.astimezone(zone()).date()


@lru_cache(maxsize=64)
def _from_file(path: Path, changed: int) -> PriceBook:
    """Read once for each state of the file."""
    return read_book(_read(path))


def _read(path: Path) -> dict[str, Any]:
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"the price book {path.name} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"the price book {path.name} is no mapping")
    return content
