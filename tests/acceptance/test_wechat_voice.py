"""A WeChat voice message from the callback to its words, with a recogniser's process and a provider that keeps the media."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from asr import AsrSettings
from connectors.wechat import client, connector
from connectors.wechat.settings import WeChatSettings
from core import blobs, db, settings
from intake import MessageRow, message_of
from tests.support import keep_promises
from tests.support.web import serving
from tests.support.wechat_calls import Caller
from tests.support.wechat_server import WeChatServer

pytestmark = [
    pytest.mark.recogniser,
    pytest.mark.skipif(not os.environ.get("HOTLINE_ASR_MODEL"), reason="HOTLINE_ASR_MODEL is not set"),
    pytest.mark.skipif(shutil.which("ffmpeg") is None, reason="ffmpeg is not installed"),
    pytest.mark.usefixtures("database", "blob_store"),
]
VOICE = Path(__file__).parents[1] / "data" / "wechat" / "voice.amr"


@pytest.fixture
def recogniser(tmp_path: Path) -> Iterator[None]:
    socket = tmp_path / "asr.sock"
    process = subprocess.Popen(
        [sys.executable, "-c", "from asr.commands import app; app()", "serve"],
        env={**os.environ, "HOTLINE_ASR_SOCKET": str(socket), "HOTLINE_ENV_FILE": ""},
        stderr=subprocess.DEVNULL,
    )
    settings.use(AsrSettings(socket=str(socket), reconnect_seconds=60))
    deadline = time.monotonic() + 90
    while not socket.exists() and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


def test_what_was_said_is_understood_from_the_voice(recogniser: None) -> None:
    import asyncio

    client._api.cache_clear()
    with WeChatServer() as server:
        server.account.media["voice-1"] = (VOICE.read_bytes(), "audio/amr")
        settings.use(
            WeChatSettings(token=SecretStr("tok"), app_id="wxappid", secret=SecretStr("wxsecret"), api_url=server.url)
        )
        asyncio.run(call())
        assert keep_promises("wechat.media") == 1
        assert keep_promises("media.hear") == 1
    with db.read() as session:
        row = session.scalars(select(MessageRow)).one()
        message = message_of(row)
    assert not row.problem
    assert len(message.text) > 10
    assert all(message.text[word.offset :].startswith(word.text) for word in message.words)
    assert blobs.store().get(message.recording).startswith(b"RIFF")
    assert not message.waits


async def call() -> None:
    source = (
        "<xml><ToUserName>gh</ToUserName><FromUserName>openid-1</FromUserName><CreateTime>1795298028</CreateTime>"
        "<MsgType>voice</MsgType><MediaId>voice-1</MediaId><Format>amr</Format><MsgId>1</MsgId></xml>"
    )
    async with serving(connector.routes) as http:
        sent = Caller().plain(source)
        answer = await http.post("/wechat", params=sent.query, data=sent.body.encode())
        assert answer.status == 200
