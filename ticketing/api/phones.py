"""Agents' telephones: their addresses, and who is ready for callers."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r401, r403, r404, r422
from pydantic import BaseModel, Field

from core import db
from core.errors import NotFound
from core.http import Problem, View, reply
from ticketing import audit, phones
from ticketing.access import Actor, require, signed_in
from ticketing.api.schemas import Asked, Done, Id
from ticketing.tables import Phone, User


class PhoneAnswer(BaseModel):
    """A user's telephone."""

    user_id: int
    name: str
    address: str = Field(description="an extension of the PBX, or sip:user@host")
    state: str = Field(description="ready, busy (in a call) or away")
    since: datetime
    session: str = Field(description='the call that it is taken for, "" if none')


class PhoneList(BaseModel):
    items: list[PhoneAnswer]
    next: str | None = None


class NewPhone(Asked):
    address: str = Field(max_length=200, description="an extension of the PBX, or sip:user@host where that is allowed")


class PhoneState(Asked):
    state: Literal["ready", "away"]


class Phones(View):
    """All telephones."""

    async def get(self) -> r200[PhoneList] | r401[Problem] | r403[Problem]:
        """
        The telephones of all users who have one. Changes come on `/live` as `calls` items of kind `phone`.

        Tags: calls
        Status Codes:
            200: All of them.
        """
        actor = signed_in(self.request)
        require(actor, "call.take", "call.supervise", "phone.write")
        return reply(await db.run(_all))


class OnePhone(View):
    """A user's telephone."""

    async def put(
        self, user_id: Id, /, given: NewPhone
    ) -> r200[PhoneAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r422[Problem]:
        """
        Gives a user a telephone. It is away until its user says that he is ready.

        Tags: calls
        Status Codes:
            200: The telephone.
        """
        actor = signed_in(self.request)
        require(actor, "phone.write")
        return reply(await db.run(_put, actor, user_id, given.address))

    async def delete(self, user_id: Id, /) -> r200[Done] | r401[Problem] | r403[Problem] | r404[Problem]:
        """
        Takes the telephone away.

        Tags: calls
        Status Codes:
            200: It is gone.
        """
        actor = signed_in(self.request)
        require(actor, "phone.write")
        await db.run(_remove, actor, user_id)
        return reply(Done())


class StateOfPhone(View):
    """Whether callers are put through."""

    async def put(
        self, user_id: Id, /, given: PhoneState
    ) -> r200[PhoneAnswer] | r401[Problem] | r403[Problem] | r404[Problem] | r422[Problem]:
        """
        Says that one is ready for callers, or away: everyone of himself, whoever may set telephones of anybody. A call that
        goes on is not touched.

        Tags: calls
        Status Codes:
            200: The telephone.
            404: The user has none.
        """
        actor = signed_in(self.request)
        require(actor, *(["call.take"] if actor.id == user_id else []), "phone.write")
        return reply(await db.run(_set_state, user_id, given.state))


def _shown(phone: Phone, user: User) -> PhoneAnswer:
    return PhoneAnswer(
        user_id=user.id,
        name=user.name,
        address=phone.address,
        state=phones.shown_state(phone),
        since=phone.since,
        session=phone.call or "",
    )


def _all() -> PhoneList:
    with db.read() as session:
        return PhoneList(items=[_shown(phone, user) for phone, user in phones.all_phones(session)])


def _put(actor: Actor, user_id: int, address: str) -> PhoneAnswer:
    with db.write() as session:
        user = session.get(User, user_id)
        if user is None:
            raise NotFound("There is no such user.")
        phone = phones.set_phone(session, user, address)
        audit.write(session, actor.tag, "phone.set", f"user:{user_id}", address=actor.address)
        return _shown(phone, user)


def _remove(actor: Actor, user_id: int) -> None:
    with db.write() as session:
        phones.remove_phone(session, user_id)
        audit.write(session, actor.tag, "phone.removed", f"user:{user_id}", address=actor.address)


def _set_state(user_id: int, state: str) -> PhoneAnswer:
    with db.write() as session:
        phone = phones.set_state(session, user_id, state)
        return _shown(phone, session.get_one(User, user_id))


def routes(api: web.Application) -> None:
    api.router.add_view("/phones", Phones)
    api.router.add_view("/users/{user_id}/phone", OnePhone)
    api.router.add_view("/users/{user_id}/phone/state", StateOfPhone)
