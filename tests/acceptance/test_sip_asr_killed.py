"""SIGKILL of ``hotline asr`` in the middle of a call: the call goes on, its recording is whole, its words come later, and it is
one message."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from asr import AsrSettings
from asr.client import connect
from connectors.sip.plugin import prepare
from connectors.sip.recording import pcm_of
from core import settings
from core.errors import Unavailable
from tests.support import keep_promises
from tests.support.sip import controller, eventually, messages, sessions, softphone

MODEL = os.environ.get("HOTLINE_ASR_MODEL", "")
CALL = Path(__file__).parent.parent / "data" / "speech" / "w1-015.wav"
SECONDS = 20.0

pytestmark = [
    pytest.mark.usefixtures("database", "blob_store"),
    pytest.mark.recogniser,
    pytest.mark.slow,
    pytest.mark.skipif(not MODEL, reason="HOTLINE_ASR_MODEL is not set: no speech model to test with"),
]


@contextlib.asynccontextmanager
async def recogniser(socket: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """The real process, once it listens."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "app.cli", "asr", "serve"),
        env={**os.environ, "HOTLINE_ASR_SOCKET": socket},
        stderr=asyncio.subprocess.DEVNULL,
    )
    try:
        async with asyncio.timeout(60):
            while True:
                assert process.returncode is None
                try:
                    async with connect():
                        break
                except Unavailable:
                    await asyncio.sleep(0.1)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_call_outlives_its_recogniser(tmp_path: Path) -> None:
    prepare()
    socket = str(tmp_path / "asr.sock")
    settings.use(AsrSettings(socket=socket, reconnect_seconds=2))
    async with controller(dialog="none") as voice:
        async with recogniser(socket) as process:
            phone = asyncio.create_task(
                softphone(f"sip:400@127.0.0.1:{voice.front.port}", str(CALL), "--caller", "13900001234")
            )
            await eventually(sessions, 15)
            await asyncio.sleep(SECONDS / 3)  # the moment does not matter, as long as it is inside
            process.kill()
            await process.wait()
        told = await phone
        assert "played" in [event["event"] for event in told]
        [message] = await messages(1)
        assert message.extra["outcome"] == "completed"
        assert message.waits == "recognition"
        seconds = len(pcm_of(message.recording)) / 32_000
        assert abs(seconds - message.extra["duration_ms"] / 1000) < 0.2
        async with recogniser(socket):
            assert await asyncio.to_thread(keep_promises, "sip.recognise") == 1
        [message] = await messages(1)
    assert message.waits == ""
    assert len(sessions()) == 1
    assert message.words[-1].start > SECONDS / 2 * 1000  # what was said after the recogniser's death is there too
    assert len(message.text) > 20
