"""Signing in: sessions of browsers and apps, API keys of programs. Only a token's SHA-256 is kept.

Guessing is bounded before the password is looked at: each attempt is written down first and struck out by success, so that
many at once gain nothing.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic import Field
from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from core import clock, db, settings
from core.errors import NotSignedIn, TooMany
from core.text import clean
from ticketing import audit, passwords
from ticketing.tables import SignIn, SignInAttempt, User


class SignInSettings(settings.Section, prefix="SIGN_IN"):
    """How long a session lasts and how often a password may be wrong."""

    hours: float = Field(12.0, description="Hours after which an unused session ends.")
    days: float = Field(30.0, description="Days after which every session ends, used or not.")
    window_minutes: float = Field(15.0, description="Minutes in which failed sign-ins are counted.")
    failures: int = Field(5, description="Failed sign-ins for one login from one address in that time.")
    failures_login: int = Field(50, description="Failed sign-ins for one login from everywhere in that time.")
    failures_address: int = Field(50, description="Failed sign-ins from one address for all logins in that time.")


@dataclass(frozen=True, kw_only=True)
class Found:
    """Whose token it is, and whether it is a session's or a key's."""

    user: User
    kind: str


def sign_in(login: str, password: str, *, address: str = "", label: str = "") -> tuple[str, User]:
    """The new session's token and its user. Raises NotSignedIn (wrong, unknown and inactive alike) and TooMany."""
    login, address = _login(login), address[:60]
    attempt(login, address)
    with db.read() as session:
        user = session.scalar(select(User).where(User.login == login, User.active))
    if not passwords.fits(password, user.password_hash if user else None) or user is None:
        with db.write() as session:
            audit.write(session, "nobody", "sign_in.failed", f"login:{login}", address=address)
        raise NotSignedIn("The sign-in name or the password is wrong.")
    with db.write() as session:
        forgive(session, login, address)
        token = _open(session, user.id, "session", label, clock.now() + _idle())
        audit.write(session, f"user:{user.id}", "sign_in", f"user:{user.id}", address=address)
    return token, user


def sign_out(token: str) -> None:
    """Ends the session; nothing happens if there is none."""
    with db.write() as session:
        session.execute(delete(SignIn).where(SignIn.token_hash == _hash(token), SignIn.kind == "session"))


def make_key(session: Session, user: User, label: str, expires: datetime | None = None) -> str:
    """A new API key of the user: shown once, for only its hash is kept."""
    return _open(session, user.id, "key", clean(label, 120), expires)


def end_all(session: Session, user_id: int, *, kind: str | None = None) -> None:
    """Ends the user's sessions and keys, or those of one kind."""
    query = delete(SignIn).where(SignIn.user_id == user_id)
    session.execute(query.where(SignIn.kind == kind) if kind else query)


def find(token: str, *, prolong: bool = True) -> Found | None:
    """Whose token this is now; None for an unknown or outrun one. A session in use is prolonged."""
    if not 20 <= len(token) <= 200:
        return None
    moment = clock.now()
    with db.read() as session:
        row = session.get(SignIn, _hash(token))
        user = session.get(User, row.user_id) if row else None
    if row is None or user is None or not user.active or (row.expires is not None and row.expires <= moment):
        return None
    if prolong and (row.last_seen is None or moment - row.last_seen > timedelta(minutes=5)):
        _seen(row.token_hash, moment)
    return Found(user=user, kind=row.kind)


def forget_old(session: Session) -> None:
    """Deletes outrun sessions and attempts; called with each sign-in."""
    moment = clock.now()
    session.execute(delete(SignIn).where(SignIn.expires < moment))
    session.execute(delete(SignInAttempt).where(SignInAttempt.at < moment - _window()))


def attempt(login: str, address: str) -> None:
    """Writes an attempt down before a password is looked at; raises TooMany when there were too many."""
    config = settings.get(SignInSettings)
    with db.write() as session:
        if session.get_bind().dialect.name == "postgresql":  # SQLite's writers queue by themselves
            session.execute(select(func.pg_advisory_xact_lock(func.hashtext(address or login))))
        forget_old(session)
        by_login, by_address = SignInAttempt.login == login, SignInAttempt.address == address
        both, same_login, same_address = session.execute(
            select(
                func.count().filter(by_login, by_address),
                func.count().filter(by_login),
                func.count().filter(by_address),
            ).where(SignInAttempt.at >= clock.now() - _window(), or_(by_login, by_address))
        ).one()
        if both >= config.failures or same_login >= config.failures_login or same_address >= config.failures_address:
            raise TooMany("Too many failed sign-ins; try again later.", minutes=config.window_minutes)
        session.add(SignInAttempt(login=login, address=address, at=clock.now()))


def forgive(session: Session, login: str, address: str) -> None:
    """Strikes out the attempts that ended in the right password."""
    session.execute(delete(SignInAttempt).where(SignInAttempt.login == login, SignInAttempt.address == address))


def _open(session: Session, user_id: int, kind: str, label: str, expires: datetime | None) -> str:
    token = ("hlk_" if kind == "key" else "") + secrets.token_urlsafe(32)
    session.add(
        SignIn(
            token_hash=_hash(token),
            user_id=user_id,
            kind=kind,
            label=clean(label, 120),
            created=clock.now(),
            expires=expires,
            last_seen=None,
        )
    )
    session.flush()
    return token


def _seen(token_hash: str, moment: datetime) -> None:
    with db.write() as session:
        row = session.get(SignIn, token_hash)
        if row is None:
            return
        row.last_seen = moment
        if row.kind == "session":
            row.expires = min(moment + _idle(), row.created + timedelta(days=settings.get(SignInSettings).days))


def _idle() -> timedelta:
    return timedelta(hours=settings.get(SignInSettings).hours)


def _window() -> timedelta:
    return timedelta(minutes=settings.get(SignInSettings).window_minutes)


def _login(login: str) -> str:
    return clean(login, 60).strip().lower()


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
