"""Events: written with the change, carried to their subscribers by the outbox, shown to screens by the live feed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from core import clock, live, outbox
from core.errors import ConfigurationError
from ticketing.tables import Event, Ticket


@dataclass(frozen=True, kw_only=True)
class NewEvent:
    """What a subscriber is given. ``at`` is when it happened, which may be long before it is handled."""

    id: int
    ticket_id: int
    kind: str
    at: datetime
    actor: str
    details: dict[str, Any]


Subscriber = Callable[[Session, NewEvent], None]
_subscriptions: dict[str, tuple[frozenset[str], Subscriber]] = {}
KIND = "event.tell"


def subscribe(name: str, kinds: set[str], subscriber: Subscriber) -> None:
    """Has ``subscriber`` called once, in a transaction of its own, for each event of these kinds. Wired in ``app/``.

    ``name`` is kept in promises: do not rename it while some are waiting. ``ticket.*`` stands for all kinds of that family.
    """
    known = _subscriptions.get(name)
    if known is not None and known[1] is not subscriber:
        raise ConfigurationError(f"two subscribers are called {name}")
    _subscriptions[name] = (frozenset(kinds), subscriber)


def record(session: Session, ticket: Ticket, kind: str, actor: str, **details: Any) -> Event:
    """Writes an event of the ticket and promises it to everyone who subscribed."""
    if ticket.id is None:
        session.flush()
    event = Event(ticket_id=ticket.id, kind=kind, at=clock.now(), actor=actor, details=details)
    session.add(event)
    session.flush()
    family = kind.partition(".")[0] + ".*"
    listening = [name for name, (kinds, _) in _subscriptions.items() if kind in kinds or family in kinds]
    outbox.promise_each(session, [(KIND, {"event": event.id, "to": name}, None) for name in listening])
    live.publish_after_commit(session, "tickets", {"kind": kind, "ticket": ticket.id, "state": ticket.state})
    return event


@outbox.handler(KIND, queue="promises", attempts=12, together=32)
def tell(promise: outbox.Promise) -> outbox.Effect:
    """Tells one subscriber of one event, in the transaction that marks it told."""
    name = promise.payload["to"]
    if name not in _subscriptions:
        raise ConfigurationError(f"nobody is called {name}")
    subscriber = _subscriptions[name][1]

    def write(session: Session) -> None:
        row = session.get_one(Event, promise.payload["event"])
        subscriber(
            session,
            NewEvent(
                id=row.id, ticket_id=row.ticket_id, kind=row.kind, at=row.at, actor=row.actor, details=dict(row.details)
            ),
        )

    return write
