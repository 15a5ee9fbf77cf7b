"""Who is calling, if the number is a customer's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from core import db
from nlu import Asset as OwnedAsset
from ticketing import Asset, Identity


@dataclass(frozen=True, kw_only=True)
class KnownCaller:
    """``customer_id`` is None for a number that nobody is known by."""

    customer_id: int | None = None
    assets: Sequence[OwnedAsset] = ()


def known_caller(number: str) -> KnownCaller:
    """Looks the number (E.164) up; blocks on the database."""
    if not number:
        return KnownCaller()
    with db.read() as session:
        customer = session.scalar(
            select(Identity.customer_id).where(Identity.kind == "phone", Identity.value == number)
        )
        if customer is None:
            return KnownCaller()
        rows = session.scalars(select(Asset).where(Asset.customer_id == customer).limit(50)).all()
        owned = [OwnedAsset(id=a.code, device=a.device, brand=a.brand, model=a.model, serial=a.serial) for a in rows]
    return KnownCaller(customer_id=customer, assets=owned)
