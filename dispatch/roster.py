"""The engineers: how they are kept, and how they look to a choice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session, contains_eager, selectinload

import sla
from core import clock, settings
from core.errors import InvalidInput, NotFound
from dispatch.job import Contender
from dispatch.places import Place, division
from dispatch.tables import Engineer, Leave, Visit
from ticketing import User

OPEN = ("proposed", "accepted", "on_site")


def save_engineer(
    session: Session,
    user_id: int,
    *,
    skills: Sequence[str] = (),
    certificates: Sequence[Mapping[str, Any]] = (),
    regions: Sequence[str] = (),
    latitude: float | None = None,
    longitude: float | None = None,
    capacity: int = 6,
    shifts: Mapping[str, Any] | None = None,
    outlet: str = "",
    active: bool = True,
) -> Engineer:
    """Makes or changes the engineer that a user is. ``shifts``: a calendar as sla reads it (weekdays, dated, zone), none:
    always at work; coordinates in WGS-84 degrees. Raises InvalidInput."""
    user = session.get(User, user_id)
    if user is None or user.role != "engineer":
        raise InvalidInput("An engineer is a user with the role engineer.", user=user_id)
    if (latitude is None) != (longitude is None) or abs(latitude or 0) > 90 or abs(longitude or 0) > 180:
        raise InvalidInput("A home needs latitude and longitude in degrees.")
    if not 1 <= capacity <= 100:
        raise InvalidInput("A capacity is 1 to 100 visits a day.", capacity=capacity)
    if any(not str(region).isdigit() or len(str(region)) > 12 for region in regions):
        raise InvalidInput("Regions are GB/T 2260 codes or their beginnings.", regions=list(regions))
    if shifts:
        _hours(user_id, shifts)
    for certificate in certificates:
        _until(certificate)
    row = session.scalar(select(Engineer).where(Engineer.user_id == user_id)) or Engineer(user_id=user_id)
    row.skills, row.regions = sorted(map(str, skills)), [division(str(region)) for region in regions]
    row.certificates = [{"name": str(c["name"]), "until": str(c.get("until") or "")} for c in certificates]
    row.latitude, row.longitude, row.capacity = latitude, longitude, capacity
    row.shifts, row.outlet, row.active = dict(shifts or {}), outlet, active
    session.add(row)
    session.flush()
    return row


def add_leave(session: Session, engineer_id: int, start: datetime, end: datetime, reason: str = "") -> Leave:
    if not start < end:
        raise InvalidInput("A leave ends after it starts.")
    if session.get(Engineer, engineer_id) is None:
        raise NotFound("There is no such engineer.")
    leave = Leave(engineer_id=engineer_id, start=start, end=end, reason=reason)
    session.add(leave)
    session.flush()
    return leave


def engineer_of(session: Session, user_id: int) -> Engineer:
    """The engineer a user is; raises NotFound."""
    row = session.scalar(select(Engineer).where(Engineer.user_id == user_id))
    if row is None:
        raise NotFound("This user is no engineer.")
    return row


def contenders(session: Session, beside: int | None = None) -> list[Contender]:
    """All active engineers as they stand now. ``beside``: a ticket whose own visit does not count as something else to do."""
    moment = clock.now()
    loads = load_by_engineer(session, moment, beside)
    rows = session.scalars(
        select(Engineer)
        .join(Engineer.user)
        .where(Engineer.active.is_(True), User.active.is_(True))
        .options(contains_eager(Engineer.user), selectinload(Engineer.leaves))
        .order_by(Engineer.id)
    )
    return [_contender(row, loads.get(row.id, 0), moment) for row in rows]


def load_by_engineer(session: Session, moment: datetime, beside: int | None = None) -> dict[int, int]:
    """Visits by engineer that are open, or were done since midnight; those of the ticket ``beside`` are left out."""
    zone = ZoneInfo(settings.get(settings.CoreSettings).zone)
    midnight = moment.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0)
    done_today = (Visit.state == "done") & (Visit.completed >= midnight)
    query = select(Visit.engineer_id, func.count()).where(or_(Visit.state.in_(OPEN), done_today))
    if beside is not None:
        query = query.where(Visit.ticket_id != beside)
    return {row[0]: row[1] for row in session.execute(query.group_by(Visit.engineer_id))}


def _contender(row: Engineer, load: int, moment: datetime) -> Contender:
    today = moment.astimezone(ZoneInfo(settings.get(settings.CoreSettings).zone)).date()
    return Contender(
        id=row.id,
        name=row.user.name,
        skills=frozenset(map(str, row.skills)),
        certificates=frozenset(
            str(c["name"]) for c in row.certificates if (until := _until(c)) is None or until >= today
        ),
        regions=tuple(map(str, row.regions)),
        home=Place(latitude=row.latitude, longitude=row.longitude),
        capacity=row.capacity,
        load=load,
        hours=_hours(row.id, row.shifts) if row.shifts else None,
        leaves=[(leave.start, leave.end, leave.reason) for leave in row.leaves if leave.end > moment],
        busy_until=moment + timedelta(hours=1) if load else None,
    )


def _hours(engineer_id: int, shifts: Mapping[str, Any]) -> sla.Calendar:
    name = f"engineer {engineer_id}"
    return sla.read_calendars({name: shifts}, settings.get(settings.CoreSettings).zone)[name]


def _until(certificate: Mapping[str, Any]) -> date | None:
    written = str(certificate.get("until") or "")
    try:
        return date.fromisoformat(written) if written else None
    except ValueError:
        raise InvalidInput("A certificate is valid until a date like 2027-12-31.", until=written) from None
