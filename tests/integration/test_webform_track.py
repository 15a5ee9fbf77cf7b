"""Following a ticket: number and code, the story, adding, answering, rating, reopening; labels for machines."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from aiohttp import FormData
from sqlalchemy import select
from typer.testing import CliRunner

from connectors.webform import connector, labels, limits, tokens
from connectors.webform.commands import commands
from connectors.webform.settings import WebFormSettings
from core import clock, db, settings
from core.errors import NotFound
from core.http import HttpSettings
from intake import MessageRow, message_of
from tests.support.web import serving
from ticketing import Asset, Customer, Entry, Event, Identity, Ticket, TicketField, record

pytestmark = pytest.mark.usefixtures("database", "blob_store")
NUMBER = "HT261120-0001"


@pytest.fixture(autouse=True)
def fresh_limits() -> Iterator[None]:
    limits._mine.clear()
    settings.use(WebFormSettings(wrong_codes=3))
    yield
    limits._mine.clear()


@pytest.fixture(autouse=True)
def ticket(database: object) -> int:
    """A closed ticket of somebody whose number ends in 1234."""
    now = clock.now()
    with db.write() as session:
        customer = Customer(name="范小北", created=now)
        session.add(customer)
        session.flush()
        session.add(Identity(customer_id=customer.id, kind="phone", value="+8613900001234", created=now))
        made = Ticket(
            number=NUMBER, state="draft", service="repair", channel="sip", customer_id=customer.id, created=now
        )
        session.add(made)
        session.flush()
        session.add(TicketField(ticket_id=made.id, name="phone", value="13900009876"))
        session.add(Entry(ticket_id=made.id, kind="message", author="customer", text="<b>空调</b>不制冷", at=now))
        session.add(Entry(ticket_id=made.id, kind="note", author="user:1", text="客户脾气不好", at=now))
        record(session, made, "ticket.drafted", "intake")
        return made.id


def set_state(ticket_id: int, state: str) -> None:
    with db.write() as session:
        ticket = session.get_one(Ticket, ticket_id)
        ticket.state = state
        ticket.closed = clock.now() if state == "closed" else None


async def look(client: Any, number: str, code: str) -> Any:
    return await client.post("/track", data={"number": number, "code": code}, allow_redirects=False)


async def follow(client: Any) -> str:
    answer = await look(client, NUMBER, "1234")
    assert answer.status == 303
    return str(answer.headers["Location"])


async def act(client: Any, address: str, action: str, **inputs: str) -> Any:
    page = await (await client.get(address)).text()
    token = re.search(r'name="token" value="([^"]+)"', page)
    form = FormData(default_to_multipart=True)
    for name, value in {"action": action, "token": token[1] if token else "", **inputs}.items():
        form.add_field(name, value)
    return await client.post(address, data=form, allow_redirects=False)


async def test_number_and_code_lead_to_the_story() -> None:
    async with serving(connector.routes) as client:
        page = await (await client.get(await follow(client))).text()
        assert NUMBER in page
        assert "已收到，等待审核" in page
        assert "&lt;b&gt;空调&lt;/b&gt;不制冷" in page
        assert "客户脾气不好" not in page  # notes are the company's own
        assert (await look(client, NUMBER.lower(), "9876")).status == 303  # the number in the ticket counts too


async def test_wrong_codes_and_wrong_numbers_are_answered_alike_and_few() -> None:
    async with serving(connector.routes) as client:
        wrong = await look(client, NUMBER, "0000")
        unknown = await look(client, "HT261120-9999", "0000")
        assert wrong.status == unknown.status == 403
        assert (await wrong.text()).replace(NUMBER, "") == (await unknown.text()).replace("HT261120-9999", "")
        assert (await look(client, NUMBER, "")).status == 403
        assert (await look(client, NUMBER, "1234")).status == 429  # even the right code, now


async def test_a_ticket_is_guarded_from_many_addresses() -> None:
    settings.use(WebFormSettings(wrong_codes=3), HttpSettings(trusted_proxies="127.0.0.1"))
    async with serving(connector.routes) as client:
        for n in range(4):
            answer = await client.post(
                "/track", data={"number": NUMBER, "code": "0000"}, headers={"X-Forwarded-For": f"192.0.2.{n}"}
            )
        assert answer.status == 429


@pytest.mark.parametrize(("proxies", "status"), [("", 429), ("192.0.2.0/24", 429), ("127.0.0.1", 403)])
async def test_nobody_escapes_his_limit_by_an_address_he_invents(proxies: str, status: int) -> None:
    settings.use(HttpSettings(trusted_proxies=proxies))
    async with serving(connector.routes) as client:
        for n in range(4):
            answer = await client.post(
                "/track",
                data={"number": f"HT261120-777{n}", "code": "0000"},
                headers={"X-Forwarded-For": f"192.0.2.{n}"},
            )
    assert answer.status == status


async def test_a_link_is_only_good_for_its_ticket() -> None:
    async with serving(connector.routes) as client:
        address = await follow(client)
        key = address.partition("?")[0].rpartition("/")[2]
        for path in (
            f"/track/HT261120-0002/{key}",
            f"/track/{NUMBER}/{key[:-1]}{'01'[key[-1] == '0']}",
            f"/track/{NUMBER}/x",
            f"/track/{NUMBER}/1.2",
            f"/track/{NUMBER}/1.{'é' * 32}",
        ):
            assert (await client.get(path)).status == 403
            assert (await client.post(path, data={"action": "add", "text": "x"})).status == 403


async def test_what_is_added_is_a_message_about_this_ticket() -> None:
    async with serving(connector.routes) as client:
        address = await follow(client)
        answer = await act(client, address, "add", text="门牌是 301")
        assert answer.status == 303
        assert "已补充" in await (await client.get(answer.headers["Location"])).text()
        assert (await act(client, address, "add", text="  ")).status == 422
        assert (await act(client, address, "explode")).status == 422
    with db.read() as session:
        message = message_of(session.scalars(select(MessageRow)).one())
    assert (message.text, message.ticket_number, message.channel) == ("门牌是 301", NUMBER, "webform")
    assert (message.sender.kind, message.sender.value) == ("phone", "+8613900001234")


async def test_an_answer_lets_a_waiting_ticket_go_on(ticket: int) -> None:
    with db.write() as session:
        row = session.get_one(Ticket, ticket)
        row.state = "waiting"
        record(session, row, "ticket.waiting", "user:1", **{"from": "open", "to": "waiting"})
        session.add(Entry(ticket_id=ticket, kind="reply", author="user:1", text="请问型号是？", at=clock.now()))
    async with serving(connector.routes) as client:
        address = await follow(client)
        assert "我们需要您的答复" in await (await client.get(address)).text()
        assert (await act(client, address, "add", text="KFR-35GW")).status == 303
    with db.read() as session:
        assert session.get_one(Ticket, ticket).state == "open"


async def test_a_finished_ticket_is_rated_once(ticket: int) -> None:
    async with serving(connector.routes) as client:
        address = await follow(client)
        assert (await act(client, address, "rate", score="5")).status == 409
        set_state(ticket, "closed")
        assert (await act(client, address, "rate", score="6")).status == 422
        assert (await act(client, address, "rate", score="4", text="很快")).status == 303
        assert (await act(client, address, "rate", score="1")).status == 409
    with db.read() as session:
        rated = session.scalars(select(Event).where(Event.kind == "survey.answered")).one()
        assert (rated.details["score"], rated.actor) == (4, "customer")


async def test_a_closed_ticket_is_reopened_with_a_reason(ticket: int) -> None:
    async with serving(connector.routes) as client:
        address = await follow(client)
        set_state(ticket, "closed")
        assert (await act(client, address, "reopen", text="")).status == 422
        assert (await act(client, address, "reopen", text="又坏了")).status == 303
    with db.read() as session:
        assert session.get_one(Ticket, ticket).state == "open"
        assert session.scalars(select(MessageRow)).one().text == "又坏了"


async def test_a_receipt_is_followed_before_there_is_a_ticket() -> None:
    settings.use(WebFormSettings(work_bits=0))
    fields = {"phone": "13900005678", "address": "文三路1号", "device": "冰箱", "fault": "不冷"}
    async with serving(connector.routes) as client:
        page = await (await client.get("/form/repair")).text()
        token = re.search(r'name="token" value="([^"]+)"', page)
        assert token
        shown = await client.post("/form/repair", data={"token": token[1], **fields})
        receipt = re.search(r"R[0-9A-F]{10}", await shown.text())
        assert receipt
        answer = await look(client, receipt[0], "5678")
        assert answer.status == 303
        assert "不冷" in await (await client.get(answer.headers["Location"])).text()
        assert (await look(client, "R0000000000", "5678")).status == 403


def asset(code: str) -> Asset:
    return Asset(
        code=code, device="中央空调", brand="格力", model="GMV-H", address="西湖区保密路1号", created=clock.now()
    )


def test_labels_are_printed_on_sheets(tmp_path: Path) -> None:
    with db.write() as session:
        session.add_all(asset(f"KT-{n:04}") for n in range(30))
    found = labels.of_assets([])
    assert len(found) == 30
    made = labels.pdf(found, "https://fix.example")
    assert made.startswith(b"%PDF")
    assert made.count(b"/Type /Page\n") == 2
    assert made == labels.pdf(found, "https://fix.example")
    with pytest.raises(NotFound):
        labels.of_assets(["KT-0001", "nothing"])
    done = CliRunner().invoke(
        commands, ["labels", str(tmp_path / "l.pdf"), "--code", "KT-0003", "--url", "https://x.example"]
    )
    assert done.exit_code == 0, done.output
    assert (tmp_path / "l.pdf").read_bytes().startswith(b"%PDF")


async def test_labels_are_for_staff_only() -> None:
    async with serving(connector.routes) as client:
        assert (await client.get("/labels.pdf")).status == 401


def test_a_follow_key_of_another_subject_does_not_fit() -> None:
    key = tokens.follow_key("a", 1)
    tokens.check_follow("a", key)
