"""Customers, assets, tickets and all that happens to a ticket until it is closed. Every change writes an event in its transaction."""

from ticketing.events import NewEvent, record, subscribe
from ticketing.outlets import Delivery, OutgoingNotice, Outlet, notify
from ticketing.tables import (
    Asset,
    AuditEntry,
    Customer,
    Entry,
    Event,
    Identity,
    Notice,
    Ticket,
    TicketField,
    User,
)

__all__ = [
    "Asset",
    "AuditEntry",
    "Customer",
    "Delivery",
    "Entry",
    "Event",
    "Identity",
    "NewEvent",
    "Notice",
    "OutgoingNotice",
    "Outlet",
    "Ticket",
    "TicketField",
    "User",
    "notify",
    "record",
    "subscribe",
]
