"""Users, their passwords and API keys."""

from __future__ import annotations

from datetime import timedelta

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201, r401, r403, r404, r409, r422
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import clock, db
from core.errors import Conflict, Forbidden, InvalidInput, NotFound
from core.http import Problem, View, reply
from core.text import clean
from ticketing import audit, passwords, signing_in, users
from ticketing.access import Actor, require, signed_in
from ticketing.api.schemas import (
    Done,
    Id,
    KeyAnswer,
    Limit,
    NewKey,
    NewPassword,
    NewUser,
    Short,
    UserAnswer,
    UserChange,
    UserList,
)
from ticketing.tables import User


class Users(View):
    """All users."""

    async def get(
        self, role: Short = "", cursor: Id | None = None, limit: Limit = 100
    ) -> r200[UserList] | r401[Problem] | r403[Problem]:
        """
        The users, in the order they were made.

        Tags: users
        Status Codes:
            200: A page.
        """
        actor = signed_in(self.request)
        require(actor, "user.read")
        return reply(await db.run(_page, role, limit, cursor or 0))

    async def post(
        self, given: NewUser
    ) -> r201[UserAnswer] | r401[Problem] | r403[Problem] | r409[Problem] | r422[Problem]:
        """
        Makes a user. Without a password only API keys let him in.

        Tags: users
        Status Codes:
            201: The user.
            409: The sign-in name is taken.
        """
        actor = signed_in(self.request)
        require(actor, "user.write")
        return reply(await db.run(_create, actor, given), status=201)


