"""The states of a ticket and the only way from one to another.

``TRANSITIONS`` is the whole table. ``move`` checks it, sets the state with what belongs to it (assignee, times, reason), and
records the event, all in the caller's transaction.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import flag_modified

from core import clock, live
from core.errors import Conflict, InvalidInput, NotFound
from ticketing.events import record
from ticketing.tables import Event, Ticket, User

STATES = (
    "draft",
    "open",
    "assigned",
    "accepted",
    "on_site",
    "waiting",
    "completed",
    "billed",
    "closed",
    "discarded",
    "cancelled",
    "merged",
)
FINAL = frozenset({"closed", "discarded", "cancelled", "merged"})
PREVIOUS = ""


@dataclass(frozen=True, kw_only=True)
class Transition:
    """One way between states. ``target`` PREVIOUS leads back to where ``undoes`` (an event's kind) came from; ``needs`` are
    details without which the step cannot be taken; ``permission`` is what a person needs for it."""

    action: str
    sources: frozenset[str]
    target: str
    event: str
    permission: str
    needs: tuple[str, ...] = ()
    undoes: str = ""


def _way(
    action: str,
    sources: str,
    target: str,
    event: str,
    permission: str,
    *,
    needs: tuple[str, ...] = (),
    undoes: str = "",
) -> Transition:
    return Transition(
        action=action,
        sources=frozenset(sources.split()),
        target=target,
        event=event,
        permission=permission,
        needs=needs,
        undoes=undoes,
    )


_ALL = (
    _way("confirm", "draft", "open", "ticket.confirmed", "ticket.review"),
    _way("undo_confirm", "open", "draft", "ticket.unconfirmed", "ticket.review"),
    _way("discard", "draft", "discarded", "ticket.discarded", "ticket.review", needs=("reason",)),
    _way("restore", "discarded", "draft", "ticket.restored", "ticket.review"),
    _way("assign", "open assigned accepted", "assigned", "ticket.assigned", "ticket.assign", needs=("assignee",)),
    _way("accept", "assigned", "accepted", "ticket.accepted", "visit.do"),
    _way("refuse", "assigned accepted", "open", "ticket.refused", "visit.do"),
    _way("check_in", "accepted", "on_site", "ticket.checked_in", "visit.do"),
    _way("complete", "on_site", "completed", "ticket.completed", "visit.do"),
    _way("bill", "completed", "billed", "ticket.billed", "bill.write"),
    _way("close", "billed", "closed", "ticket.closed", "bill.write"),
    # What needs no visit (an enquiry answered on the telephone) ends here.
    _way("resolve", "open", "closed", "ticket.closed", "ticket.resolve", needs=("reason",)),
    _way(
        "cancel", "open assigned accepted waiting", "cancelled", "ticket.cancelled", "ticket.cancel", needs=("reason",)
    ),
    _way("reopen", "closed cancelled", "open", "ticket.reopened", "ticket.reopen", needs=("reason",)),
    _way("merge", "draft open", "merged", "ticket.merged", "ticket.merge", needs=("into",)),
    _way("unmerge", "merged", PREVIOUS, "ticket.unmerged", "ticket.merge", undoes="ticket.merged"),
    _way("wait_customer", "open assigned accepted on_site", "waiting", "ticket.waiting", "ticket.write"),
    _way("resume", "waiting", PREVIOUS, "ticket.resumed", "ticket.write", undoes="ticket.waiting"),
)
TRANSITIONS: dict[str, Transition] = {way.action: way for way in _ALL}


def transition(action: str) -> Transition:
    """The table's row; raises InvalidInput for an action that there is not."""
    try:
        return TRANSITIONS[action]
    except KeyError:
        raise InvalidInput("There is no such action.", action=action) from None


def possible(state: str) -> list[str]:
    """The actions that lead on from a state, in the table's order."""
    return [way.action for way in _ALL if state in way.sources]


def move(session: Session, ticket: Ticket, action: str, actor: str, **details: Any) -> Event:
    """Takes one step: checks the table, sets the state, records the event, and returns it.

    ``actor`` is ``user:7``, ``customer`` or the room that acts. ``details`` go into the event beside ``action``, ``from`` and
    ``to``; ``assign`` needs ``assignee`` (a user's id), ``merge`` needs ``into`` (a ticket's id). Raises Conflict where the
    table knows no such way, InvalidInput where a detail is missing.
    """
    way = transition(action)
    if ticket.state not in way.sources:
        raise Conflict(
            f"A ticket in state {ticket.state} cannot do this.",
            action=action,
            state=ticket.state,
            possible=possible(ticket.state),
        )
    lacking = [name for name in way.needs if not details.get(name)]
    if lacking:
        raise InvalidInput("This step needs more.", action=action, needs=lacking)
    source, assignee = ticket.state, ticket.assignee_id
    target = way.target if way.target != PREVIOUS else came_from(session, ticket, way.undoes)
    _set(session, ticket, way.action, details)
    ticket.state = target
    if target in FINAL or target == "completed":
        ticket.wish = ticket.wish_entry = None
    touch(ticket)
    if assignee is not None and ticket.assignee_id != assignee:  # who no longer sees it hears that it is gone
        gone = {"kind": "ticket.withdrawn", "ticket": ticket.id, "user": assignee}
        live.publish_after_commit(session, "tickets", gone)
    return record(session, ticket, way.event, actor, **{**details, "action": action, "from": source, "to": target})


def came_from(session: Session, ticket: Ticket, kind: str) -> str:
    """The state in which the ticket was when the last event of this kind happened to it; raises Conflict if none did."""
    last = session.scalar(
        select(Event).where(Event.ticket_id == ticket.id, Event.kind == kind).order_by(Event.id.desc()).limit(1)
    )
    source = last.details.get("from") if last else None
    if source not in STATES:
        raise Conflict("It is not known where this ticket came from.", state=ticket.state)
    return str(source)


def touch(ticket: Ticket) -> None:
    """Gives the ticket a new version with the next flush even if only its fields or entries changed."""
    flag_modified(ticket, "state")


def load(session: Session, ticket_id: int, version: int | None = None) -> Ticket:
    """The ticket, held against other writers until the transaction ends. Raises NotFound, and Conflict if ``version`` is not
    the present one."""
    ticket = session.scalar(
        select(Ticket)
        .where(Ticket.id == ticket_id)
        .with_for_update(of=Ticket)
        .execution_options(populate_existing=True)
    )
    if ticket is None:
        raise NotFound("There is no such ticket.")
    if version is not None and ticket.version != version:
        raise Conflict("Somebody else has changed this ticket.", version=ticket.version)
    return ticket


def _set(session: Session, ticket: Ticket, action: str, details: dict[str, Any]) -> None:
    """What a step changes beside the state."""
    match action:
        case "confirm":
            ticket.confirmed = clock.now()
        case "undo_confirm":
            ticket.confirmed = None
        case "assign":
            ticket.assignee_id = _engineer(session, details["assignee"])
        case "refuse":
            details.setdefault("assignee", ticket.assignee_id)
            ticket.assignee_id = None
        case "close" | "resolve":
            ticket.closed = clock.now()
        case "reopen":
            ticket.closed = ticket.assignee_id = None
        case "merge":
            ticket.merged_into_id = _other(session, ticket, details["into"])
        case "unmerge":
            details.setdefault("out_of", ticket.merged_into_id)
            ticket.merged_into_id = None
    if action in ("discard", "cancel", "merge"):
        ticket.reason = str(details.get("reason", ""))
    elif action in ("restore", "reopen", "unmerge"):
        ticket.reason = ""


def _engineer(session: Session, user_id: int) -> int:
    user = session.get(User, user_id)
    if user is None or not user.active or user.role != "engineer":
        raise InvalidInput("A ticket is assigned to an active engineer.", assignee=user_id)
    return user.id


def _other(session: Session, ticket: Ticket, other_id: int) -> int:
    other = session.get(Ticket, other_id)
    if other is None or other.id == ticket.id or other.state in ("merged", "discarded"):
        raise InvalidInput("A ticket is merged into another one that is still there.", into=other_id)
    return other.id
