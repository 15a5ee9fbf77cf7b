"""Who may do and see what: the one place that decides it. How it is shown masked is in ``ticketing.masking``.

A request's user is found by ``middleware`` (put before every route under /api/v1 by ``ticketing.api.routes``);
``signed_in(request)`` gives it to a view, ``require(actor, "ticket.review")`` stops who may not.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from aiohttp import web
from sqlalchemy import ColumnElement, and_, exists, false, or_, select, true
from sqlalchemy.orm import Session

from core import db
from core.errors import Forbidden, NotFound, NotSignedIn
from core.http import Handler, client_address
from ticketing import signing_in
from ticketing.roles import ROLES
from ticketing.tables import Ticket, TicketField, User

COOKIE = "hotline_session"
CSRF_HEADER = "X-Hotline"


@dataclass(frozen=True, kw_only=True)
class Actor:
    """The person (or program) that acts. ``address`` is the network address the request came from."""

    id: int
    login: str
    name: str
    role: str
    language: str = "zh"
    regions: tuple[str, ...] = ()
    by_key: bool = False
    address: str = ""
    permissions: frozenset[str] = field(default_factory=frozenset)

    @property
    def tag(self) -> str:
        """How events and the audit trail name this actor."""
        return f"user:{self.id}"

    def may(self, permission: str) -> bool:
        return permission in self.permissions


ACTOR = web.RequestKey("hotline_actor", Actor)
TOKEN = web.RequestKey("hotline_token", str)


def actor_of(user: User, *, address: str = "", by_key: bool = False) -> Actor:
    return Actor(
        id=user.id,
        login=user.login,
        name=user.name,
        role=user.role,
        language=user.language,
        regions=tuple(str(region) for region in user.regions),
        by_key=by_key,
        address=address,
        permissions=ROLES.get(user.role, frozenset()),
    )


def require(actor: Actor, *permissions: str) -> None:
    """Raises Forbidden unless the actor has at least one of these permissions."""
    if not any(actor.may(permission) for permission in permissions):
        raise Forbidden(needs=list(permissions))


def signed_in(request: web.Request) -> Actor:
    """The user of the request; raises NotSignedIn."""
    actor: Actor | None = request.get(ACTOR)
    if actor is None:
        raise NotSignedIn
    return actor


@web.middleware
async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Finds out who asks. A change asked for by cookie needs the header that no other site can send."""
    authorization = request.headers.get("Authorization", "")
    cookie = request.cookies.get(COOKIE, "")
    token, by_cookie = "", False
    if authorization:
        scheme, _, token = authorization.partition(" ")
        token = token.strip() if scheme.lower() == "bearer" else ""
    elif cookie:
        token, by_cookie = cookie, True
    if by_cookie and request.method not in ("GET", "HEAD", "OPTIONS") and CSRF_HEADER not in request.headers:
        raise Forbidden(f"Requests with a cookie that change something need the header {CSRF_HEADER}.")
    if by_cookie and "websocket" in request.headers.get("Upgrade", "").lower() and not _same_origin(request):
        raise Forbidden("The live feed opens only from its own site.")
    actor = await db.run(_who, token, client_address(request)) if token else None
    if actor is not None:
        request[ACTOR] = actor
        request[TOKEN] = token
    return await handler(request)


def _same_origin(request: web.Request) -> bool:
    """Browsers send Origin with every WebSocket; programs with a cookie jar may send none."""
    origin = request.headers.get("Origin")
    return origin is None or origin.partition("://")[2] == request.host


async def still_signed_in(request: web.Request) -> Actor | None:
    """The user of a long-lived request as he is now; None once the session has ended. Does not prolong the session."""
    return await db.run(_who, request.get(TOKEN, ""), client_address(request), prolong=False)


def _who(token: str, address: str, *, prolong: bool = True) -> Actor | None:
    found = signing_in.find(token, prolong=prolong)
    return actor_of(found.user, address=address, by_key=found.kind == "key") if found else None


def visible(actor: Actor) -> ColumnElement[bool]:
    """The tickets that the actor may see, as a condition for a query of ``Ticket``."""
    own = Ticket.assignee_id == actor.id
    if not actor.may("ticket.read"):
        return own if actor.may("ticket.read.own") else false()
    if not actor.regions:
        return true()
    code = TicketField.resolved["details"]["code"].as_string()
    located = and_(
        TicketField.ticket_id == Ticket.id,
        TicketField.name == "address",
        TicketField.removed.is_(False),
        code.is_not(None),
        code != "",
    )
    here = or_(*(code.startswith(region, autoescape=True) for region in actor.regions))
    return or_(
        own,
        Ticket.reviewer_id == actor.id,
        ~exists().where(located),  # nobody knows yet where it is: everyone may look after it
        exists().where(located, here),
    )


def check_visible(session: Session, actor: Actor, ticket_id: int) -> None:
    """Raises NotFound for a ticket that is not there or is none of the actor's business, alike."""
    require(actor, "ticket.read", "ticket.read.own")
    if session.scalar(select(Ticket.id).where(Ticket.id == ticket_id, visible(actor))) is None:
        raise NotFound("There is no such ticket, or you may not see it.")


def sees_personal(actor: Actor, ticket: Ticket) -> bool:
    """Whether telephone and address of this ticket are shown without asking: to agents, and to the engineer who goes there."""
    if actor.may("personal.see"):
        return True
    return ticket.assignee_id == actor.id and ticket.state in ("assigned", "accepted", "on_site", "waiting")
