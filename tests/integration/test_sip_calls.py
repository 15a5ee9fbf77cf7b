"""Calls through the real front, controller and pjsua2 processes, with a recogniser that hears a script."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading

import numpy as np
import pytest

from connectors.sip.message import answer
from connectors.sip.recording import Recording, pcm_of
from core import blobs, outbox
from core.db import Database
from tests.support.rtp import rtp, silence, tone, voice_port
from tests.support.sip import DATA, controller, eventually, messages, peer, recogniser, sessions, softphone

pytestmark = pytest.mark.usefixtures("database", "blob_store")
SPEECH = tone(0.8) + silence(0.5)


@pytest.fixture(autouse=True)
def handlers() -> None:
    from connectors.sip.plugin import prepare

    prepare()


async def test_a_call_becomes_a_message_with_words_and_recording() -> None:
    async with recogniser(["空调不制冷", "我姓张"]), controller() as voice:
        told = await softphone(
            f"sip:400@127.0.0.1:{voice.front.port}", str(DATA / "call.wav"), "--caller", "13900001234"
        )
        assert [event["event"] for event in told] == ["dialing", "answered", "playing", "played", "ended"]
        [message] = await messages(1)
    assert message.channel == "sip"
    assert message.style == "call"
    assert (message.sender.kind, message.sender.value) == ("phone", "+8613900001234")
    assert message.text.startswith("空调不制冷")
    assert [word.text for word in message.words[:5]] == list("空调不制冷")
    assert message.text[message.words[3].offset] == "制"
    assert message.extra["called"] == "400"
    assert message.extra["outcome"] == "completed"
    assert 9_000 < message.extra["duration_ms"] < 11_000
    assert message.waits == ""
    assert len(pcm_of(message.recording)) == message.extra["duration_ms"] * 32


async def test_the_session_is_there_before_the_answer_and_turns_at_once(database: Database) -> None:
    async with recogniser(["第一句", "第二句"]), controller() as voice, peer() as caller, rtp() as stream:
        invite, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        [session] = sessions()
        assert session.state == "open"
        await stream.speak(SPEECH, voice_port(response))
        turns = await eventually(lambda: _turns(database))
        assert turns == ["第一句"]
        caller.send(caller.within("BYE", invite, response, 2), voice.front.port)
        assert (await caller.final()).status == 200
        await messages(1)


def _turns(database: Database) -> list[str]:
    from sqlalchemy import select

    from intake import TurnRow

    with database.read() as session:
        query = select(TurnRow.text).where(TurnRow.speaker == "customer").order_by(TurnRow.number)
        return list(session.scalars(query))


async def test_the_last_words_are_in_the_message_although_the_caller_hung_up() -> None:
    async with recogniser(["最后一句话"]), controller() as voice, peer() as caller, rtp() as stream:
        invite, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        await stream.speak(tone(1.0), voice_port(response))  # no pause after it: only the end brings the final
        caller.send(caller.within("BYE", invite, response, 2), voice.front.port)
        [message] = await messages(1)
        assert message.text == "最后一句话"
        assert not message.waits


async def test_without_a_recogniser_the_recording_waits() -> None:
    async with controller() as voice, peer() as caller, rtp() as stream:
        invite, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        await stream.speak(SPEECH, voice_port(response))
        caller.send(caller.within("BYE", invite, response, 2), voice.front.port)
        [message] = await messages(1)
    assert message.waits == "recognition"
    assert "录音等待识别" in message.problem
    assert len(blobs.store().get(message.recording)) > 1000


async def test_a_recording_that_waited_is_recognised_later(database: Database) -> None:
    from connectors.sip.recognition import recognise
    from tests.support import keep_promises

    async with controller() as voice, peer() as caller, rtp() as stream:
        invite, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        await stream.speak(SPEECH + silence(1.0), voice_port(response))
        caller.send(caller.within("BYE", invite, response, 2), voice.front.port)
        await messages(1)
    assert recognise.__module__ == "connectors.sip.recognition"
    async with recogniser(["洗衣机漏水"]):
        assert await asyncio.to_thread(keep_promises, "sip.recognise") == 1
    [message] = await messages(1)
    assert message.text == "洗衣机漏水"
    assert message.waits == ""
    assert [word.offset for word in message.words] == [0, 1, 2, 3, 4]


async def test_a_recogniser_that_dies_in_a_call_costs_nothing() -> None:
    async with controller() as voice, peer() as caller, rtp() as stream:
        async with recogniser(["听到的"]):
            invite, response = await caller.establish(voice.front.port, rtp_port=stream.port)
            await stream.speak(SPEECH, voice_port(response))
        await stream.speak(SPEECH, voice_port(response))
        caller.send(caller.within("BYE", invite, response, 2), voice.front.port)
        [message] = await messages(1)
    assert message.text == "听到的"
    assert message.waits == "recognition"  # what was said later is in the recording
    assert message.extra["duration_ms"] > 2_000


async def test_a_cancelled_call_is_a_missed_one() -> None:
    async with controller(ring_seconds=5) as voice, peer() as caller:
        invite = caller.invite()
        caller.send(invite, voice.front.port)
        await caller.get(wanted=lambda message: message.status == 180)
        await eventually(lambda: sessions())
        caller.send(caller.cancel(invite), voice.front.port)
        assert {(await caller.final()).status, (await caller.final()).status} == {200, 487}
        [message] = await messages(1)
    assert message.extra["outcome"] == "missed"
    assert "未接来电" in message.problem
    assert message.sender.value == "+8613900001234"


async def test_cancel_at_any_moment_leaves_the_system_alive() -> None:
    async with controller() as voice, peer() as caller:
        for pause in (0.0, 0.001, 0.005, 0.01, 0.02, 0.05):
            invite = caller.invite()
            caller.send(invite, voice.front.port)
            await asyncio.sleep(pause)
            caller.send(caller.cancel(invite), voice.front.port)
            answers = [await caller.get(wanted=lambda m: m.cseq[1] == "INVITE" and m.status >= 200)]
            if answers[0].status == 200:  # it was answered before: the caller hangs up then
                caller.send(caller.within("ACK", invite, answers[0], 1), voice.front.port)
                caller.send(caller.within("BYE", invite, answers[0], 2), voice.front.port)
        await eventually(lambda: voice.front.routes.free == 4)
        assert len(await messages(len(sessions()))) == len(sessions())
        _, response = await caller.establish(voice.front.port)
        assert response.status == 200


async def test_an_answer_that_nobody_confirms_is_taken_back() -> None:
    async with controller(confirm_seconds=2) as voice, peer() as caller:
        caller.send(caller.invite(), voice.front.port)
        assert (await caller.final()).status == 200
        bye = await caller.get(8, lambda message: message.method == "BYE")
        caller.send(answer(bye, 200, "OK"), voice.front.port)
        [message] = await messages(1)
        assert message.extra["outcome"] == "missed"
        await eventually(lambda: voice.front.routes.free == 4)
        dialogs = [await caller.establish(voice.front.port) for _ in range(4)]  # pjsua2 has let it go, too
        assert [response.status for _, response in dialogs] == [200] * 4


async def test_a_call_whose_voice_stops_is_ended() -> None:
    async with recogniser(["水管爆了"]), controller(no_audio_seconds=2) as voice, peer() as caller, rtp() as stream:
        _, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        await stream.speak(SPEECH, voice_port(response))
        bye = await caller.get(8, lambda message: message.method == "BYE")
        caller.send(answer(bye, 200, "OK"), voice.front.port)
        [message] = await messages(1)
    assert message.extra["outcome"] == "broken off"
    assert message.text == "水管爆了"


async def test_a_call_has_a_longest_length() -> None:
    config = {"max_call_seconds": 10, "no_audio_seconds": 60}
    async with controller(**config) as voice, peer() as caller:
        # The setting's least value is 10 s; the wait is the point of the test.
        await caller.establish(voice.front.port)
        bye = await caller.get(14, lambda message: message.method == "BYE")
        caller.send(answer(bye, 200, "OK"), voice.front.port)
        [message] = await messages(1)
    assert message.extra["outcome"] == "too long"


async def test_a_silent_call_is_called_back() -> None:
    async with recogniser([]), controller() as voice, peer() as caller, rtp() as stream:
        invite, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        await stream.speak(silence(1.0), voice_port(response))
        caller.send(caller.within("BYE", invite, response, 2), voice.front.port)
        [message] = await messages(1)
    assert message.extra["outcome"] == "silent"
    assert "无声" in message.problem
    assert message.waits == ""


async def test_keyed_digits_become_a_turn() -> None:
    async with recogniser([]), controller() as voice, peer() as caller, rtp() as stream:
        invite, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        await stream.speak(silence(0.3), voice_port(response))
        for digit in "139":
            await stream.key(digit, voice_port(response))
            await stream.speak(silence(0.1), voice_port(response))
        info = caller.within("INFO", invite, response, 2)
        info.headers.append(("content-type", "application/dtmf-relay"))
        info.body = b"Signal=7\r\nDuration=160\r\n"
        caller.send(info, voice.front.port)
        assert (await caller.final()).status == 200
        caller.send(caller.within("BYE", invite, response, 3), voice.front.port)
        [message] = await messages(1)
    assert message.text == "1397"


async def test_five_callers_over_four_lines() -> None:
    async with controller(retry_after=3) as voice, peer() as caller:
        dialogs = [await caller.establish(voice.front.port) for _ in range(4)]
        assert [response.status for _, response in dialogs] == [200] * 4
        _, refused = await caller.establish(voice.front.port)
        assert (refused.status, refused.get("retry-after")) == (503, "3")
        invite, response = dialogs[0]
        caller.send(caller.within("BYE", invite, response, 2), voice.front.port)
        await eventually(lambda: voice.front.routes.free == 1)
        _, response = await caller.establish(voice.front.port)
        assert response.status == 200


async def test_many_callers_over_several_processes() -> None:
    async with recogniser([]), controller(processes=3) as voice, peer() as caller, rtp() as stream:
        dialogs = [await caller.establish(voice.front.port, rtp_port=stream.port) for _ in range(12)]
        assert len({voice_port(response) for _, response in dialogs}) == 12
        await asyncio.gather(*(stream.speak(tone(1.0), voice_port(response)) for _, response in dialogs[:1]))
        for number, (invite, response) in enumerate(dialogs):
            assert response.status == 200, number
            caller.send(caller.within("BYE", invite, response, 2), voice.front.port)
        assert len(await messages(12)) == 12
        await eventually(lambda: voice.front.routes.free == 12)


async def test_a_process_that_is_killed_ends_its_calls_and_is_replaced() -> None:
    async with recogniser(["燃气泄漏"]), controller() as voice, peer() as caller, rtp() as stream:
        _, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        await stream.speak(SPEECH, voice_port(response))
        assert voice.crew is not None
        [member] = voice.crew.members.values()
        os.kill(member.pid, signal.SIGKILL)
        bye = await caller.get(5, lambda message: message.method == "BYE")
        caller.send(answer(bye, 200, "OK"), voice.front.port)
        [message] = await messages(1)
        assert message.extra["outcome"] == "broken off"
        assert message.text == "燃气泄漏"
        assert message.extra["duration_ms"] > 1_000
        await eventually(lambda: voice.front.routes.free == 4)
        _, response = await caller.establish(voice.front.port)
        assert response.status == 200


async def test_torture_messages_leave_it_alive() -> None:
    async with controller(confirm_seconds=2) as voice, peer() as caller:
        for path in sorted((DATA / "rfc4475").glob("*.dat")):
            caller.send(path.read_bytes(), voice.front.port)
            await asyncio.sleep(0.01)
        while not await caller.nothing(0.3):
            pass
        await eventually(lambda: voice.front.routes.free > 0, 10)
        assert voice.crew is not None
        assert [name.partition(".")[2] for name in voice.crew.members] == ["1"]  # no process had to be replaced
        caller.send(caller.request("OPTIONS"), voice.front.port)
        assert (await caller.final()).status == 200


async def test_stopping_ends_running_calls_into_messages() -> None:
    async with recogniser(["还没说完"]), controller() as voice, peer() as caller, rtp() as stream:
        _, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        await stream.speak(tone(1.0), voice_port(response))
        stopping = asyncio.create_task(voice.stop())
        bye = await caller.get(5, lambda message: message.method == "BYE")
        caller.send(answer(bye, 200, "OK"), voice.front.port)
        await stopping
        [message] = await messages(1)
    assert message.text == "还没说完"


def test_handlers_are_known() -> None:
    assert outbox.handler_of("sip.recognise").queue == "bulk"


async def test_a_process_leaves_cleanly_with_calls_in_every_state() -> None:
    """An object kept past ``libDestroy`` aborts: the exit code would tell."""
    async with controller() as voice, peer() as caller:
        await caller.establish(voice.front.port)
        caller.send(caller.invite(), voice.front.port)  # answered, never acknowledged
        await caller.final()
        invite, response = await caller.establish(voice.front.port)
        caller.send(caller.within("BYE", invite, response, 2), voice.front.port)
        assert voice.crew is not None
        [member] = voice.crew.members.values()
        await voice.stop()
        assert member.exit_code == 0


CHECK = """
import sys
from pathlib import Path
from connectors.sip import ear
from connectors.sip.softphone import Softphone
with Softphone() as phone:
    assert phone.call(sys.argv[1], b"", after=1.0)
