"""A ticket as intake and an agent leave it, for the tests of sla, dispatch and settlement."""

from __future__ import annotations

from typing import Any

from sqlalchemy.orm import Session

from core import clock
from ticketing import Customer, Ticket, User, workflow
from ticketing.drafts import Draft, DraftField, NewEntry, create_draft

PLACE = {
    "province": "安徽省",
    "city": "合肥市",
    "district": "蜀山区",
    "code": "340104",
    "latitude": 31.851,
    "longitude": 117.261,
}


def user(session: Session, login: str, role: str, name: str = "", language: str = "zh") -> User:
    made = User(login=login, name=name or login, role=role, created=clock.now(), regions=[], language=language)
    session.add(made)
    session.flush()
    return made


def draft(session: Session, *, urgency: str = "normal", service: str = "repair", **options: Any) -> Ticket:
    """A draft repair of an air conditioner in Hefei. ``place``: details of the resolved address, None for none."""
    customer = Customer(
        name="陈静", language=options.pop("language", ""), level=options.pop("level", ""), created=clock.now()
    )
    session.add(customer)
    session.flush()
    place = options.pop("place", PLACE)
    fields = [
        DraftField(name="contact_name", value="陈静"),
        DraftField(name="phone", value="13900001111"),
        DraftField(
            name="address",
            value="合肥市蜀山区天鹅湖路8号",
            resolved={"value": "安徽省合肥市蜀山区天鹅湖路8号", "score": 0.9, "details": place} if place else None,
        ),
        DraftField(
            name="device",
            value="空调",
            resolved={
                "value": "空调",
                "score": 1.0,
                "details": {"category": options.pop("category", "air_conditioner")},
            },
        ),
        DraftField(
            name="fault", value="不制冷", resolved={"value": "不制冷", "score": 1.0, "details": {"class": "no_cooling"}}
        ),
        *options.pop("fields", []),
    ]
    made = create_draft(
        session,
        Draft(
            channel="webform",
            service=service,
            urgency=urgency,
            customer_id=customer.id,
            fields=fields,
            entry=NewEntry(message_id=f"m{customer.id:031d}", channel="webform", text="空调不制冷", at=clock.now()),
            **options,
        ),
    )
    session.flush()
    return made


def confirmed(session: Session, **options: Any) -> Ticket:
    made = draft(session, **options)
    workflow.move(session, made, "confirm", "user:1")
    session.flush()
    return made
