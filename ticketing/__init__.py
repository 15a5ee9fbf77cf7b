"""Customers, assets, tickets and all that happens to a ticket until it is closed. Every change writes an event in its transaction."""

from ticketing.access import Actor, check_visible, require, sees_personal, signed_in, visible
from ticketing.corrections import CorrectedField, Correction, corrections, resolve_with
from ticketing.events import NewEvent, record, subscribe
from ticketing.outlets import CannotDeliver, Delivery, OutgoingNotice, Outlet, notify
from ticketing.review import wire
from ticketing.tables import (
    Asset,
    AuditEntry,
    Customer,
    Entry,
    Event,
    Identity,
    Notice,
    Phone,
    Ticket,
    TicketField,
    User,
)
from ticketing.users import create_first_administrator, create_user, setup_code, wants_first_administrator
from ticketing.workflow import STATES, TRANSITIONS, load, move, possible, touch

__all__ = [
    "STATES",
    "TRANSITIONS",
    "Actor",
    "Asset",
    "AuditEntry",
    "CannotDeliver",
    "CorrectedField",
    "Correction",
    "Customer",
    "Delivery",
    "Entry",
    "Event",
    "Identity",
    "NewEvent",
    "Notice",
    "OutgoingNotice",
    "Outlet",
    "Phone",
    "Ticket",
    "TicketField",
    "User",
    "check_visible",
    "corrections",
    "create_first_administrator",
    "create_user",
    "load",
    "move",
    "notify",
    "possible",
    "record",
    "require",
    "resolve_with",
    "sees_personal",
    "setup_code",
    "signed_in",
    "subscribe",
    "touch",
    "visible",
    "wants_first_administrator",
    "wire",
]