assert ear.Ear.checked and ear.Ear.read is ear._fast
"""


async def test_frames_are_read_the_fast_way() -> None:
    """Through ``bytes()`` each would cost 300 µs; the fast reading is compared with it once and kept if it is the same."""
    async with controller() as voice:
        uri = f"sip:400@127.0.0.1:{voice.front.port}"
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", CHECK, uri, stdout=asyncio.subprocess.DEVNULL
        )
        assert await process.wait() == 0


async def test_nothing_of_the_beginning_or_the_end_is_lost() -> None:
    """The jitter buffer holds 100 ms when the BYE comes."""
    async with controller(dialog="none") as voice, peer() as caller, rtp() as stream:
        invite, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        await stream.speak(tone(1.5), voice_port(response))
        caller.send(caller.within("BYE", invite, response, 2), voice.front.port)
        [message] = await messages(1)
    heard = np.frombuffer(pcm_of(message.recording), dtype="<i2").astype(float)
    pieces = heard[: len(heard) // 320 * 320].reshape(-1, 320)
    loud = np.sqrt((pieces**2).mean(axis=1)) > 1000
    # Of 75 pieces of 20 ms. A machine that stalls lets the jitter buffer conceal a few more; none may be missing.
    assert 73 <= loud.sum() <= 85


async def test_a_disk_that_stalls_is_not_asked_again_and_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call speaks 25 times a second; each piece must not wait for the disk in a thread of its own."""
    free, asked = threading.Event(), []

    def stalled(recording: Recording) -> None:
        asked.append(recording)
        free.wait(20)
        recording._unsynced = 0

    monkeypatch.setattr(Recording, "sync", stalled)
    monkeypatch.setattr("connectors.sip.recording.SYNC_BYTES", 3_200)
    async with controller(dialog="none") as voice, peer() as caller, rtp() as stream:
        invite, response = await caller.establish(voice.front.port, rtp_port=stream.port)
        await stream.speak(tone(2.0), voice_port(response))
        assert len(asked) == 1
        free.set()
        await stream.speak(tone(0.5), voice_port(response))
        assert len(asked) > 1  # and goes on when it is done
        caller.send(caller.within("BYE", invite, response, 2), voice.front.port)
        [message] = await messages(1)
    assert message.extra["duration_ms"] > 2_000


async def test_a_process_that_hangs_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.sip.crew.SILENT_SECONDS", 2.0)
    async with controller() as voice, peer() as caller:
        await caller.establish(voice.front.port)
        assert voice.crew is not None
        [member] = voice.crew.members.values()
        os.kill(member.pid, signal.SIGSTOP)
        bye = await caller.get(8, lambda message: message.method == "BYE")
        caller.send(answer(bye, 200, "OK"), voice.front.port)
        await eventually(lambda: voice.front.routes.free == 4)
        assert [message.extra["outcome"] for message in await messages(1)] == ["broken off"]
