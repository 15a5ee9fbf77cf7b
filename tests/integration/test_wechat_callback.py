"""The WeChat callback: every documented sample in every mode, retries, forgeries, replays and rubbish."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from connectors import xml
from connectors.wechat import callback, connector
from connectors.wechat.settings import Account, WeChatSettings
from connectors.wechat.signature import SeenAddresses
from core import clock, db, settings
from intake import Message, MessageRow, message_of
from tests.support.web import serving
from tests.support.wechat_calls import KEY, Callback, Caller, decrypt

SAMPLES = sorted((Path(__file__).parents[1] / "data" / "wechat" / "official").glob("*.xml"))
pytestmark = pytest.mark.usefixtures("database")
PLAIN, SECRET = Caller(), Caller(key=KEY)


@pytest.fixture(autouse=True)
def account(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(callback, "_seen", SeenAddresses())
    use()


def use(**kwargs: Any) -> None:
    settings.use(WeChatSettings(token=SecretStr("tok"), app_id="wxappid", **kwargs))


def use_key(mode: str = "auto") -> None:
    use(aes_key=SecretStr(KEY), mode=mode)


async def post(client: Any, call: Callback, path: str = "/wechat") -> tuple[int, str]:
    answer = await client.post(path, params=call.query, data=call.body.encode("utf-8", "surrogateescape"))
    return answer.status, await answer.text()


def messages() -> list[Message]:
    with db.read() as session:
        return [message_of(row) for row in session.scalars(select(MessageRow).order_by(MessageRow.received_at))]


def count() -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(MessageRow)) or 0


async def test_the_address_is_verified_by_its_echo() -> None:
    async with serving(connector.routes) as client:
        query = PLAIN.plain("").query
        answer = await client.get("/wechat", params={**query, "echostr": "5312"})
        assert (answer.status, await answer.text()) == (200, "5312")
        assert answer.content_type == "text/plain"
        assert (await client.get("/wechat", params={**query, "echostr": "x", "nonce": "other"})).status == 403
        assert (await client.get("/wechat")).status == 403
        old = PLAIN.plain("", timestamp=int(time.time()) - 3600).query
        assert (await client.get("/wechat", params={**old, "echostr": "x"})).status == 403


@pytest.mark.parametrize("mode", ["plain", "compatible", "encrypted"])
async def test_every_documented_sample_is_taken_in_once(mode: str) -> None:
    if mode != "plain":
        use_key(mode)
    async with serving(connector.routes) as client:
        for sample in SAMPLES:
            source = re.sub(
                r"(?s)(<FromUserName>).*?(</FromUserName>)", rf"\1{sample.stem}\2", sample.read_text("utf-8")
            )
            call = PLAIN.plain(source) if mode == "plain" else SECRET.sealed(source, compatible=mode == "compatible")
            for _ in range(3):
                status, text = await post(client, call)
                assert status == 200, sample.stem
                assert text == "success" or text.startswith("<xml>"), sample.stem
    taken = {message.sender.value: message for message in messages()}
    assert len(taken) == count() == len(SAMPLES)
    for sample in SAMPLES:
        fields, message = xml.read(sample.read_text("utf-8"))["xml"], taken[sample.stem]
        assert message.channel == "wechat"
        assert int(message.sent_at.timestamp()) == int(fields["CreateTime"])
        assert message.extra["type"] == fields["MsgType"]
        assert bool(message.event) == (fields["MsgType"] in ("event", "device_event")), sample.stem
        assert bool(message.problem) == (fields["MsgType"] in ("notsure", "voice")), sample.stem


async def test_the_whole_set_of_samples_loses_nothing() -> None:
    """Samples that differ in more than white space are messages of their own, though their ids look alike."""
    distinct = {str(sorted(xml.read(s.read_bytes())["xml"].items())) for s in SAMPLES}
    async with serving(connector.routes) as client:
        for sample in SAMPLES:
            assert (await post(client, PLAIN.plain(sample.read_text("utf-8"))))[0] == 200
    assert count() == len(distinct)


async def sample(name: str, **changes: str) -> Message:
    source = (SAMPLES[0].parent / f"{name}.xml").read_text("utf-8")
    for old, new in changes.items():
        source = source.replace(old, new)
    async with serving(connector.routes) as client:
        assert (await post(client, PLAIN.plain(source)))[0] == 200
    return messages()[-1]


async def test_what_the_types_say() -> None:
    location = await sample("location")
    assert location.place is not None
    assert (location.place.latitude, location.place.longitude) == (23.134521, 113.358803)
    assert (location.place.label, location.place.datum) == ("位置信息", "GCJ-02")
    reported = await sample("event-LOCATION")
    assert reported.place is not None
    assert reported.place.datum == "WGS-84"
    picked = await sample("event-location_select")
    assert picked.place is not None
    assert picked.place.label == "广州市海珠区客村艺苑路 106号"
    assert (await sample("event-SCAN")).asset_code == "123123"
    assert (await sample("event-subscribe-3")).asset_code == "123123"
    assert (await sample("event-subscribe-4")).asset_code == ""
    assert (await sample("link")).text == "公众平台官网链接\nurl"
    picture = await sample("image")
    assert picture.text == ""
    assert picture.attachments[0].remote == "media:media_id"
    assert picture.promises == ("wechat.media",)
    assert not picture.waits
    assert (await sample("voice")).waits == "recognition"
    assert (await sample("device_text")).text == "123"
    raw = await sample("notsure")
    assert "notsure" in raw.text
    assert not raw.event


async def test_wechats_own_recognition_spares_ours() -> None:
    found = await sample("voice", **{"<Format>": "<Recognition><![CDATA[空调不制冷]]></Recognition><Format>"})
    assert (found.text, found.waits) == ("空调不制冷", "")


async def test_a_mini_program_page_and_a_menu_scan_name_the_asset() -> None:
    page = await sample(
        "text", **{"[text]": "[miniprogrampage]", "<Content>": "<PagePath>pages/report?asset=KT-1</PagePath><Content>"}
    )
    assert page.asset_code == "KT-1"
    scan = await sample("event-scancode_waitmsg", **{"[2]": "[https://fix.example/asset/KT-2]"})
    assert scan.asset_code == "KT-2"


async def test_an_unknown_event_is_a_raw_draft() -> None:
    found = await sample("event-unsubscribe", unsubscribe="brand_new_event")
    assert not found.event
    assert "brand_new_event" in found.text
    assert found.problem


async def test_who_scans_and_who_follows_is_answered_at_once() -> None:
    use_key()
    source = (SAMPLES[0].parent / "event-SCAN.xml").read_text("utf-8")
    async with serving(connector.routes) as client:
        call = SECRET.sealed(source)
        status, text = await post(client, call)
        assert status == 200
        outer = xml.read(text)["xml"]
        inner = xml.read(decrypt(outer["Encrypt"], KEY, "wxappid"))["xml"]
        assert inner["ToUserName"] == "FromUser"
        assert "123123" in inner["Content"]


async def test_retries_in_a_storm_give_one_message() -> None:
    use_key()
    async with serving(connector.routes) as client:
        calls = [SECRET.sealed(SECRET.text(f"第{n}台坏了", number=n)) for n in range(40)]
        answers = await asyncio.gather(*(post(client, call) for call in calls for _ in range(3)))
    assert set(answers) == {(200, "success")}
    assert count() == 40


async def test_the_same_id_from_another_sender_is_another_message() -> None:
    async with serving(connector.routes) as client:
        for sender in ("a", "b"):
            assert (await post(client, PLAIN.plain(PLAIN.text("坏了", sender=sender))))[0] == 200
    assert count() == 2


async def test_forgeries_are_refused() -> None:
    use_key()
    source = SECRET.text("坏了")
    good = SECRET.sealed(source)
    wrong_owner = Caller(key=KEY, owner="other").sealed(source)
    wrong_token = Caller(token="guess", key=KEY).sealed(source)
    tampered = Callback(query=good.query, body=good.body.replace("<Encrypt><![CDATA[", "<Encrypt><![CDATA[A"))
    cases = {
        "plain to an encrypted account": SECRET.plain(source),
        "another account's": wrong_owner,
        "another token": wrong_token,
        "tampered": tampered,
        "no signature": Callback(query={**good.query, "msg_signature": ""}, body=good.body),
        "no query": Callback(query={}, body=good.body),
        "old": SECRET.sealed(source, timestamp=int(time.time()) - 301),
        "from the future": SECRET.sealed(source, timestamp=int(time.time()) + 400),
        "compatible body without the encrypted part": SECRET.plain(
            source.replace("</xml>", "<Encrypt></Encrypt></xml>")
        ),
        "non-ascii signature": Callback(query={**good.query, "msg_signature": "é"}, body=good.body),
    }
    async with serving(connector.routes) as client:
        for name, call in cases.items():
            assert (await post(client, call))[0] == 403, name
        assert count() == 0
        assert (await post(client, good))[0] == 200
    assert count() == 1


async def test_in_plain_mode_an_address_brings_one_body_only() -> None:
    """The plain signature does not cover the body: whoever saw an address must not send something else to it."""
    call = PLAIN.plain(PLAIN.text("坏了"))
    async with serving(connector.routes) as client:
        assert (await post(client, call))[0] == 200
        forged = Callback(query=call.query, body=PLAIN.text("取消上门", number=2))
        assert (await post(client, forged))[0] == 403
        assert (await post(client, call))[0] == 200
    assert count() == 1


async def test_a_replay_after_the_time_is_refused(turnable: clock.TurnableClock) -> None:
    call = PLAIN.plain(PLAIN.text("坏了"), timestamp=int(turnable.now().timestamp()))
    async with serving(connector.routes) as client:
        assert (await post(client, call))[0] == 200
        turnable.turn(by=timedelta(seconds=301))
        assert (await post(client, call))[0] == 403


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><xml><Content>&b;</Content></xml>'
FILE = '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><xml><Content>&a;</Content></xml>'


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ("", 400),
        ("success", 400),
        ("{}", 400),
        ("<xml>", 400),
        ("<xml></xml>", 400),
        ("<a>1</a>", 400),
        (BOMB, 400),
        (FILE, 400),
        ("<xml>" + "<a>" * 10_000 + "</a>" * 10_000 + "</xml>", 400),
        ("<xml>" + "<a/>" * 10_000 + "</xml>", 400),
        ('<?xml version="1.0" encoding="utf-7"?><xml><a>1</a></xml>', 400),
        ("<xml><MsgType>text</MsgType><Content>\udcff\udcfe</Content></xml>", 400),
        ("<xml><Content>" + "长" * 200_000 + "</Content></xml>", 413),
        ("<xml><MsgType>text</MsgType></xml>", 200),
        ("<xml><MsgType><a>1</a></MsgType><FromUserName/><CreateTime>1e9</CreateTime></xml>", 200),
        ("<xml><MsgType>location</MsgType><Location_X>nan</Location_X><Location_Y>inf</Location_Y></xml>", 200),
        ("<xml><MsgType>event</MsgType><Event>SCAN</Event><EventKey><b>1</b></EventKey></xml>", 200),
        (
            "<xml><MsgType>text</MsgType><MsgId>"
            + "9" * 5000
            + "</MsgId><CreateTime>"
            + "9" * 50
            + "</CreateTime></xml>",
            200,
        ),
        ("<xml><MsgType>event</MsgType><Event>scancode_push</Event><ScanCodeInfo>http://[</ScanCodeInfo></xml>", 200),
    ],
    ids=lambda value: str(value)[:40],
)
async def test_rubbish_with_a_good_signature(body: str, status: int) -> None:
    async with serving(connector.routes) as client:
        assert (await post(client, PLAIN.plain(body)))[0] == status
        assert (await post(client, PLAIN.plain(PLAIN.text("还在工作", number=7))))[0] == 200
    assert count() == (2 if status == 200 else 1)


async def test_encrypted_rubbish_is_refused() -> None:
    import base64
    import os

    from tests.support.wechat_calls import sign

    use_key()
    async with serving(connector.routes) as client:
        for sealed in ("", "x", base64.b64encode(os.urandom(64)).decode(), base64.b64encode(b"\0" * 31).decode()):
            query = SECRET.plain("").query
            query["msg_signature"] = sign("tok", query["timestamp"], query["nonce"], sealed)
            status, _ = await post(client, Callback(query=query, body=f"<xml><Encrypt>{sealed}</Encrypt></xml>"))
            assert status in (400, 403), sealed
    assert count() == 0


async def test_several_accounts_are_kept_apart() -> None:
    settings.use(WeChatSettings(token=SecretStr("tok"), accounts={"north": Account(token=SecretStr("tok2"))}))
    north = Caller(token="tok2")
    async with serving(connector.routes) as client:
        assert (await post(client, PLAIN.plain(PLAIN.text("a"))))[0] == 200
        assert (await post(client, north.plain(north.text("b", sender="openid-2")), "/wechat/north"))[0] == 200
        assert (await post(client, north.plain(north.text("b")), "/wechat"))[0] == 403
        assert (await post(client, north.plain(north.text("b")), "/wechat/south"))[0] == 404
    assert [m.conversation for m in messages()] == ["openid-1", "north:openid-2"]


async def test_without_an_account_there_is_no_callback() -> None:
    settings.use(WeChatSettings())
    async with serving(connector.routes) as client:
        assert (await post(client, Caller(token="").plain("<xml/>")))[0] == 404
