"""Reporting a fault through the public form: what is taken in, what is refused, and how it is shown."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator, Sequence
from html import unescape
from typing import Any

import pytest
from aiohttp import FormData
from sqlalchemy import func, select

from connectors.webform import connector, limits, tokens
from connectors.webform.settings import WebFormSettings
from core import blobs, clock, db, settings
from core.db import Database
from intake import MessageRow, message_of
from tests.support.web import serving
from ticketing import Asset

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 64
pytestmark = pytest.mark.usefixtures("database", "blob_store", "few_bits")


@pytest.fixture
def few_bits() -> Iterator[None]:
    limits._mine.clear()
    settings.use(WebFormSettings(work_bits=6))
    yield
    limits._mine.clear()


def hidden(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found, page
    return unescape(found[1])


async def open_form(client: Any, path: str = "/form/repair") -> tuple[str, dict[str, str]]:
    page = await (await client.get(path)).text()
    token = hidden(page, "token")
    return page, {"token": token, "work": tokens.prove(token, 6), "asset_code": hidden(page, "asset_code")}


FIELDS = {
    "contact_name": "范小北",
    "phone": "13900001234",
    "address": "杭州市西湖区文三路99号2幢301室",
    "device": "空调",
    "fault": "不制冷，外机嗡嗡响",
}


def only_message() -> Any:
    with db.read() as session:
        return message_of(session.scalars(select(MessageRow)).one())


def count() -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(MessageRow)) or 0


async def send(client: Any, inputs: dict[str, str], files: Sequence[tuple[str, bytes]] = (), **kwargs: Any) -> Any:
    form = FormData(quote_fields=False, default_to_multipart=True)
    for name, value in inputs.items():
        form.add_field(name, value)
    for name, content in files:
        form.add_field("files", content, filename=name, content_type="application/octet-stream")
    kwargs.setdefault("allow_redirects", False)
    return await client.post("/form/repair", data=form, **kwargs)


async def test_a_report_is_kept_with_its_inputs_files_and_place() -> None:
    async with serving(connector.routes) as client:
        page, inputs = await open_form(client)
        assert "报修" in page
        place = {"latitude": "30.276", "longitude": "120.12"}
        answer = await send(client, {**inputs, **FIELDS, **place}, [("../../照片:1.png", PNG)])
        assert answer.status == 303
        receipt = await (await client.get(answer.headers["Location"])).text()
    message = only_message()
    assert f"R{message_id_of()[:10].upper()}" in receipt
    assert dict(message.fields) == FIELDS
    assert message.sender.kind == "phone"
    assert message.sender.value == "+8613900001234"
    assert not message.sender.verified
    assert message.text == FIELDS["fault"]
    assert message.service == "repair"
    assert (message.place.latitude, message.place.datum) == (30.276, "WGS-84")
    file = message.attachments[0]
    assert (file.name, file.type, file.size) == ("照片_1.png", "image/png", len(PNG))
    assert blobs.store().get(file.blob) == PNG


def message_id_of() -> str:
    with db.read() as session:
        return str(session.scalar(select(MessageRow.id)))


async def test_sending_a_form_twice_gives_one_message_and_one_receipt() -> None:
    async with serving(connector.routes) as client:
        _, inputs = await open_form(client)
        answers = await asyncio.gather(*(send(client, {**inputs, **FIELDS}) for _ in range(5)))
        assert {a.status for a in answers} == {303}
        assert len({a.headers["Location"].split("/")[2] for a in answers}) == 1
    assert count() == 1


async def test_script_in_an_input_is_shown_escaped() -> None:
    evil = '"><script>alert(1)</script>'
    async with serving(connector.routes) as client:
        _, inputs = await open_form(client)
        answer = await send(client, {**inputs, **FIELDS, "contact_name": evil, "phone": "12"})
        page = await answer.text()
        assert answer.status == 422
        assert "<script>alert" not in page
        assert "&lt;script&gt;alert(1)" in page
        assert "script-src 'self'" in answer.headers["Content-Security-Policy"]
    assert count() == 0


@pytest.mark.parametrize("lacking", ["phone", "address", "device", "fault"])
async def test_a_required_input_is_asked_for(lacking: str) -> None:
    async with serving(connector.routes) as client:
        _, inputs = await open_form(client)
        answer = await send(client, {**inputs, **FIELDS, lacking: " "})
        assert answer.status == 422
        assert "请填写" in await answer.text()
    assert count() == 0


async def test_a_place_stands_for_a_written_address() -> None:
    async with serving(connector.routes) as client:
        _, inputs = await open_form(client)
        place = {"latitude": "30.276", "longitude": "120.12", "address": ""}
        assert (await send(client, {**inputs, **FIELDS, **place})).status == 303


async def test_tokens_of_others_or_of_another_form_are_refused() -> None:
    async with serving(connector.routes) as client:
        _, inputs = await open_form(client)
        for token in ("", "x.1.2", inputs["token"][:-1] + "0", tokens.issue("install"), "a" * 5000, "é.1.é"):
            assert (await send(client, {**inputs, **FIELDS, "token": token})).status == 403, token
    assert count() == 0


async def test_an_old_token_is_refused(turnable: clock.TurnableClock) -> None:
    from datetime import timedelta

    async with serving(connector.routes) as client:
        _, inputs = await open_form(client)
        turnable.turn(by=timedelta(hours=13))
        assert (await send(client, {**inputs, **FIELDS})).status == 403
    assert count() == 0


async def test_another_sites_page_cannot_send_it() -> None:
    async with serving(connector.routes) as client:
        _, inputs = await open_form(client)
        answer = await send(client, {**inputs, **FIELDS}, headers={"Origin": "https://evil.example"})
        assert answer.status == 403
    assert count() == 0


async def test_the_hidden_field_stops_programs() -> None:
    async with serving(connector.routes) as client:
        _, inputs = await open_form(client)
        assert (await send(client, {**inputs, **FIELDS, "website": "http://x"})).status == 422
    assert count() == 0


async def test_without_proof_of_work_only_few_are_taken() -> None:
    settings.use(WebFormSettings(work_bits=20, unproved_per_hour=2))
    statuses = []
    async with serving(connector.routes) as client:
        for _ in range(3):
            page = await (await client.get("/form/repair")).text()
            answer = await send(client, {"token": hidden(page, "token"), "work": "", **FIELDS})
            statuses.append(answer.status)
    assert statuses == [303, 303, 429]


async def test_one_address_sends_only_so_many_an_hour() -> None:
    settings.use(WebFormSettings(work_bits=0, per_hour=3))
    statuses = []
    async with serving(connector.routes) as client:
        for _ in range(4):
            _, inputs = await open_form(client)
            statuses.append((await send(client, {**inputs, **FIELDS})).status)
    assert statuses == [303, 303, 303, 429]


async def test_files_are_known_by_their_content() -> None:
    async with serving(connector.routes) as client:
        _, inputs = await open_form(client)
        for name, content in (("photo.png", b"MZ\x90\0 not a picture"), ("page.jpg", b"<html><script>1</script>")):
            answer = await send(client, {**inputs, **FIELDS}, [(name, content)])
            assert answer.status == 422
            assert "仅支持" in await answer.text()
        assert (await send(client, {**inputs, **FIELDS}, [(f"{n}.png", PNG) for n in range(10)])).status == 422
    assert count() == 0


async def test_too_large_a_file_is_refused_while_it_is_read() -> None:
    from core.http import HttpSettings

    settings.use(HttpSettings(upload_limit=1000))
    async with serving(connector.routes) as client:
        _, inputs = await open_form(client)
        answer = await send(client, {**inputs, **FIELDS}, [("big.png", PNG + b"\0" * 5000)])
        assert answer.status == 413
    assert count() == 0


@pytest.mark.parametrize(
    ("type_", "body"),
    [
        ("multipart/form-data", b"--x"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\nno end"),
        ("multipart/form-data; boundary=x", b"\0" * 1000),
        ("multipart/form-data; boundary=" + "x" * 300, b"--x"),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=a\r\nContent-Transfer-Encoding: evil\r\n\r\n1\r\n--x--",
        ),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Type: multipart/mixed; boundary=y\r\n\r\n--y\r\n\r\n--y--\r\n--x--",
        ),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"A: b\r\n" * 20000),
        (
            "multipart/form-data; boundary=x",
            b"--x\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n" * 200 + b"--x--",
        ),
        ("application/x-www-form-urlencoded", b"&".join(b"a%d=1" % n for n in range(2000))),
        ("application/x-www-form-urlencoded", b"\xff\xfe=%ff%00"),
        ("application/json", b"[" * 10000),
        ("text/plain", b""),
    ],
)
async def test_hostile_bodies_are_refused_and_the_form_goes_on(type_: str, body: bytes) -> None:
    async with serving(connector.routes) as client:
        answer = await client.post("/form/repair", data=body, headers={"Content-Type": type_})
        assert 400 <= answer.status < 500, await answer.text()
        assert "Traceback" not in await answer.text()
        _, inputs = await open_form(client)
        assert (await send(client, {**inputs, **FIELDS})).status == 303
    assert count() == 1


async def test_the_code_on_a_machine_opens_a_form_that_knows_it() -> None:
    with db.write() as session:
        session.add(
            Asset(
                code="KT-0042", device="空调", brand="格力", model="KFR-35GW", address="保密路1号", created=clock.now()
            )
        )
    async with serving(connector.routes) as client:
        page, inputs = await open_form(client, "/asset/KT-0042")
        assert "格力 空调 KFR-35GW" in page
        assert "保密路" not in page  # whoever scans it does not learn whose it is
        assert 'name="device"' not in page
        fields = {name: value for name, value in FIELDS.items() if name != "device"}
        assert (await send(client, {**inputs, **fields})).status == 303
        assert (await client.get("/asset/%3Cscript%3E")).status == 404
        assert "尚未登记" in await (await client.get("/asset/ZZ-1")).text()
    assert only_message().asset_code == "KT-0042"


async def test_pages_speak_english_when_asked() -> None:
    async with serving(connector.routes) as client:
        assert "Report a problem" in await (await client.get("/form?lang=en")).text()
        assert "Repair" in await (await client.get("/form/repair", headers={"Accept-Language": "en-GB"})).text()
        assert (await client.get("/form/nothing")).status == 404


async def test_only_named_sites_may_show_the_form() -> None:
    async with serving(connector.routes) as client:
        assert "frame-ancestors 'none'" in (await client.get("/form/repair")).headers["Content-Security-Policy"]
        settings.use(WebFormSettings(embed_origins="https://www.example.com javascript:x"))
        policy = (await client.get("/form/repair?embed=1")).headers["Content-Security-Policy"]
        assert policy.endswith("frame-ancestors https://www.example.com")
        widget = await client.get("/widget.js")
        assert widget.content_type == "text/javascript"
        assert "iframe" in await widget.text()
        assert (await client.get("/form-static/../settings.py")).status == 404
        assert (await client.get("/form-static/settings.py")).status == 404


async def test_a_receipt_of_others_cannot_be_guessed(database: Database) -> None:
    async with serving(connector.routes) as client:
        _, inputs = await open_form(client)
        answer = await send(client, {**inputs, **FIELDS})
        _, _, message, key = answer.headers["Location"].partition("?")[0].split("/")
        assert (await client.get(f"/receipt/{message}/{key[:-1]}0")).status in (403, 200 if key.endswith("0") else 403)
        assert (await client.get(f"/receipt/{'0' * 32}/{key}")).status == 403
