"""Users: made by an administrator; the first administrator by whoever holds the installation's setup code."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import clock, secrets
from core.errors import Conflict, Forbidden, InvalidInput
from core.text import clean
from ticketing import audit, passwords, signing_in
from ticketing.roles import ROLES
from ticketing.tables import User

_LOGIN = re.compile(r"[a-z0-9][a-z0-9._@-]{1,59}")
_SETUP = "first administrator"


def create_user(
    session: Session,
    *,
    login: str,
    name: str,
    role: str,
    password: str | None = None,
    language: str = "zh",
    regions: Sequence[str] = (),
    team: str = "",
    actor: str = "app",
) -> User:
    """Makes a user; without a password only API keys let him in. Raises InvalidInput, and Conflict for a taken login."""
    login = clean(login).strip().lower()
    if not _LOGIN.fullmatch(login):
        raise InvalidInput("A sign-in name has 2 to 60 of a-z, 0-9, . _ @ -.", login="form")
    if session.scalar(select(User.id).where(User.login == login)) is not None:
        raise Conflict("This sign-in name is taken.", login="taken")
    user = User(
        login=login,
        name=clean(name, 80).strip() or login,
        role=known_role(role),
        password_hash=passwords.hashed(password, login) if password is not None else None,
        language=known_language(language),
        regions=known_regions(regions),
        team=clean(team, 60).strip(),
        created=clock.now(),
    )
    session.add(user)
    session.flush()
    audit.write(session, actor, "user.created", f"user:{user.id}", role=role)
    return user


def set_password(session: Session, user: User, password: str, actor: str) -> None:
    """Gives a new password and ends all of the user's sessions; keys stay."""
    user.password_hash = passwords.hashed(password, user.login)
    signing_in.end_all(session, user.id, kind="session")
    audit.write(session, actor, "user.password", f"user:{user.id}")


def wants_first_administrator(session: Session) -> bool:
    """True as long as nobody can sign in."""
    return not session.scalar(select(func.count()).select_from(User).where(User.password_hash.is_not(None)))


def setup_code() -> str:
    """What ``hotline up`` prints while there is no administrator; it lets its reader make the first one."""
    return secrets.sign(_SETUP, "setup")


def create_first_administrator(session: Session, *, code: str, login: str, name: str, password: str) -> User:
    """Raises Forbidden for a wrong code, Conflict once somebody can sign in."""
    if not secrets.check(_SETUP, "setup", code.strip()):
        raise Forbidden("The setup code is wrong.")
    if not wants_first_administrator(session):
        raise Conflict("There is an administrator already.")
    return create_user(session, login=login, name=name, role="administrator", password=password, actor="setup")


def known_role(role: str) -> str:
    if role not in ROLES:
        raise InvalidInput("There is no such role.", role=role, expected=sorted(ROLES))
    return role


def known_language(language: str) -> str:
    if language not in ("zh", "en"):
        raise InvalidInput("The languages are zh and en.", language=language)
    return language


def known_regions(regions: Sequence[str]) -> list[str]:
    """GB/T 2260 prefixes: 2, 4 or 6 digits."""
    wrong = [region for region in regions if not re.fullmatch(r"\d{2}|\d{4}|\d{6}", str(region))]
    if wrong:
        raise InvalidInput("A region is the first 2, 4 or 6 digits of a GB/T 2260 code.", regions=wrong[:5])
    return sorted({str(region) for region in regions})
