"""Callers who wait for a person, in the order in which they get one; across all voice processes, for the order is the
database's. Functions block on it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, and_, delete, func, or_, select
from sqlalchemy.orm import Session

from core import clock, db
from core.errors import Conflict, NotFound
from intake.tables import SessionRow, WaitingRow
from ticketing import User, phones

EMERGENCY, PROMISED, USUAL = 1, 2, 3


@dataclass(frozen=True, kw_only=True)
class Agent:
    """Somebody whose telephone is taken for a call."""

    user_id: int
    name: str
    address: str


@dataclass(frozen=True, kw_only=True)
class Place:
    """``ahead``: callers before this one; ``agents``: people on duty, busy ones too; ``free``: whether one could be rung now."""

    ahead: int
    agents: int
    free: bool


def somebody_on_duty() -> bool:
    """Whether any agent has said that he takes calls, free or not."""
    with db.read() as session:
        return phones.on_duty(session) > 0


def somebody_has_a_phone() -> bool:
    with db.read() as session:
        return bool(phones.all_phones(session))


def waiting_now() -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(WaitingRow).join(SessionRow).where(_alive())) or 0


def wait(session_id: str, priority: int, since: datetime | None = None) -> datetime:
    """Puts a caller into the queue, at his old place where ``since`` is given; since when he waits."""
    since = since or clock.now()
    with db.write() as session:
        session.merge(WaitingRow(session_id=session_id, priority=priority, since=since))
    return since


def leave(session_id: str) -> None:
    """Nothing is wanted of anybody any more: out of the queue, and the agents are free."""
    with db.write() as session:
        forget_in(session, session_id)


def leave_queue(session_id: str) -> None:
    with db.write() as session:
        session.execute(delete(WaitingRow).where(WaitingRow.session_id == session_id))


def forget_in(session: Session, session_id: str, *, rest: timedelta = timedelta(0)) -> None:
    """The session is over: it waits no more, and its agents are free."""
    session.execute(delete(WaitingRow).where(WaitingRow.session_id == session_id))
    phones.let_go(session, session_id, rest=rest)


def place_of(session_id: str) -> Place:
    """Raises NotFound for one who does not wait."""
    with db.read() as session:
        row = session.get(WaitingRow, session_id)
        if row is None:
            raise NotFound("This caller does not wait.")
        return Place(
            ahead=_ahead(session, row), agents=phones.on_duty(session), free=phones.free_phone(session) is not None
        )


def next_agent(session_id: str, tried: Collection[int] = ()) -> Agent | None:
    """Takes a free agent for the caller who is first, and him out of the queue; None for others, and while none is free."""
    with db.write() as session:
        if not _goes_on(session, session_id):
            return None
        row = session.get(WaitingRow, session_id)
        if row is None or _ahead(session, row):
            return None
        phone = phones.free_phone(session, tried)
        if phone is None or not phones.take(session, phone.user_id, session_id):
            return None
        session.delete(row)
        return _agent(session, phone.user_id)


def take_agent(session_id: str, user_id: int) -> Agent:
    """Takes this user's telephone for a call, also when he is away; raises Conflict if it is in a call, NotFound if he has
    none."""
    with db.write() as session:
        if not _goes_on(session, session_id):
            raise Conflict("This call has ended.")
        phones.phone_of(session, user_id)
        if not session.get_one(User, user_id).active:
            raise Conflict("This user is not active.")
        if not phones.take(session, user_id, session_id):
            raise Conflict("This telephone is in a call.")
        return _agent(session, user_id)


def take_free_agent(session_id: str) -> Agent | None:
    """Takes whoever is free for a call that we are about to make, unless callers wait; None if nobody is."""
    with db.write() as session:
        if session.scalar(select(func.count()).select_from(WaitingRow).join(SessionRow).where(_alive())):
            return None
        phone = phones.free_phone(session) if _goes_on(session, session_id) else None
        if phone is None or not phones.take(session, phone.user_id, session_id):
            return None
        return _agent(session, phone.user_id)


def take_extension(session_id: str, target: str) -> Agent | None:
    """Takes the telephone that is called by these keys; None if it is no agent's. Raises Conflict if it is in a call."""
    with db.read() as session:
        found = [
            phone.user_id
            for phone, _ in phones.all_phones(session)
            if phone.address == target or phone.address.startswith(f"sip:{target}@")
        ]
    return take_agent(session_id, found[0]) if found else None


def let_go(session_id: str, user_id: int, rest: timedelta = timedelta(0)) -> None:
    """Frees an agent's telephone; it is not rung before ``rest`` is over."""
    with db.write() as session:
        phones.let_go(session, session_id, user_id, rest=rest)


def free_left_behind() -> int:
    """Frees telephones that are taken for a call which is over, or was never there; how many."""
    with db.read() as session:  # the write lock is not taken every second for nothing
        if not _left_behind(session):
            return 0
    with db.write() as session:
        left = _left_behind(session)
        for call, user_id in left:
            phones.let_go(session, call, user_id)
    return len(left)


def _left_behind(session: Session) -> list[tuple[str, int]]:
    taken = phones.taken(session)
    going_on = select(SessionRow.id).where(SessionRow.id.in_([call for call, _ in taken]), _alive())
    alive = set(session.scalars(going_on)) if taken else set()
    return [(call, user_id) for call, user_id in taken if call not in alive]


def _goes_on(session: Session, session_id: str) -> bool:
    """Whether a telephone can be taken for this call: one taken after its end would stay busy for ever. Its end waits for
    us, or we for it."""
    row = session.get(SessionRow, session_id, with_for_update=True)
    return row is not None and row.state == "open"


def _agent(session: Session, user_id: int) -> Agent:
    phone, user = phones.phone_of(session, user_id), session.get_one(User, user_id)
    return Agent(user_id=user_id, name=user.name, address=phone.address)


def _ahead(session: Session, row: WaitingRow) -> int:
    before = or_(
        WaitingRow.priority < row.priority,
        and_(WaitingRow.priority == row.priority, WaitingRow.since < row.since),
        and_(
            WaitingRow.priority == row.priority,
            WaitingRow.since == row.since,
            WaitingRow.session_id < row.session_id,
        ),
    )
    query = select(func.count()).select_from(WaitingRow).join(SessionRow).where(_alive(), before)
    return session.scalar(query) or 0


def _alive() -> ColumnElement[bool]:
    """Those whose process died end with their session; the sweeper sees to that within seconds."""
    return SessionRow.state == "open"
