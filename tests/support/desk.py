"""A desk for tests of the API: the real application, signed-in people, and tickets as intake makes them."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from functools import cache
from typing import Any

from aiohttp import ClientResponse, web
from aiohttp.test_utils import TestClient, TestServer

from core import clock, db
from core.http import application
from ticketing import Customer, Identity, create_user, passwords
from ticketing.api import routes
from ticketing.drafts import Draft, DraftField, NewEntry, create_draft

PASSWORD = "correct horse 7"
TEXT = "空调不制冷，电话13912345678，地址北京市朝阳区望京街9号，我姓王"
FIELDS = (
    ("device", "空调", None),
    ("fault", "不制冷", None),
    ("phone", "13912345678", None),
    ("address", "北京市朝阳区望京街9号", "110105"),
    ("contact_name", "王", None),
)


@cache
def _kept_password() -> str:
    """Hashed once: argon2 takes its time, and every test has several people."""
    return passwords.hashed(PASSWORD)


def person(login: str, role: str, regions: Sequence[str] = ()) -> int:
    with db.write() as session:
        user = create_user(session, login=login, name=f"{login} 先生", role=role, regions=regions)
        user.password_hash = _kept_password()
    return user.id


def draft(
    text: str = TEXT,
    fields: Sequence[tuple[str, str, str | None]] = FIELDS,
    *,
    customer: int | None = None,
    **entry: Any,
) -> int:
    """A draft as intake would make it; a field's third part is the division code it was resolved to."""
    with db.write() as session:
        ticket = create_draft(
            session,
            Draft(
                channel="webform",
                service="repair",
                summary="空调不制冷",
                required=("phone", "address", "device", "fault"),
                customer_id=customer,
                entry=NewEntry(message_id=uuid.uuid4().hex, channel="webform", text=text, at=clock.now(), **entry),
                fields=[
                    DraftField(
                        name=name,
                        value=value,
                        surface=value,
                        start=text.find(value) if value in text else None,
                        end=text.find(value) + len(value) if value in text else None,
                        confidence=0.9,
                        component="test",
                        resolved={"value": value, "score": 0.9, "details": {"code": code, "road": "望京街"}}
                        if code
                        else None,
                        candidates=[{"value": "北京市朝阳区望京西街9号", "score": 0.4, "details": {"code": "110105"}}]
                        if code
                        else [],
                    )
                    for name, value, code in fields
                ],
            ),
        )
    return ticket.id


def customer(name: str = "王小明", number: str = "+8613912345678") -> int:
    with db.write() as session:
        row = Customer(name=name, created=clock.now())
        row.identities.append(Identity(kind="phone", value=number, verified=True, created=clock.now()))
        session.add(row)
        session.flush()
        return row.id


class Desk:
    """One person's client; ``get`` and ``send`` return (status, JSON)."""

    def __init__(self, client: TestClient[web.Request, web.Application]) -> None:
        self.client = client

    async def get(self, path: str, **query: Any) -> tuple[int, Any]:
        async with self.client.get(f"/api/v1{path}", params=query) as response:
            return response.status, await response.json()

    async def raw(self, path: str, method: str = "GET", **kwargs: Any) -> ClientResponse:
        return await self.client.request(method, f"/api/v1{path}", **kwargs)

    async def send(self, path: str, body: Any = None, method: str = "POST") -> tuple[int, Any]:
        async with self.client.request(
            method, f"/api/v1{path}", json=body if body is not None else {}, headers={"X-Hotline": "1"}
        ) as response:
            return response.status, await response.json()


def whole_application() -> web.Application:
    app = application()
    api = web.Application()
    routes(api)
    app.add_subapp("/api/v1", api)
    return app


@asynccontextmanager
async def desk(login: str | None = None) -> AsyncIterator[Desk]:
    """The application as it listens, with this person signed in."""
    async with TestClient(TestServer(whole_application())) as client:
        worker = Desk(client)
        if login is not None:
            status, answer = await worker.send("/session", {"login": login, "password": PASSWORD})
            assert status == 200, answer
        yield worker
