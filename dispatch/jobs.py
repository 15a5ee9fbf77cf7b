"""The job in a ticket: where, what skill, which certificates, when."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

import sla
from core import clock
from dispatch.job import Job
from dispatch.places import Place, place_from
from dispatch.tables import Visit
from ticketing import Asset, Entry, Ticket, TicketField


def job_of(session: Session, ticket: Ticket) -> Job:
    category = device_category(session, ticket)
    skills = frozenset({category}) if category else frozenset(filter(None, [_detail(ticket.field("fault"), "class")]))
    turned_down = session.scalars(
        select(Visit.engineer_id).where(Visit.ticket_id == ticket.id, Visit.state.in_(("refused", "unanswered")))
    )
    return Job(
        ticket_id=ticket.id,
        now=clock.now(),
        priority=ticket.priority,
        place=place_of(session, ticket),
        skills=skills,
        certificates=frozenset(certificates().get(category, ())),
        wanted=wanted(ticket.field("time")),
        arrive_by=sla.due(session, ticket.id, "arrival"),
        turned_down=frozenset(turned_down),
    )


def place_of(session: Session, ticket: Ticket) -> Place:
    """From the address as it was resolved; without coordinates there, from a place the customer sent."""
    field = ticket.field("address")
    place = place_from(_details(field), field.current if field else "")
    if place.located:
        return place
    sent = session.scalars(select(Entry.place).where(Entry.ticket_id == ticket.id).order_by(Entry.id.desc()))
    for details in sent:
        found = place_from(details or {}, place.label)
        if found.located:
            return Place(code=place.code, latitude=found.latitude, longitude=found.longitude, label=place.label)
    return place


def device_category(session: Session, ticket: Ticket) -> str:
    """The catalogue's id of the device, "" if nobody knows; a known asset's device where the text says none."""
    category = _detail(ticket.field("device"), "category")
    if not category and ticket.asset_id is not None:
        asset = session.get(Asset, ticket.asset_id)
        category = asset.device if asset else ""
    return category


def wanted(field: TicketField | None) -> tuple[datetime, datetime] | None:
    """The customer's window as absolute times; None where it was not resolved."""
    details = _details(field)
    try:
        start, end = datetime.fromisoformat(str(details["start"])), datetime.fromisoformat(str(details["end"]))
        return (clock.aware(start), clock.aware(end)) if start < end else None
    except (KeyError, TypeError, ValueError):
        return None


@lru_cache(maxsize=1)
def certificates() -> dict[str, list[str]]:
    content: dict[str, list[str]] = yaml.safe_load(
        (Path(__file__).parent / "certificates.yaml").read_text(encoding="utf-8")
    )
    return content


def _details(field: TicketField | None) -> dict[str, Any]:
    if field is None or not isinstance(field.resolved, dict):
        return {}
    details = field.resolved.get("details")
    return details if isinstance(details, dict) else {}


def _detail(field: TicketField | None, name: str) -> str:
    return str(_details(field).get(name) or "")
