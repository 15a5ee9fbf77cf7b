"""Who scans a machine's code and then writes means that machine."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from connectors import xml
from connectors.wechat import messages
from core import clock, db
from intake import MessageRow, accept_now, understand
from tests.support import keep_promises
from tests.support.understanding import usual
from ticketing import Asset, Ticket

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def told(turnable: clock.TurnableClock, database: object) -> Iterator[None]:
    understand.use(usual())
    with db.write() as session:
        session.add(Asset(code="KT-0042", device="空调", brand="格力", model="KFR-35GW", created=clock.now()))
    yield
    understand.use(None)


def receive(kind: str, rest: str, sender: str = "openid-1") -> str:
    source = (
        f"<xml><ToUserName>gh</ToUserName><FromUserName>{sender}</FromUserName>"
        f"<CreateTime>{int(clock.now().timestamp())}</CreateTime><MsgType>{kind}</MsgType>{rest}</xml>"
    )
    acceptance = accept_now(messages.read(xml.read(source)["xml"], source, "main"))
    keep_promises("intake.understand")
    return acceptance.message_id


def brand_of(message_id: str) -> str:
    with db.read() as session:
        row = session.get_one(MessageRow, message_id)
        return session.get_one(Ticket, row.ticket_id).value("brand")


def text(content: str, number: int, sender: str = "openid-1") -> str:
    return receive("text", f"<Content>{content}</Content><MsgId>{number}</MsgId>", sender)


def test_the_next_message_is_about_the_scanned_machine(turnable: clock.TurnableClock) -> None:
    receive("event", "<Event>SCAN</Event><EventKey>KT-0042</EventKey>")
    with db.read() as session:
        assert session.scalars(select(Ticket)).all() == []
    turnable.turn(by=timedelta(minutes=2))
    assert brand_of(text("不制冷", 1)) == "格力"


def test_an_old_scan_and_another_persons_scan_do_not_count(turnable: clock.TurnableClock) -> None:
    receive("event", "<Event>SCAN</Event><EventKey>KT-0042</EventKey>")
    turnable.turn(by=timedelta(minutes=2))
    assert brand_of(text("不制冷", 2, "openid-2")) == ""
    turnable.turn(by=timedelta(hours=3))
    assert brand_of(text("不制冷", 3)) == ""
