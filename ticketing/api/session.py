"""Signing in and out, and the first administrator."""

from __future__ import annotations

import asyncio

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r201, r401, r403, r409, r422, r429

from core import db, settings
from core.errors import Malformed, NotSignedIn, TooMany
from core.http import Problem, View, client_address, reply
from ticketing import signing_in, users
from ticketing.access import COOKIE, Actor, actor_of, signed_in
from ticketing.api.schemas import Done, FirstAdministrator, SessionAnswer, SignedInUser, SignInRequest
from ticketing.passwords import PasswordSettings
from ticketing.tables import User

WAITING = 100


class SessionView(View):
    """The session of this browser."""

    async def get(self) -> r200[SessionAnswer] | r401[Problem]:
        """
        Who is signed in, and what one may do.

        Tags: session
        Status Codes:
            200: The user.
            401: Nobody; `details.first_administrator` is true while the installation has no user yet.
        """
        try:
            return reply(_shown(signed_in(self.request)))
        except NotSignedIn:
            raise NotSignedIn(first_administrator=await db.run(_empty)) from None

    async def post(self, given: SignInRequest) -> r200[SessionAnswer] | r401[Problem] | r422[Problem] | r429[Problem]:
        """
        Signs in: sets the session's cookie. Requests that change something then need the header `X-Hotline: 1`.

        Tags: session
        Status Codes:
            200: The user.
            401: The name or the password is wrong.
            429: Too many wrong ones; wait some minutes.
        """
        if self.request.content_type != "application/json":  # what a form of another site cannot send
            raise Malformed("Sign in with a JSON body.")
        return await _opened(self.request, given.login, given.password)

    async def delete(self) -> r200[Done] | r401[Problem]:
        """
        Signs out.

        Tags: session
        Status Codes:
            200: The session has ended.
        """
        signed_in(self.request)
        await db.run(signing_in.sign_out, self.request.cookies.get(COOKIE, ""))
        response = reply(Done())
        response.del_cookie(COOKIE, path="/")
        return response


class FirstSession(View):
    """The first administrator."""

    async def post(
        self, given: FirstAdministrator
    ) -> r201[SessionAnswer] | r403[Problem] | r409[Problem] | r422[Problem]:
        """
        Makes the first administrator and signs in; needs the setup code that `hotline up` prints.

        Tags: session
        Status Codes:
            201: The user.
            403: The code is wrong.
            409: There is an administrator already.
        """
        await db.run(_make_first, given)
        return await _opened(self.request, given.login, given.password, status=201)


class Gate:
    """Few passwords at a time, few waiting: checking one takes 64 MB, and nobody's sign-in may stop everybody's work."""

    def __init__(self) -> None:
        self._passing = asyncio.Semaphore(settings.get(PasswordSettings).parallel)
        self._waiting = 0

    async def pass_through(self, login: str, password: str, *, address: str, label: str) -> tuple[str, User]:
        """Signs in; raises TooMany when too many wait, and what ``signing_in.sign_in`` raises."""
        if self._waiting >= WAITING:
            raise TooMany("Too many people are signing in; try again shortly.")
        self._waiting += 1
        try:
            async with self._passing:
                return await db.run(signing_in.sign_in, login, password, address=address, label=label)
        finally:
            self._waiting -= 1


async def _opened(request: web.Request, login: str, password: str, status: int = 200) -> web.Response:
    label = request.headers.get("User-Agent", "")[:120]
    gate = request.app[GATE]
    token, user = await gate.pass_through(login, password, address=client_address(request), label=label)
    response = reply(_shown(actor_of(user)), status)
    secure = request.secure or request.headers.get("X-Forwarded-Proto") == "https"
    response.set_cookie(COOKIE, token, httponly=True, samesite="Lax", secure=secure, path="/")
    return response


def _shown(actor: Actor) -> SessionAnswer:
    return SessionAnswer(
        user=SignedInUser(
            id=actor.id,
            login=actor.login,
            name=actor.name,
            role=actor.role,
            language=actor.language,
            regions=list(actor.regions),
            permissions=sorted(actor.permissions),
        )
    )


def _empty() -> bool:
    with db.read() as session:
        return users.wants_first_administrator(session)


def _make_first(given: FirstAdministrator) -> None:
    with db.write() as session:
        users.create_first_administrator(
            session, code=given.code, login=given.login, name=given.name, password=given.password
        )


GATE = web.AppKey("hotline_gate", Gate)


def routes(api: web.Application) -> None:
    api[GATE] = Gate()
    api.router.add_view("/session", SessionView)
    api.router.add_view("/session/first", FirstSession)
