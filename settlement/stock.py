"""Parts stock on three levels (central, outlet, engineer), good and bad parts, reservations. Every change is a movement."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from core import clock
from core.errors import Conflict, InvalidInput, NotFound
from dispatch import Engineer
from settlement.tables import StockLevel, StockLocation, StockMovement, StockReservation

OUTSIDE = "outside"
KINDS = ("central", "outlet", "engineer")


def location(session: Session, kind: str, name: str, engineer_id: int | None = None) -> StockLocation:
    """The place of that name, made if there is none."""
    if kind not in (*KINDS, OUTSIDE):
        raise InvalidInput("A stock location is central, outlet or engineer.", kind=kind)
    found = session.scalar(select(StockLocation).where(StockLocation.name == name))
    if found is None:
        found = StockLocation(kind=kind, name=name, engineer_id=engineer_id)
        session.add(found)
        session.flush()
    return found


def location_of(session: Session, engineer: Engineer) -> StockLocation:
    """An engineer's own bag."""
    found = session.scalar(select(StockLocation).where(StockLocation.engineer_id == engineer.id))
    return found or location(session, "engineer", f"engineer {engineer.id}", engineer.id)


def receive(session: Session, target: StockLocation, part: str, count: int, actor: str, key: str | None = None) -> None:
    """Parts come in from outside."""
    move(session, location(session, OUTSIDE, OUTSIDE), target, part, count, reason="receipt", actor=actor, key=key)


def move(
    session: Session,
    source: StockLocation,
    target: StockLocation,
    part: str,
    count: int,
    *,
    reason: str,
    actor: str,
    condition: str = "good",
    ticket_id: int | None = None,
    key: str | None = None,
) -> bool:
    """Moves parts. False if ``key`` was moved before. Raises Conflict if the source has not that many free."""
    if not 1 <= count <= 100_000:
        raise InvalidInput("A count is 1 to 100,000.", count=count)
    if condition not in ("good", "bad"):
        raise InvalidInput("A part is good or bad.", condition=condition)
    if source.id == target.id:
        raise InvalidInput("A movement has two places.")
    if key is not None and session.scalar(select(StockMovement.id).where(StockMovement.key == key)) is not None:
        return False
    places = sorted(((source, -count), (target, count)), key=lambda pair: pair[0].id)  # all lock in this order
    levels = [(_level(session, place, part, condition), change) for place, change in places if place.kind != OUTSIDE]
    for level, change in levels:
        if level.count - level.reserved + change < 0:
            raise Conflict("There are not enough of this part.", part=part, free=level.count - level.reserved)
    for level, change in levels:
        level.count += change
    session.add(
        StockMovement(
            at=clock.now(),
            part=part,
            condition=condition,
            count=count,
            source_id=source.id,
            target_id=target.id,
            reason=reason,
            ticket_id=ticket_id,
            actor=actor,
            key=key,
        )
    )
    session.flush()
    return True


def free(session: Session, place: StockLocation, part: str) -> int:
    """Good parts there that nobody has reserved."""
    session.flush()
    return int(
        session.scalar(
            select(StockLevel.count - StockLevel.reserved).where(
                StockLevel.location_id == place.id, StockLevel.part == part, StockLevel.condition == "good"
            )
        )
        or 0
    )


def reserve(session: Session, place: StockLocation, part: str, count: int, ticket_id: int) -> StockReservation:
    """Sets parts aside for a ticket; raises Conflict if there are too few."""
    level = _level(session, place, part, "good")
    if count < 1 or level.count - level.reserved < count:
        raise Conflict("There are not enough of this part.", part=part, free=level.count - level.reserved)
    level.reserved += count
    held = StockReservation(ticket_id=ticket_id, location_id=place.id, part=part, count=count, at=clock.now())
    session.add(held)
    session.flush()
    return held


def release(session: Session, ticket_id: int, state: str = "released") -> None:
    """Gives a ticket's reserved parts free."""
    held = session.scalars(
        select(StockReservation).where(StockReservation.ticket_id == ticket_id, StockReservation.state == "held")
    )
    for reservation in held:
        place = session.get_one(StockLocation, reservation.location_id)
        _level(session, place, reservation.part, "good").reserved -= reservation.count
        reservation.state = state
    session.flush()


def use(
    session: Session, engineer: Engineer, parts: Sequence[tuple[str, int]], ticket_id: int, key: str
) -> list[tuple[str, int]]:
    """Takes what a visit used out of the engineer's bag. What the bag did not have is booked as a shortage (it was fitted
    nonetheless) and returned as [(part, missing)]."""
    release(session, ticket_id, "used")
    bag, outside = location_of(session, engineer), location(session, OUTSIDE, OUTSIDE)
    short = location(session, OUTSIDE, "shortage")
    missing: list[tuple[str, int]] = []
    wanted: dict[str, int] = {}
    for part, count in parts:
        wanted[part] = wanted.get(part, 0) + count
    for part, count in wanted.items():
        here = min(count, max(0, free(session, bag, part)))
        actor = f"user:{engineer.user_id}"
        if here:
            move(
                session, bag, outside, part, here, reason="used", actor=actor, ticket_id=ticket_id, key=f"{key}:{part}"
            )
        if count > here:
            lacking = count - here
            missing.append((part, lacking))
            cause = f"{key}:{part}:shortage"
            move(session, short, outside, part, lacking, reason="shortage", actor=actor, ticket_id=ticket_id, key=cause)
    return missing


def engineer_ids(user_id: int) -> Select[int]:
    """The engineer that a user is, as a query."""
    return select(Engineer.id).where(Engineer.user_id == user_id)


def find_location(session: Session, location_id: int) -> StockLocation:
    """Raises NotFound."""
    found = session.get(StockLocation, location_id)
    if found is None:
        raise NotFound("There is no such stock location.", location=location_id)
    return found


def _level(session: Session, place: StockLocation, part: str, condition: str) -> StockLevel:
    session.flush()
    level = session.scalar(
        select(StockLevel)
        .where(StockLevel.location_id == place.id, StockLevel.part == part, StockLevel.condition == condition)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    if level is None:
        level = StockLevel(location_id=place.id, part=part, condition=condition, count=0, reserved=0)
        session.add(level)
        session.flush()
    return level
