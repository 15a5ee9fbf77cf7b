"""hotline asr as a process: killed in the middle of a call, told to stop, started twice."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest

from asr import AsrSettings, Final, Listening
from asr.client import connect
from asr.files import read_audio
from core.errors import Unavailable

MODEL = os.environ.get("HOTLINE_ASR_MODEL", "")
CALL = Path(__file__).parent.parent / "data" / "speech" / "w1-015.wav"
PIECE = 3_200  # 100 ms

pytestmark = [
    pytest.mark.recogniser,
    pytest.mark.skipif(not MODEL, reason="HOTLINE_ASR_MODEL is not set: no speech model to test with"),
]


@asynccontextmanager
async def recogniser(config: AsrSettings, *, ready: bool = True) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        "from asr.commands import app; app()",
        "serve",
        env={**os.environ, "HOTLINE_ASR_SOCKET": config.socket, "HOTLINE_ENV_FILE": ""},
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        if ready:
            async with asyncio.timeout(60):
                await listening(config, process)
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def listening(config: AsrSettings, process: asyncio.subprocess.Process) -> None:
    while process.returncode is None:
        try:
            async with connect(config=config):
                return
        except Unavailable:
            await asyncio.sleep(0.05)
    raise AssertionError("the recogniser ended")


@pytest.fixture
def config(tmp_path: Path) -> AsrSettings:
    return AsrSettings(socket=str(tmp_path / "asr.sock"), reconnect_seconds=60, max_behind_seconds=60)


async def test_a_call_survives_the_recognisers_death_with_all_its_words(config: AsrSettings) -> None:
    audio = b"".join(read_audio(CALL))[: 12 * 32_000]
    pieces = [audio[start : start + PIECE] for start in range(0, len(audio), PIECE)]
    async with recogniser(config) as first:
        async with connect(Listening(leg="caller"), config=config) as whole:
            for piece in pieces:
                await whole.send(piece)
            await whole.finish()
            expected = [one async for one in whole if isinstance(one, Final)]
        async with connect(Listening(leg="caller"), config=config) as stream:
            for piece in pieces[:70]:
                await stream.send(piece)
            await anext(stream)  # it is at work
            first.send_signal(signal.SIGKILL)
            await first.wait()
            for piece in pieces[70:90]:
                await stream.send(piece)
            async with recogniser(config):
                for piece in pieces[90:]:
                    await stream.send(piece)
                await stream.finish()
            heard = [one async for one in stream if isinstance(one, Final)]
    assert [(one.text, one.start, one.end) for one in heard] == [(one.text, one.start, one.end) for one in expected]


async def test_sigterm_answers_the_last_words_and_ends_cleanly(config: AsrSettings) -> None:
    audio = b"".join(read_audio(CALL))[: 4 * 32_000]
    async with (
        recogniser(config) as process,
        aiohttp.ClientSession(connector=aiohttp.UnixConnector(config.socket)) as http,
        http.ws_connect("ws://asr/") as socket,
    ):
        await socket.send_bytes(audio)
        assert (await socket.receive_json(timeout=60))["partial"]
        process.terminate()
        assert (await socket.receive_json(timeout=60))["text"]
        assert (await socket.receive(timeout=60)).data == aiohttp.WSCloseCode.GOING_AWAY
        async with asyncio.timeout(60):
            assert await process.wait() == 0


async def test_a_second_process_leaves_the_first_alone(config: AsrSettings) -> None:
    async with recogniser(config) as first, recogniser(config, ready=False) as second:
        async with asyncio.timeout(60):
            assert await second.wait() != 0
        await listening(config, first)
