"""Calls of WeChat's API against a local server that behaves as documented: tokens, media, notices and refusals."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from connectors.wechat import client, connector, messages
from connectors.wechat.errors import ApiBusy, ApiError
from connectors.wechat.outlets import WeChatOutlet, parts
from connectors.wechat.settings import WeChatSettings, account
from core import blobs, clock, db, settings
from core.errors import ConfigurationError
from core.outbox import PromiseRow
from intake import Attachment, Message, MessageRow, Sender, accept_now, message_of
from tests.support import keep_promises
from tests.support.wechat_server import WeChatServer
from ticketing import Notice, OutgoingNotice
from ticketing.outlets import CannotDeliver

pytestmark = pytest.mark.usefixtures("database", "blob_store")
JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb") + b"\0" * 100


@pytest.fixture
def server() -> Iterator[WeChatServer]:
    client._api.cache_clear()
    with WeChatServer() as running:
        use(running)
        assert connector.prepare
        connector.prepare()
        yield running
    client._api.cache_clear()


def use(server: WeChatServer, **kwargs: Any) -> None:
    values = {"app_id": "wxappid", "secret": SecretStr("wxsecret"), "picture_hosts": "127.0.0.1", **kwargs}
    settings.use(WeChatSettings(token=SecretStr("tok"), api_url=server.url, **values))


def incoming(kind: str, extra: str = "", number: int = 1) -> str:
    """Takes a message of one medium in and returns its id."""
    source = (
        "<xml><ToUserName>gh</ToUserName><FromUserName>openid-1</FromUserName><CreateTime>1795298028</CreateTime>"
        f"<MsgType>{kind}</MsgType><MediaId>media-1</MediaId><MsgId>{number}</MsgId>{extra}</xml>"
    )
    from connectors import xml

    return accept_now(messages.read(xml.read(source)["xml"], source, "main")).message_id


def stored(message_id: str) -> tuple[MessageRow, Message]:
    with db.read() as session:
        row = session.get_one(MessageRow, message_id)
        return row, message_of(row)


def test_a_picture_is_fetched_by_its_id(server: WeChatServer) -> None:
    server.account.media["media-1"] = (JPEG, "image/jpeg")
    message_id = incoming("image")
    assert keep_promises("wechat.media") == 1
    row, message = stored(message_id)
    picture = message.attachments[0]
    assert blobs.store().get(picture.blob) == JPEG
    assert (picture.type, picture.size) == ("image/jpeg", len(JPEG))
    assert row.state == "accepted"
    assert not row.problem


def test_a_video_is_fetched_where_the_answer_points(server: WeChatServer) -> None:
    video = b"\0\0\0\x18ftypmp42" + b"\0" * 40
    server.account.media["media-1"] = f"{server.url}/file/v"
    server.account.media["v"] = (video, "video/mp4")
    message_id = incoming("video")
    assert keep_promises("wechat.media") == 1
    assert blobs.store().get(stored(message_id)[1].attachments[0].blob) == video


def test_without_a_secret_a_picture_comes_from_wechats_own_address(server: WeChatServer) -> None:
    use(server, secret=SecretStr(""))
    server.account.media["p"] = (JPEG, "image/jpeg")
    message_id = incoming("image", f"<PicUrl>{server.url}/file/p</PicUrl>")
    assert keep_promises("wechat.media") == 1
    assert stored(message_id)[1].attachments[0].size == len(JPEG)


def test_no_other_address_is_fetched(server: WeChatServer) -> None:
    use(server, secret=SecretStr(""), picture_hosts="qpic.cn")
    server.account.media["p"] = (JPEG, "image/jpeg")
    for number, url in enumerate(
        (f"{server.url}/file/p", "file:///etc/passwd", "http://qpic.cn.evil.example/", "http://[")
    ):
        message_id = incoming("image", f"<PicUrl>{url}</PicUrl>", number)
        assert keep_promises("wechat.media") == 0
        _, message = stored(message_id)
        assert message.attachments[0].blob == ""


def test_a_picture_that_is_gone_is_told_to_the_agent(server: WeChatServer) -> None:
    message_id = incoming("image")
    keep_promises("wechat.media")
    row, message = stored(message_id)
    assert "附件未能取回" in row.problem
    assert message.attachments[0].blob == ""


def test_a_busy_api_is_asked_again_later(server: WeChatServer, turnable: clock.TurnableClock) -> None:
    server.account.media["media-1"] = (JPEG, "image/jpeg")
    server.account.fail["/cgi-bin/media/get"] = [45009, -1]
    message_id = incoming("image")
    for _ in range(3):
        keep_promises("wechat.media")
        turnable.turn(by=timedelta(seconds=10))
    assert stored(message_id)[1].attachments[0].size == len(JPEG)


def test_too_large_a_file_is_left_where_it_is(server: WeChatServer) -> None:
    use(server, media_limit=50)
    server.account.media["media-1"] = (JPEG, "image/jpeg")
    message_id = incoming("image")
    keep_promises("wechat.media")
    assert "TooLarge" in stored(message_id)[0].problem


@pytest.fixture
def voice(server: WeChatServer) -> str:
    """A voice message as WeChat sends it; AMR, 8 kHz."""
    file = Path(__file__).parents[1] / "data" / "wechat" / "voice.amr"
    server.account.media["media-1"] = (file.read_bytes(), "audio/amr")
    return incoming("voice")


def promises(kind: str) -> int:
    with db.read() as session:
        return len(session.scalars(select(PromiseRow).where(PromiseRow.kind == kind)).all())


def test_voice_waits_for_recognition_and_goes_on_without_it(turnable: clock.TurnableClock, voice: str) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs ffmpeg")
    row, _ = stored(voice)
    assert "等待识别" in row.problem
    before = promises("intake.understand")
    assert keep_promises("wechat.media") == 1
    for _ in range(10):  # no recogniser is running
        keep_promises("media.hear")
        turnable.turn(by=timedelta(hours=1))
    row, message = stored(voice)
    assert row.state == "accepted"
    assert promises("intake.understand") == before + 1
    assert "没有可用的语音识别" in row.problem
    assert message.waits == ""
    assert message.attachments[0].type == "audio/amr"


def test_without_ffmpeg_a_voice_message_is_a_draft_that_says_so(voice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    assert keep_promises("wechat.media", "media.hear") == 2
    row, message = stored(voice)
    assert "ffmpeg" in row.problem
    assert (row.state, row.text) == ("accepted", "")
    assert message.attachments[0].blob


def test_a_voice_that_is_no_audio_is_a_draft_that_says_so(server: WeChatServer) -> None:
    server.account.media["media-1"] = (b"#!AMR\n" + b"\xff" * 50, "audio/amr")
    message_id = incoming("voice")
    assert keep_promises("wechat.media", "media.hear") == 2
    row, _ = stored(message_id)
    assert row.problem
    assert row.state == "accepted"


def test_a_token_is_fetched_once_and_renewed_when_it_is_refused(server: WeChatServer) -> None:
    main = account()
    client.send_text(main, "openid-1", "你好")
    client.send_text(main, "openid-1", "再见")
    assert server.account.tokens_given == 1
    server.account.expired.add(server.account.token)
    client.send_text(main, "openid-1", "还在")
    server.account.token = "somebody fetched another"  # 40001: not the latest
    client.send_text(main, "openid-1", "还在")
    assert server.account.tokens_given == 3
    assert [body["text"]["content"] for body in server.account.sent("/cgi-bin/message/custom/send")][-1] == "还在"


def test_a_token_that_is_refused_twice_is_an_error(server: WeChatServer) -> None:
    server.account.fail["/cgi-bin/message/custom/send"] = [40001, 40001]
    with pytest.raises(ApiError) as caught:
        client.send_text(account(), "openid-1", "你好")
    assert caught.value.number == 40001
    assert "token" not in caught.value.message.replace("error", "")


def test_errors_say_whether_trying_again_helps(server: WeChatServer) -> None:
    server.account.fail["/cgi-bin/message/custom/send"] = [45009]
    with pytest.raises(ApiBusy) as busy:
        client.send_text(account(), "openid-1", "你好")
    assert busy.value.retryable
    use(server, secret=SecretStr("wrong"))
    with pytest.raises(ApiError) as wrong:
        client.send_text(account(), "openid-1", "你好")
    assert not wrong.value.retryable
    use(server, secret=SecretStr(""))
    with pytest.raises(ConfigurationError):
        client.send_text(account(), "openid-1", "你好")


def heard(openid: str = "openid-1", event: str = "") -> None:
    accept_now(
        Message(
            channel="wechat",
            channel_id=f"{openid}{event}{clock.now()}",
            sender=Sender(kind="openid", value=openid),
            text="坏了",
            sent_at=clock.now(),
            conversation=openid,
            event=event,
            extra={"account": "main"},
        )
    )


def notice(text: str = "工程师明天九点到", **extra: Any) -> OutgoingNotice:
    return OutgoingNotice(
        id=1,
        key="hotline-1",
        purpose="reply",
        subject="维修进度",
        text=text,
        language="zh",
        ticket_number="HT261120-0001",
        identities={"openid": ["openid-1"]},
        extra=extra,
    )


def test_a_notice_goes_out_as_customer_service_message_in_the_window(
    server: WeChatServer, turnable: clock.TurnableClock
) -> None:
    outlet = WeChatOutlet()
    assert not outlet.reaches(notice())  # nobody has written yet
    heard()
    assert outlet.reaches(notice())
    outlet.send(notice())
    assert server.account.sent("/cgi-bin/message/custom/send") == [
        {"touser": "openid-1", "msgtype": "text", "text": {"content": "工程师明天九点到"}}
    ]
    turnable.turn(by=timedelta(hours=48))
    assert not outlet.reaches(notice())


def test_outside_the_window_a_template_is_used(server: WeChatServer, turnable: clock.TurnableClock) -> None:
    use(server, template="tmpl")
    heard()
    turnable.turn(by=timedelta(hours=49))
    outlet = WeChatOutlet()
    assert outlet.reaches(notice())
    delivery = outlet.send(notice(url="https://fix.example/t"))
    (body,) = server.account.sent("/cgi-bin/message/template/send")
    assert body["data"]["keyword1"] == {"value": "HT261120-0001"}
    assert delivery.receipt == "200163837"


def test_the_window_may_be_closed_for_reasons_only_wechat_knows(server: WeChatServer) -> None:
    server.account.open = set()
    heard()
    with pytest.raises(CannotDeliver, match="45015"):
        WeChatOutlet().send(notice())
    use(server, template="tmpl")
    assert WeChatOutlet().send(notice()).receipt
    use(server, template="gone")
    with pytest.raises(CannotDeliver, match="40037"):
        WeChatOutlet().send(notice())


def test_a_long_text_goes_in_parts(server: WeChatServer) -> None:
    heard()
    WeChatOutlet().send(notice("维修说明\n" * 400))
    bodies = server.account.sent("/cgi-bin/message/custom/send")
    assert len(bodies) == 3
    assert all(len(body["text"]["content"].encode()) <= 2048 for body in bodies)
    assert "".join(parts("维" * 2000, 2048)) == "维" * 2000


def test_a_delivery_report_reaches_its_notice(server: WeChatServer) -> None:
    with db.write() as session:
        row = Notice(
            purpose="reply", text="x", state="sent", sent_by="wechat", receipt="200163836", created=clock.now()
        )
        session.add(row)
        session.flush()
        number = row.id
    from connectors import xml

    file = Path(__file__).parents[1] / "data" / "wechat" / "official" / "event-TEMPLATESENDJOBFINISH.xml"
    for status in ("success", "failed:user block"):
        source = file.read_text("utf-8").replace("success", status).replace("1395658920", f"139565892{len(status)}")
        accept_now(messages.read(xml.read(source)["xml"], source, "main"))
        assert keep_promises("wechat.delivered") == 1
        with db.read() as session:
            kept = session.get_one(Notice, number)
            assert (kept.state, kept.error) == (
                ("delivered", "") if status == "success" else ("failed", "failed:user block")
            )


def test_processes_share_a_token_and_one_of_them_renews_it(server: WeChatServer, redis_server: str) -> None:
    """Two clients with nothing in common but Redis, as two processes have; eight threads at once."""
    apis = [client.Api(server.url, "/cgi-bin/token", {"appid": "wxappid", "secret": "wxsecret"}, 5.0) for _ in range(2)]
    body = {"touser": "openid-1", "msgtype": "text", "text": {"content": "x"}}

    def storm() -> None:
        errors: list[Exception] = []

        def one(api: client.Api) -> None:
            try:
                api.call("/cgi-bin/message/custom/send", body)
            except Exception as error:
                errors.append(error)

        threads = [threading.Thread(target=one, args=(apis[n % 2],)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not errors

    storm()
    assert server.account.tokens_given == 1
    server.account.expired.add(server.account.token)
    storm()
    assert server.account.tokens_given == 2


@pytest.fixture
def redis_server(installation: Path) -> Iterator[str]:
    """A Redis of our own, as ``hotline up`` starts it."""
    import time

    from core import redis as core_redis

    directory = installation.absolute()
    directory.mkdir(parents=True, exist_ok=True)
    socket = settings.get(settings.CoreSettings).redis_socket
    process = subprocess.Popen(
        core_redis.server_command(directory, socket), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    core_redis.connection.cache_clear()
    deadline = time.monotonic() + 10
    while not socket.exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    yield str(socket)
    core_redis.connection(timeout=2.0).close()
    core_redis.connection.cache_clear()
    process.terminate()
    process.wait(10)


def test_an_attachment_is_named_by_what_it_is() -> None:
    from connectors.media import Fetched, kept

    claimed = Attachment(name="image-1.jpg", type="image/jpeg", size=0, remote="media:1")
    png = kept(claimed, Fetched(content=b"\x89PNG\r\n\x1a\n" + b"\0" * 20, type="image/jpeg"))
    assert (png.name, png.type) == ("image-1.png", "image/png")
