"""WeCom: the application's callback, 微信客服 read by its cursor, media, and the ways out."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import func, select

from connectors import xml
from connectors.wechat.signature import SeenAddresses
from connectors.wecom import callback, client, connector, service
from connectors.wecom.outlets import GroupRobotOutlet, WeComOutlet
from connectors.wecom.settings import WeComSettings
from core import blobs, clock, db, settings
from intake import Message, MessageRow, message_of
from tests.support import keep_promises
from tests.support.web import serving
from tests.support.wechat_calls import KEY, Callback, Caller, encrypt, sign
from tests.support.wechat_server import WeChatServer
from ticketing import CannotDeliver, OutgoingNotice

SAMPLES = sorted((Path(__file__).parents[1] / "data" / "wechat" / "work").glob("*.xml"))
CALLER = Caller(key=KEY, owner="wwcorp")
pytestmark = pytest.mark.usefixtures("database", "blob_store")


@pytest.fixture(autouse=True)
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[WeChatServer]:
    monkeypatch.setattr(callback, "_seen", SeenAddresses())
    client._api.cache_clear()
    with WeChatServer() as running:
        settings.use(
            WeComSettings(
                corp_id="wwcorp",
                token=SecretStr("tok"),
                aes_key=SecretStr(KEY),
                secret=SecretStr("corpsecret"),
                agent_id=1000002,
                robots={"default": SecretStr("robot-key")},
                api_url=running.url,
            )
        )
        assert connector.prepare
        connector.prepare()
        yield running
    client._api.cache_clear()


async def post(http: Any, call: Callback) -> int:
    query = {name: value for name, value in call.query.items() if name != "signature"}
    answer = await http.post("/wecom", params=query, data=call.body.encode())
    return int(answer.status)


def messages() -> list[Message]:
    with db.read() as session:
        return [message_of(row) for row in session.scalars(select(MessageRow).order_by(MessageRow.received_at))]


def count() -> int:
    with db.read() as session:
        return session.scalar(select(func.count()).select_from(MessageRow)) or 0


async def test_the_address_is_verified_by_its_decrypted_echo() -> None:
    sealed = encrypt("1616140317555161061", KEY, "wwcorp")
    stamp = str(int(time.time()))
    query = {"msg_signature": sign("tok", stamp, "n", sealed), "timestamp": stamp, "nonce": "n", "echostr": sealed}
    async with serving(connector.routes) as http:
        answer = await http.get("/wecom", params=query)
        assert (answer.status, await answer.text()) == (200, "1616140317555161061")
        assert (await http.get("/wecom", params={**query, "nonce": "m"})).status == 403
        assert (await http.get("/wecom")).status == 403


async def test_every_documented_sample_is_taken_in_once() -> None:
    async with serving(connector.routes) as http:
        for number, sample in enumerate(SAMPLES):
            source = sample.read_text("utf-8")
            for old in ("[fromUser]", "[FromUser]", "[UserID]"):
                source = source.replace(old, f"[{sample.stem}]")
            call = CALLER.sealed(source, nonce=f"n{number}")
            for _ in range(3):
                assert await post(http, call) == 200, sample.stem
    taken = {message.sender.value: message for message in messages()}
    assert len(taken) == count() == len(SAMPLES)
    for sample in SAMPLES:
        fields = xml.read(sample.read_text("utf-8"))["xml"]
        message = taken[sample.stem]
        assert message.channel == "wecom"
        assert message.sender.kind == "wecom"
        assert bool(message.event) == (fields["MsgType"] == "event"), sample.stem
        assert bool(message.problem) == (fields["MsgType"] in ("notsure", "voice")), sample.stem


async def test_what_is_not_wecoms_is_refused() -> None:
    source = CALLER.text("坏了")
    plain = CALLER.plain(source)
    cases = [
        plain,
        Callback(query={**plain.query, "msg_signature": plain.query["signature"]}, body=source),
        Caller(key=KEY, owner="other").sealed(source),
        Caller(token="guess", key=KEY, owner="wwcorp").sealed(source),
        CALLER.sealed(source, timestamp=int(time.time()) - 400),
        Callback(query={}, body="<xml/>"),
    ]
    async with serving(connector.routes) as http:
        for call in cases:
            assert await post(http, call) in (400, 403)
        for body in (b"", b"<xml>", b"<!DOCTYPE a><xml/>", b"\xff" * 100, b"x" * 300_000):
            assert (await http.post("/wecom", params=plain.query, data=body)).status in (400, 403, 413)
    assert count() == 0


def keep_all(*kinds: str) -> int:
    """A promise that is promised anew by its own effects is kept in another round."""
    kept = 0
    while found := keep_promises(*kinds):
        kept += found
    return kept


def kf(number: int, kind: str, content: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "msgid": f"kf{number}",
        "open_kfid": "wk1",
        "external_userid": "wm1",
        "send_time": int(time.time()),
        "origin": 3,
        "msgtype": kind,
        kind: content,
        **more,
    }


async def knock(token: str) -> None:
    source = (
        f"<xml><ToUserName>wwcorp</ToUserName><CreateTime>{int(time.time())}</CreateTime><MsgType>event</MsgType>"
        f"<Event>kf_msg_or_event</Event><Token>{token}</Token><OpenKfId>wk1</OpenKfId></xml>"
    )
    async with serving(connector.routes) as http:
        assert await post(http, CALLER.sealed(source)) == 200


async def test_service_messages_are_read_page_by_page_and_once(server: WeChatServer) -> None:
    server.account.media["m1"] = (b"\xff\xd8\xff\xe0" + b"\0" * 50, "image/jpeg")
    server.account.kf_messages = [
        kf(1, "text", {"content": "冰箱不制冷"}),
        kf(2, "image", {"media_id": "m1"}),
        kf(3, "text", {"content": "我们的答复"}, origin=5),
        kf(4, "location", {"latitude": 23.1, "longitude": 113.3, "name": "大厦", "address": "广州市天河区1号"}),
        kf(5, "event", {"event_type": "enter_session", "scene_param": "KT-7"}, origin=4),
        kf(6, "hologram", {"x": 1}),
    ]
    await knock("t1")
    keep_all("wecom.sync", "wecom.page", "wecom.media")
    found = {m.channel_id: m for m in messages() if m.event != "kf_msg_or_event"}
    assert set(found) == {"kf:kf1", "kf:kf2", "kf:kf4", "kf:kf5", "kf:kf6"}
    assert found["kf:kf1"].text == "冰箱不制冷"
    assert found["kf:kf1"].conversation == "kf:wk1:wm1"
    assert blobs.store().get(found["kf:kf2"].attachments[0].blob).startswith(b"\xff\xd8")
    assert found["kf:kf4"].place is not None
    assert found["kf:kf5"].asset_code == "KT-7"
    assert found["kf:kf6"].problem
    cursors = [body.get("cursor", "") for body in server.account.sent("/cgi-bin/kf/sync_msg")]
    assert cursors == ["", "2", "4"]
    server.account.kf_messages.append(kf(7, "text", {"content": "快点"}))
    await knock("t2")
    keep_promises("wecom.sync", "wecom.page")
    assert [m.text for m in messages()][-1] == "快点"
    assert server.account.sent("/cgi-bin/kf/sync_msg")[-1]["cursor"] == "6"  # from where it had stopped


async def test_a_knock_while_reading_reads_once_more(server: WeChatServer) -> None:
    for token in ("a", "b", "c"):
        await knock(token)
    keep_promises("wecom.sync")
    server.account.kf_messages = [kf(1, "text", {"content": "坏了"})]
    assert keep_all("wecom.page") == 2
    assert sum(m.event == "" for m in messages()) == 1


async def test_a_page_that_fails_is_read_again(server: WeChatServer, turnable: clock.TurnableClock) -> None:
    from datetime import UTC, datetime, timedelta

    turnable.turn(to=datetime.now(UTC))
    server.account.kf_messages = [kf(1, "text", {"content": "坏了"})]
    server.account.fail["/cgi-bin/kf/sync_msg"] = [-1]
    await knock("a")
    keep_promises("wecom.sync", "wecom.page")
    assert sum(m.event == "" for m in messages()) == 0
    turnable.turn(by=timedelta(minutes=1))
    keep_promises("wecom.page")
    assert sum(m.event == "" for m in messages()) == 1


def notice(purpose: str = "reply", **identities: list[str]) -> OutgoingNotice:
    return OutgoingNotice(
        id=1,
        key="hotline-1",
        purpose=purpose,
        subject="工单超时",
        text="请尽快处理",
        language="zh",
        ticket_number="HT261120-0001",
        identities=identities,
    )


async def test_a_customer_is_answered_through_the_service_account(server: WeChatServer) -> None:
    assert not WeComOutlet().reaches(notice(wecom_customer=["wm1"]))
    server.account.kf_messages = [kf(1, "text", {"content": "坏了"})]
    await knock("a")
    keep_promises("wecom.sync", "wecom.page")
    outlet = WeComOutlet()
    assert outlet.reaches(notice(wecom_customer=["wm1"]))
    assert outlet.send(notice(wecom_customer=["wm1"])).receipt.startswith("msg-")
    (body,) = server.account.sent("/cgi-bin/kf/send_msg")
    assert (body["touser"], body["open_kfid"], body["text"]["content"]) == ("wm1", "wk1", "请尽快处理")


def test_a_member_is_told_by_the_application(server: WeChatServer) -> None:
    assert WeComOutlet().send(notice(wecom=["zhangsan"])).receipt.startswith("msg-")
    (body,) = server.account.sent("/cgi-bin/message/send")
    assert (body["touser"], body["agentid"]) == ("zhangsan", 1000002)


def test_a_group_hears_what_is_meant_for_it_only(server: WeChatServer) -> None:
    robot = GroupRobotOutlet()
    assert not robot.reaches(notice("reply"))
    assert robot.reaches(notice("warning"))
    robot.send(notice("warning"))
    (body,) = server.account.sent("/cgi-bin/webhook/send")
    assert body["text"]["content"] == "工单超时\nHT261120-0001\n请尽快处理"
    server.account.robots = set()
    with pytest.raises(CannotDeliver, match="93000"):
        robot.send(notice("warning"))


async def test_without_settings_there_is_no_wecom() -> None:
    settings.use(WeComSettings())
    async with serving(connector.routes) as http:
        assert await post(http, CALLER.sealed(CALLER.text("x"))) == 404
    assert connector.outlets
    assert connector.outlets() == []


def test_a_message_of_a_page_may_be_anything() -> None:
    for item in (
        {},
        {"msgtype": "text", "text": "x"},
        {"origin": 3, "msgtype": 5, "send_time": "soon"},
        {"origin": "x"},
    ):
        message = service.read(item)
        assert message is None or message.channel_id
