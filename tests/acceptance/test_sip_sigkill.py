"""SIGKILL of ``hotline voice`` in the middle of a call: the turns and the recording are there, and one message of them."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from sqlalchemy import select

from connectors.sip.plugin import prepare
from connectors.sip.recording import pcm_of
from core import blobs, db
from core.db import Database
from intake import TurnRow, end_orphans
from tests.support.agents import agent, sending, strength, telephone
from tests.support.rtp import rtp, silence, tone, voice_port
from tests.support.sip import Peer, eventually, free_rtp_port, messages, peer, recogniser, sessions
from tests.support.system import free_port
from ticketing import Phone

pytestmark = pytest.mark.usefixtures("blob_store")


class Voice:
    """``hotline voice`` as the supervisor starts it."""

    def __init__(self, data: Path, database: Database, **more: str) -> None:
        self.port = free_port(kind=2)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "app.cli", "voice"],
            env={
                **os.environ,
                "HOTLINE_DATA_DIR": str(data),
                "HOTLINE_DATABASE_URL": database.url.render_as_string(hide_password=False),
                "HOTLINE_SIP_PORT": str(self.port),
                "HOTLINE_SIP_PROCESSES": "1",
                "HOTLINE_SIP_RTP_PORT": str(free_rtp_port()),
                "HOTLINE_SIP_MIN_FREE_MB": "0",
                "HOTLINE_LOG_LEVEL": "WARNING",
                **more,
            },
        )

    async def answers(self, caller: Peer) -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            caller.send(caller.request("OPTIONS"), self.port)
            if not await caller.nothing(0.3):
                return
            if self.process.poll() is not None:
                break
        raise AssertionError("hotline voice does not answer")

    def children(self) -> list[int]:
        found = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(pid) for pid in found.split()]


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def kept_turns() -> int:
    with db.read() as session:
        return len(session.scalars(select(TurnRow.id)).all())


@pytest.mark.slow
@pytest.mark.parametrize("after", ["answer", "words"])
async def test_a_killed_voice_process_loses_nothing(installation: Path, database: Database, after: str) -> None:
    prepare()
    async with recogniser(["空调坏了", "听不到"]), peer() as caller, rtp() as stream:
        voice = Voice(installation, database)
        try:
            await voice.answers(caller)
            # The process's lines may take a moment longer than its front.
            for _ in range(50):
                _, response = await caller.establish(voice.port, rtp_port=stream.port)
                if response.status == 200:
                    break
                await asyncio.sleep(0.2)
            children = voice.children()
            if after == "words":
                await stream.speak(tone(0.8) + silence(0.6) + tone(0.5), voice_port(response))
                await eventually(kept_turns)  # what is promised is that a turn once kept stays
            else:
                await stream.speak(silence(0.3), voice_port(response))
            voice.process.send_signal(signal.SIGKILL)
            voice.process.wait()
            assert children
            await eventually(lambda: not any(alive(pid) for pid in children))  # nobody goes on answering unheard
            [session] = sessions()
            assert session.state == "open"
            assert await asyncio.to_thread(end_orphans, timedelta(0)) == 1
            assert await asyncio.to_thread(end_orphans, timedelta(0)) == 0
        finally:
            voice.process.kill()
            voice.process.wait()
    [message] = await messages(1)
    assert message.sender.value == "+8613900001234"
    assert message.extra["outcome"] == "broken off"
    if after == "words":
        assert message.text == "空调坏了"
        assert message.waits == "recognition"  # the words after the last turn are in the recording
        assert len(pcm_of(message.recording)) > 32_000
        assert not list((installation / "recordings").iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("killed", ["voice", "line"])
async def test_what_two_people_said_outlives_their_processes(
    installation: Path, database: Database, killed: str
) -> None:
    """SIGKILL of `hotline voice`, or of the pjsua2 process that carries both, while a caller talks with an agent."""
    prepare()
    script = {"customer": ["转人工", "空调不制冷", "听不到"], "agent": ["您好请讲", "听不到"]}
    async with recogniser(script), telephone() as phone, peer() as caller, rtp() as stream:
        wang = agent("wang", phone.address)
        voice = Voice(installation, database, HOTLINE_PEOPLE_PHONES_AT='["127.0.0.1"]')
        try:
            await voice.answers(caller)
            for _ in range(50):
                _, response = await caller.establish(voice.port, rtp_port=stream.port)
                if response.status == 200:
                    break
                await asyncio.sleep(0.2)
            port = voice_port(response)
            await stream.speak(tone(0.8, 400) + silence(0.6), port)
            async with sending(stream, port):
                await phone.answers(40)
            async with phone.silent():
                await stream.speak(tone(0.8, 400) + silence(0.6), port)
                await eventually(lambda: said("customer")[1:])
            async with sending(stream, port):
                await phone.speaks(tone(0.8, 900) + silence(0.6))
                await eventually(lambda: said("agent"))
            async with sending(stream, port, tone(0.1, 400)), sending(phone.stream, voice_port(phone.invite)):
                await asyncio.sleep(0.5)
                if killed == "voice":
                    voice.process.send_signal(signal.SIGKILL)
                    voice.process.wait()
                else:
                    os.kill(voice.children()[0], signal.SIGKILL)
                    await asyncio.gather(phone.is_hung_up(), caller.get(10, lambda message: message.method == "BYE"))
            if killed == "voice":
                assert await asyncio.to_thread(end_orphans, timedelta(0)) == 1
            [message] = await messages(1)
        finally:
            voice.process.kill()
            voice.process.wait()
    assert message.text.startswith("转人工\n空调不制冷")
    assert message.extra["outcome"] == "broken off"
    spoken = [(one["speaker"], one["text"]) for one in message.extra["conversation"]]
    assert {("customer", "空调不制冷"), ("agent", "您好请讲")} <= set(spoken)
    line = next(one for one in message.extra["conversation"] if one["text"] == "您好请讲")
    # A controller that lives has put the recording into its own store.
    store = blobs.using(blobs.DirectoryBlobs(installation / "blobs")) if killed == "line" else contextlib.nullcontext()
    with store:
        left, right = (
            np.frombuffer(pcm_of(message.recording, leg), dtype="<i2").astype(float) for leg in ("customer", "agent")
        )
    assert strength(right[line["start"] * 16 : line["end"] * 16], 900, 16_000) > 1000
    assert strength(left[-8000:], 400, 16_000) > 500  # what was said last is in the recording
    assert message.extra["people"]["talked"][0]["agent"] == wang
    # A controller that lives keeps the last words; those of a dead one are recognised later.
    assert (message.waits == "recognition") == (killed == "voice")
    with db.read() as session:
        assert session.get_one(Phone, wang).call is None  # she can be rung again


def said(speaker: str) -> list[str]:
    with db.read() as session:
        return list(session.scalars(select(TurnRow.text).where(TurnRow.speaker == speaker).order_by(TurnRow.number)))
