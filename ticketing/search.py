"""Finding tickets: by state and people, and by what somebody remembers of them: a number, a name, the end of a telephone
number, a street, a serial number."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session, joinedload, selectinload

from core.errors import InvalidInput
from core.text import clean
from ticketing.access import Actor, visible
from ticketing.tables import Asset, Customer, Identity, Ticket, TicketField
from ticketing.workflow import STATES

Sort = Literal["newest", "oldest", "priority"]
Attention = Literal["any", "unread", "wish"]


@dataclass(frozen=True, kw_only=True)
class TicketQuery:
    """What is looked for; empty values do not narrow. ``assignee`` and ``reviewer``: ids, 0 stands for nobody. ``attention``: a
    message nobody has opened, a wish to cancel or reschedule, any of both."""

    states: Sequence[str] = ()
    service: str = ""
    channel: str = ""
    urgency: str = ""
    text: str = ""
    assignee: int | None = None
    reviewer: int | None = None
    customer: int | None = None
    asset: int | None = None
    attention: Attention | None = None
    sort: Sort = "newest"


def page(
    session: Session, actor: Actor, query: TicketQuery, limit: int, cursor: str = ""
) -> tuple[Sequence[Ticket], str | None]:
    """The next tickets that the actor may see, and the cursor of those after them (None: no more)."""
    chosen = _narrowed(select(Ticket), actor, query)
    if cursor:
        chosen = chosen.where(_after(query.sort, cursor))
    order = {
        "newest": (Ticket.id.desc(),),
        "oldest": (Ticket.id,),
        "priority": (Ticket.priority, Ticket.id),
    }[query.sort]
    chosen = chosen.options(
        selectinload(Ticket.fields),
        joinedload(Ticket.customer).selectinload(Customer.identities),
        joinedload(Ticket.assignee),
    )
    rows = session.scalars(chosen.order_by(*order).limit(limit + 1)).all()
    if len(rows) <= limit:
        return rows, None
    last = rows[limit - 1]
    return rows[:limit], f"{last.priority}.{last.id}"


def total(session: Session, actor: Actor, query: TicketQuery) -> int:
    return session.scalar(_narrowed(select(func.count(Ticket.id)), actor, query)) or 0


def counts(session: Session, actor: Actor) -> dict[str, int]:
    """How many tickets the actor sees in each state."""
    found = dict.fromkeys(STATES, 0)
    rows = session.execute(select(Ticket.state, func.count()).where(visible(actor)).group_by(Ticket.state))
    found.update({state: number for state, number in rows if state in found})
    return found


def customers(session: Session, text: str, limit: int, after: int = 0) -> tuple[Sequence[Customer], int | None]:
    """Customers by name or identity, newest first; joined ones are left out."""
    query = select(Customer).where(Customer.joined_into.is_(None)).options(selectinload(Customer.identities))
    if after:
        query = query.where(Customer.id < after)
    for word in _words(text):
        query = query.where(or_(Customer.name.icontains(word, autoescape=True), Customer.id.in_(_known_as(word))))
    rows = session.scalars(query.order_by(Customer.id.desc()).limit(limit + 1)).all()
    return (rows, None) if len(rows) <= limit else (rows[:limit], rows[limit - 1].id)


def assets(
    session: Session, text: str, limit: int, after: int = 0, customer: int | None = None
) -> tuple[Sequence[Asset], int | None]:
    """Machines by code, serial number, kind, brand, model or address, newest first."""
    query = select(Asset)
    if after:
        query = query.where(Asset.id < after)
    if customer is not None:
        query = query.where(Asset.customer_id == customer)
    columns = (Asset.code, Asset.serial, Asset.device, Asset.brand, Asset.model, Asset.address)
    for word in _words(text):
        query = query.where(or_(*(column.icontains(word, autoescape=True) for column in columns)))
    rows = session.scalars(query.order_by(Asset.id.desc()).limit(limit + 1)).all()
    return (rows, None) if len(rows) <= limit else (rows[:limit], rows[limit - 1].id)


def _narrowed(chosen: Select, actor: Actor, query: TicketQuery) -> Select:  # type: ignore[type-arg]
    chosen = chosen.where(visible(actor))
    unknown = [state for state in query.states if state not in STATES]
    if unknown:
        raise InvalidInput("There is no such state.", state=unknown[:5], expected=list(STATES))
    if query.states:
        chosen = chosen.where(Ticket.state.in_(query.states))
    for column, value in (
        (Ticket.service, query.service),
        (Ticket.channel, query.channel),
        (Ticket.urgency, query.urgency),
    ):
        if value:
            chosen = chosen.where(column == clean(value, 60))
    for person, user_id in ((Ticket.assignee_id, query.assignee), (Ticket.reviewer_id, query.reviewer)):
        if user_id is not None:
            chosen = chosen.where(person.is_(None) if user_id == 0 else person == user_id)
    if query.customer is not None:
        chosen = chosen.where(Ticket.customer_id == query.customer)
    if query.asset is not None:
        chosen = chosen.where(Ticket.asset_id == query.asset)
    if query.attention is not None:
        unread, wish = Ticket.unread.is_not(None), Ticket.wish.is_not(None)
        chosen = chosen.where({"any": or_(unread, wish), "unread": unread, "wish": wish}[query.attention])
    for word in _words(query.text):
        chosen = chosen.where(_mentions(word))
    return chosen


def _words(text: str) -> list[str]:
    """At most six words; a telephone number written with spaces or dashes is one."""
    text = clean(text, 200).strip()
    if re.fullmatch(r"\+?[\d\s()-]{4,}", text):
        return [re.sub(r"[^\d]", "", text)]
    return text.split()[:6]


def _mentions(word: str) -> ColumnElement[bool]:
    """Sets of ids, not a question asked of each ticket: the database then goes through every table once."""
    value = func.coalesce(TicketField.corrected_value, TicketField.value)
    if word.isdecimal():
        said = and_(TicketField.name != "phone", value.icontains(word, autoescape=True))
        if len(word) >= 4:  # less than the usual tail would only list half of all customers
            digits = func.replace(value, "-", "")
            said = or_(said, and_(TicketField.name == "phone", digits.endswith(word, autoescape=True)))
    else:
        said = value.icontains(word, autoescape=True)
    named = select(Customer.id).where(Customer.name.icontains(word, autoescape=True))
    return or_(
        Ticket.number.icontains(word, autoescape=True),
        Ticket.summary.icontains(word, autoescape=True),
        Ticket.id.in_(select(TicketField.ticket_id).where(TicketField.removed.is_(False), said)),
        Ticket.customer_id.in_(named.union(_known_as(word))),
    )


def _known_as(word: str) -> Select[int]:
    """Customers by an identity: a telephone number by its end, anything else whole."""
    ids = select(Identity.customer_id)
    if word.isdecimal() and len(word) >= 4:
        return ids.where(Identity.kind == "phone", Identity.value.endswith(word, autoescape=True))
    return ids.where(Identity.value == word)


def _after(sort: Sort, cursor: str) -> ColumnElement[bool]:
    match = re.fullmatch(r"(\d{1,3})\.(\d{1,9})", cursor)
    if not match:
        raise InvalidInput("The cursor is not one that was given out.", cursor=cursor[:40])
    priority, ticket_id = int(match[1]), int(match[2])
    if sort == "newest":
        return Ticket.id < ticket_id
    if sort == "oldest":
        return Ticket.id > ticket_id
    return or_(Ticket.priority > priority, and_(Ticket.priority == priority, Ticket.id > ticket_id))