class OneUser(View):
    """One user."""

    async def get(self, user_id: Id, /) -> r200[UserAnswer] | r401[Problem] | r403[Problem] | r404[Problem]:
        """
        One user.

        Tags: users
        Status Codes:
            200: The user.
        """
        actor = signed_in(self.request)
        if actor.id != user_id:
            require(actor, "user.read")
        return reply(await db.run(_read, user_id))

    async def patch(
        self, user_id: Id, /, given: UserChange
    ) -> r200[UserAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r409[Problem] | r422[Problem]:
        """
        Changes what is given. Another role, other regions or `active: false` end the user's sessions. Everyone may change
        his own language.

        Tags: users
        Status Codes:
            200: The user as it is then.
            409: The last administrator stays one.
        """
        actor = signed_in(self.request)
        if actor.id != user_id or set(given.model_dump(exclude_unset=True)) - {"language"}:
            require(actor, "user.write")
        return reply(await db.run(_change, actor, user_id, given))


class Password(View):
    """A user's password."""

    async def post(
        self, user_id: Id, /, given: NewPassword
    ) -> r200[Done] | r401[Problem] | r403[Problem] | r404[Problem] | r422[Problem]:
        """
        Sets a new password: one's own with the `old` one, or anybody's as an administrator. Ends the user's sessions.

        Tags: users
        Status Codes:
            200: It is set.
            403: The old one is wrong or missing.
        """
        actor = signed_in(self.request)
        await db.run(_set_password, actor, user_id, given)
        return reply(Done())


class Keys(View):
    """API keys."""

    async def post(
        self, user_id: Id, /, given: NewKey
    ) -> r201[KeyAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r422[Problem]:
        """
        Makes an API key (`Authorization: Bearer KEY`) with the user's permissions. It is shown only now.

        Tags: users
        Status Codes:
            201: The key.
        """
        actor = signed_in(self.request)
        require(actor, "user.write")
        return reply(await db.run(_make_key, actor, user_id, given), status=201)

    async def delete(self, user_id: Id, /) -> r200[Done] | r401[Problem] | r403[Problem] | r404[Problem]:
        """
        Ends all API keys of the user.

        Tags: users
        Status Codes:
            200: They are gone.
        """
        actor = signed_in(self.request)
        require(actor, "user.write")
        await db.run(_end_keys, actor, user_id)
        return reply(Done())


def _shown(user: User) -> UserAnswer:
    return UserAnswer(
        id=user.id,
        login=user.login,
        name=user.name,
        role=user.role,
        language=user.language,
        regions=[str(region) for region in user.regions],
        team=user.team,
        active=user.active,
        created=user.created,
    )


def _found(session: Session, user_id: int) -> User:
    user = session.get(User, user_id)
    if user is None:
        raise NotFound("There is no such user.")
    return user


def _page(role: str, limit: int, after: int) -> UserList:
    with db.read() as session:
        query = select(User).where(User.id > after).order_by(User.id).limit(limit + 1)
        rows = session.scalars(query.where(User.role == clean(role, 20)) if role else query).all()
        following = str(rows[limit - 1].id) if len(rows) > limit else None
        return UserList(items=[_shown(row) for row in rows[:limit]], next=following)


def _read(user_id: int) -> UserAnswer:
    with db.read() as session:
        return _shown(_found(session, user_id))


def _create(actor: Actor, given: NewUser) -> UserAnswer:
    with db.write() as session:
        return _shown(users.create_user(session, **given.model_dump(), actor=actor.tag))


def _change(actor: Actor, user_id: int, given: UserChange) -> UserAnswer:
    changes = given.model_dump(exclude_unset=True, exclude_none=True)
    with db.write() as session:
        user = _found(session, user_id)
        if user.role == "administrator" and user.active:
            stays = changes.get("role", user.role) == "administrator" and changes.get("active", True)
            if not stays and _administrators(session) == 1:
                raise Conflict("The last administrator stays one.")
        if "name" in changes:
            user.name = clean(changes["name"], 80).strip() or user.login
        if "role" in changes:
            user.role = users.known_role(changes["role"])
        if "language" in changes:
            user.language = users.known_language(changes["language"])
        if "regions" in changes:
            user.regions = users.known_regions(changes["regions"])
        if "team" in changes:
            user.team = clean(changes["team"], 60).strip()
        if "active" in changes:
            user.active = changes["active"]
        if {"role", "regions"} & set(changes) or not user.active:
            signing_in.end_all(session, user.id, kind=None if not user.active else "session")
        audit.write(
            session, actor.tag, "user.changed", f"user:{user.id}", address=actor.address, changed=sorted(changes)
        )
        return _shown(user)


def _administrators(session: Session) -> int:
    query = select(func.count()).select_from(User).where(User.role == "administrator", User.active)
    return session.scalar(query) or 0


def _set_password(actor: Actor, user_id: int, given: NewPassword) -> None:
    with db.read() as session:
        kept = _found(session, user_id).password_hash if actor.id == user_id else None
    if actor.id == user_id:
        signing_in.attempt(actor.login, actor.address)  # guessing the old one is guessing too
        if given.old is None or not passwords.fits(given.old, kept):
            raise Forbidden("The old password is wrong.", field="old")
    else:
        require(actor, "user.write")
    with db.write() as session:
        signing_in.forgive(session, actor.login, actor.address)
        users.set_password(session, _found(session, user_id), given.password, actor.tag)


def _make_key(actor: Actor, user_id: int, given: NewKey) -> KeyAnswer:
    expires = clock.now() + timedelta(days=given.days) if given.days else None
    with db.write() as session:
        user = _found(session, user_id)
        if not user.active:
            raise InvalidInput("This user is not active.")
        token = signing_in.make_key(session, user, given.label, expires)
        audit.write(session, actor.tag, "key.created", f"user:{user.id}", address=actor.address, label=given.label)
    return KeyAnswer(token=token, label=given.label, expires=expires)


def _end_keys(actor: Actor, user_id: int) -> None:
    with db.write() as session:
        user = _found(session, user_id)
        signing_in.end_all(session, user.id, kind="key")
        audit.write(session, actor.tag, "key.ended", f"user:{user.id}", address=actor.address)


def routes(api: web.Application) -> None:
    api.router.add_view("/users", Users)
    api.router.add_view("/users/{user_id}", OneUser)
    api.router.add_view("/users/{user_id}/password", Password)
    api.router.add_view("/users/{user_id}/keys", Keys)
