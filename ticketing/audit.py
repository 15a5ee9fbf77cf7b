"""The audit trail: who did or saw what. Written in the transaction of the deed; rows are only ever added."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from core import clock
from ticketing.tables import AuditEntry


def write(session: Session, actor: str, action: str, subject: str, *, address: str = "", **details: Any) -> None:
    """Adds a row. ``actor`` is ``user:7`` or a room, ``subject`` ``ticket:12``; no personal data belongs in ``details``."""
    session.add(
        AuditEntry(
            at=clock.now(), actor=actor, action=action, subject=subject[:80], details=details, address=address[:60]
        )
    )
