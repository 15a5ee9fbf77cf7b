"""Agents' telephones: where they ring, who is ready, which call each is taken for."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import timedelta

from sqlalchemy import func, or_, select, update
from sqlalchemy.orm import Session

from core import clock, live
from core.errors import InvalidInput, NotFound
from ticketing.tables import Phone, User

STATES = ("ready", "away")
_EXTENSION = re.compile(r"[A-Za-z0-9+*#._-]{1,40}")
_URI = re.compile(r"sips?:[A-Za-z0-9+*#._~%-]{1,60}@[A-Za-z0-9.-]{1,100}(:\d{1,5})?")


def set_phone(session: Session, user: User, address: str) -> Phone:
    """Gives a user this telephone, away at first. Raises InvalidInput for what is neither an extension nor a SIP URI."""
    address = address.strip()
    if not _EXTENSION.fullmatch(address) and not _URI.fullmatch(address):
        raise InvalidInput("A telephone is an extension or sip:user@host.", field="address")
    phone = session.get(Phone, user.id)
    if phone is None:
        phone = Phone(user_id=user.id, address=address, since=clock.now())
        session.add(phone)
    phone.address = address
    _tell(session, phone)
    return phone


def remove_phone(session: Session, user_id: int) -> None:
    session.delete(phone_of(session, user_id))
    live.publish_after_commit(session, "calls", {"kind": "phone", "user_id": user_id, "state": "none"})


def phone_of(session: Session, user_id: int) -> Phone:
    """Raises NotFound."""
    phone = session.get(Phone, user_id)
    if phone is None:
        raise NotFound("This user has no telephone.")
    return phone


def set_state(session: Session, user_id: int, state: str) -> Phone:
    """Ready for callers, or away. Raises NotFound, InvalidInput."""
    if state not in STATES:
        raise InvalidInput("A telephone is ready or away.", field="state")
    phone = phone_of(session, user_id)
    if phone.state != state:
        phone.state, phone.since, phone.rests_until = state, clock.now(), None
    _tell(session, phone)
    return phone


def shown_state(phone: Phone) -> str:
    """ready, busy or away."""
    return "busy" if phone.call else phone.state


def free_phone(session: Session, tried: Collection[int] = ()) -> Phone | None:
    """The telephone to be rung next: ready, in no call, waiting longest; those that were tried come last."""
    now = clock.now()
    free = session.scalars(
        select(Phone)
        .join(User, User.id == Phone.user_id)
        .where(
            User.active,
            Phone.state == "ready",
            Phone.call.is_(None),
            or_(Phone.rests_until.is_(None), Phone.rests_until <= now),
        )
        .order_by(Phone.since, Phone.user_id)
    ).all()
    return min(free, key=lambda phone: phone.user_id in tried, default=None)


def take(session: Session, user_id: int, call: str) -> bool:
    """Takes a telephone for a call (a session's id); False if it is taken already."""
    taken = session.execute(
        update(Phone).where(Phone.user_id == user_id, Phone.call.is_(None)).values(call=call)
    ).rowcount  # type: ignore[attr-defined]  # an UPDATE's result has a rowcount
    if taken:
        _tell(session, phone_of(session, user_id))
    return bool(taken)


def let_go(session: Session, call: str, user_id: int | None = None, *, rest: timedelta = timedelta(0)) -> None:
    """Frees the telephones that were taken for a call, or one of them; they are not rung again before ``rest`` is over."""
    query = select(Phone).where(Phone.call == call)
    for phone in session.scalars(query.where(Phone.user_id == user_id) if user_id is not None else query).all():
        phone.call, phone.since = None, clock.now()
        phone.rests_until = clock.now() + rest if rest else None
        _tell(session, phone)


def taken(session: Session) -> list[tuple[str, int]]:
    """Each call that has a telephone, and whose."""
    rows = session.execute(select(Phone.call, Phone.user_id).where(Phone.call.is_not(None)))
    return [(str(call), user_id) for call, user_id in rows]


def on_duty(session: Session) -> int:
    """How many telephones are ready or in a call."""
    return (
        session.scalar(
            select(func.count())
            .select_from(Phone)
            .join(User, User.id == Phone.user_id)
            .where(User.active, Phone.state == "ready")
        )
        or 0
    )


def all_phones(session: Session) -> Sequence[tuple[Phone, User]]:
    rows = session.execute(
        select(Phone, User).join(User, User.id == Phone.user_id).where(User.active).order_by(User.id)
    )
    return [(phone, user) for phone, user in rows]


def _tell(session: Session, phone: Phone) -> None:
    session.flush()
    session.expire(phone)
    item = {"kind": "phone", "user_id": phone.user_id, "state": shown_state(phone), "session": phone.call or ""}
    live.publish_after_commit(session, "calls", item)
