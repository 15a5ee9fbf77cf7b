"""Small parts of the telephone: callers, numbers, recordings, endings, frames, admission."""

from __future__ import annotations

import struct
import tracemalloc
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pjsua2 as pj
import pytest
import soundfile
from structlog.testing import CapturingLogger

from asr import Final
from connectors.sip import ending, wire
from connectors.sip.caller import called_of, caller_of, normalise
from connectors.sip.digits import Keypad
from connectors.sip.hearing import Hearing
from connectors.sip.message import SipMessage
from connectors.sip.plugin import prepare
from connectors.sip.prompts import load, text_of
from connectors.sip.recording import Recording, forget, forget_kept, keep, path_of, pcm_of
from connectors.sip.settings import PeopleSettings, SipSettings
from connectors.sip.targets import uri_of
from connectors.sip.track import Track
from connectors.sip.worker import Call as WorkerCall
from core import db, settings
from core.blobs import DirectoryBlobs
from core.db import Database
from core.errors import Damaged, Forbidden, InvalidInput
from core.sealing import SealedWriter
from intake import HeardTurn, Message, MessageRow, Sender, append_turn, end_session, message_of, open_session
from intake.dialog import load_script
from tests.support.sip import recogniser

SESSION = "0123456789abcdef0123456789abcdef"


@pytest.mark.parametrize(
    ("number", "wanted"),
    [
        ("13900001234", "+8613900001234"),
        ("+8613900001234", "+8613900001234"),
        ("008613900001234", "+8613900001234"),
        ("8613900001234", "+8613900001234"),
        ("02988880000", "+862988880000"),
        ("+14155552671", "+14155552671"),
        ("8001", "8001"),
        ("alice", "alice"),
        ("", ""),
    ],
)
def test_numbers(number: str, wanted: str) -> None:
    assert normalise(number) == wanted


def invite(**headers: str) -> SipMessage:
    message = SipMessage("INVITE", "sip:4008001@192.0.2.1")
    message.headers = [(name.replace("_", "-"), value) for name, value in headers.items()]
    return message


def test_the_network_knows_better_than_the_caller() -> None:
    said = {"from": "<sip:110@x>;tag=1"}
    assert caller_of(invite(**said)).number == "110"
    asserted = caller_of(invite(**said, p_asserted_identity='"张三" <sip:+8613900001234@x>, <tel:+8613900001234>'))
    assert (asserted.number, asserted.name, asserted.asserted) == ("+8613900001234", "张三", True)
    assert caller_of(invite(**said, remote_party_id="<sip:13900001234@x>;party=calling")).asserted


@pytest.mark.parametrize("value", ["<sip:anonymous@anonymous.invalid>;tag=1", "broken <<", "", "<sip:Unavailable@x>"])
def test_a_withheld_number_is_empty(value: str) -> None:
    assert caller_of(invite(**{"from": value})).number == ""


def test_the_called_number_is_the_requests() -> None:
    assert called_of(invite(to="<sip:other@x>")) == "4008001"


def test_a_recording_survives_and_becomes_flac(tmp_path: Path, blob_store: Any) -> None:
    recording = Recording(tmp_path / "r", SESSION)
    pcm = (1000 * np.sin(np.arange(32_000) / 10)).astype("<i2").tobytes()
    recording.write(pcm)
    assert recording.ms == 2000
    assert recording.path.stat().st_size > len(pcm)  # on disk before it is closed,
    assert pcm[:64] not in recording.path.read_bytes()  # and sealed
    with recording.path.open("ab") as torn:
        torn.write(b"\x01")  # half a record: the process was killed while it wrote
    reference, ms = keep(recording.path)
    assert ms == 2000
    assert pcm_of(reference) == pcm
    assert blob_store.get(reference)[:4] == b"fLaC"
    forget(recording.path)
    assert keep(recording.path) == ("", 0)
    recording.close()
    recording.write(b"\0\0")  # a closed file never raises into the call
    assert recording.ms == 2000


@pytest.mark.parametrize("name", ["../../etc/passwd", "", "0" * 31, SESSION + "/x"])
def test_only_sessions_have_recordings(name: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError):
        path_of(tmp_path, name)


def test_frames_come_out_as_they_went_in() -> None:
    data = wire.pack({"event": "a", "text": "中"}) + wire.pack_voice(7, b"\1\2") + wire.pack_prompt(7, 9, b"\3\4")
    unpacker = wire.Unpacker()
    events = [event for at in range(len(data)) for event in unpacker.feed(data[at : at + 1])]
    assert events == [
        {"event": "a", "text": "中"},
        {"event": "voice", "call": 7, "pcm": b"\1\2"},
        {"event": "prompt", "call": 7, "token": 9, "pcm": b"\3\4"},
    ]
    with pytest.raises(ValueError):
        list(wire.Unpacker().feed(struct.pack(">IB", 5, 77) + b"abcde"))


async def test_digits_are_gathered_until_the_hash() -> None:
    turns: list[HeardTurn] = []

    async def typed(turn: HeardTurn) -> None:
        turns.append(turn)

    keypad = Keypad(typed)
    for at, digit in enumerate("139x#"):
        keypad.press(digit, at * 100)
    await keypad.flush(900)
    assert [(turn.text, turn.start, turn.end) for turn in turns] == [("139", 0, 400)]


def test_every_prompt_of_the_dialog_can_be_heard() -> None:
    config = SipSettings()
    for name in [*load_script().prompts, *(f"digit_{digit}" for digit in range(10))]:
        voice = load(name, config)
        assert len(voice) > 32_000 * 0.2, name
        assert np.abs(np.frombuffer(voice, dtype="<i2").astype(int)).max() > 4000, name
    assert text_of("greeting").startswith("您好")


def test_own_prompts_replace_ours(tmp_path: Path) -> None:
    soundfile.write(tmp_path / "greeting.wav", np.zeros(8000), 8000)
    (tmp_path / "thanks.wav").write_bytes(b"no sound")
    config = SipSettings(prompts_dir=tmp_path)
    assert len(load("greeting", config)) == 32_000
    assert load("thanks", config) == b""
    assert load("right", config) == load("right", SipSettings())


def ended(outcome: str, facts: dict[str, Any], *turns: HeardTurn) -> Message:
    prepare()
    sender = Sender(kind="phone", value="+8613900001234")
    session_id = open_session("sip", "call", sender, owner="test", facts={"called": "400"})
    for turn in turns:
        append_turn(session_id, turn)
    acceptance = end_session(session_id, outcome, facts)
    assert acceptance is not None
    with db.read() as session:
        return message_of(session.get_one(MessageRow, acceptance.message_id))


def test_only_the_callers_words_are_the_message(database: Database) -> None:
    message = ended(
        "completed",
        {"complete": True, "duration_ms": 4000},
        HeardTurn(speaker="system", text="您好", expects="open"),
        HeardTurn(speaker="customer", text="空调坏了", words=[("空调", 100, 500, 0.9), ("坏了", 500, 900, 0.8)]),
        HeardTurn(speaker="customer", text="姓张", words=[("姓张", 1500, 1900, 0.7)]),
    )
    assert message.text == "空调坏了\n姓张"
    assert [(word.text, word.offset, word.start) for word in message.words] == [
        ("空调", 0, 100),
        ("坏了", 2, 500),
        ("姓张", 5, 1500),
    ]
    assert (message.waits, message.problem, message.extra["called"]) == ("", "", "400")


@pytest.mark.parametrize(
    ("outcome", "facts", "word", "waits"),
    [
        ("missed", {"complete": True}, "未接", ""),
        ("completed", {"complete": True}, "无声", ""),
        ("broken off", {"complete": True}, "中断", ""),
        ("completed", {"complete": False, "recording": "0" * 64, "duration_ms": 5000}, "等待识别", "recognition"),
        ("completed", {"complete": False, "recording": "0" * 64, "duration_ms": 100}, "无声", ""),
    ],
)
def test_what_the_agent_is_told(database: Database, outcome: str, facts: dict[str, Any], word: str, waits: str) -> None:
    message = ended(outcome, facts)
    assert word in message.problem
    assert message.waits == waits
    assert bool(message.promises) == bool(waits)


def test_raw_files_that_were_kept_are_removed_at_the_next_start(
    database: Database, blob_store: Any, tmp_path: Path
) -> None:
    prepare()
    sender = Sender(kind="phone", value="")
    done, open_ = (open_session("sip", name, sender, owner="test") for name in ("a", "b"))
    for session_id in (done, open_):
        path_of(tmp_path, session_id).write_bytes(b"\1\0" * 16_000)
    reference, ms = keep(path_of(tmp_path, done))
    end_session(done, "completed", {"recording": reference, "duration_ms": ms, "complete": True})
    assert forget_kept(tmp_path) == 1
    assert [path.stem for path in tmp_path.glob("*.pcm")] == [open_]


def test_calls_without_a_voice_leave_no_file(database: Database, blob_store: Any, tmp_path: Path) -> None:
    prepare()
    directory = settings.get(SipSettings).recordings
    session_id = open_session("sip", "missed", Sender(kind="phone", value=""), owner="test")
    Recording(directory, session_id).close()
    end_session(session_id, "missed", {"recording": "", "duration_ms": 0})
    assert list(directory.iterdir()) == []


def test_empty_files_are_removed_at_the_next_start_and_voices_stay(
    database: Database, blob_store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prepare()
    monkeypatch.setattr("connectors.sip.recording.BATCH", 2)
    sender = Sender(kind="phone", value="")
    names = ["empty", "with an agent", "never begun", "voice", "agent alone", "goes on"]
    ids = {name: open_session("sip", name, sender, owner="test") for name in names}
    for name, session_id in ids.items():
        legs = ["customer", "agent"] if "agent" in name else ["customer"]
        for leg in legs:
            recording = Recording(tmp_path, session_id, leg)
            if (name, leg) in (("voice", "customer"), ("agent alone", "agent")):
                recording.write(b"\1\0" * 100)
            recording.close()
        if name != "goes on":
            end_session(session_id, "missed", {})
    path_of(tmp_path, ids["never begun"]).write_bytes(b"")
    assert forget_kept(tmp_path) == 3
    left = {path.name.partition(".")[0] for path in tmp_path.glob("*.pcm")}
    assert left == {ids["voice"], ids["agent alone"], ids["goes on"]}


@pytest.mark.parametrize("damage", ["changed", "no sound", "cut before it was sealed"])
def test_a_kept_recording_that_cannot_be_decoded_is_our_error(
    tmp_path: Path, blob_store: DirectoryBlobs, capfd: pytest.CaptureFixture[str], damage: str
) -> None:
    recording = Recording(tmp_path, SESSION)
    recording.write(np.random.default_rng(1).integers(-3000, 3000, 16_000 * 60, dtype=np.int16).tobytes())
    recording.close()
    reference, _ = keep(recording.path)
    if damage == "changed":
        path = blob_store.root / reference[:2] / reference[2:4] / reference
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] + bytes([whole[len(whole) // 2] ^ 1]) + whole[len(whole) // 2 + 1 :])
    elif damage == "no sound":
        reference = blob_store.put(b"RIFF and more")
    else:
        reference = blob_store.put(blob_store.get(reference)[:500_000])
    with pytest.raises(Damaged):
        pcm_of(reference)
    assert "Traceback" not in capfd.readouterr().err


def test_a_disk_that_is_full_while_the_sound_is_packed_is_an_error(
    tmp_path: Path, blob_store: DirectoryBlobs, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    recording = Recording(tmp_path, SESSION)
    recording.write(np.random.default_rng(1).integers(-3000, 3000, 16_000 * 60, dtype=np.int16).tobytes())
    recording.close()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(SealedWriter, "_seal", full)
    with pytest.raises(OSError, match="No space"):
        keep(recording.path)
    assert list(blob_store) == []
    assert "Traceback" not in capfd.readouterr().err


def test_a_long_recording_is_read_without_being_held_twice(tmp_path: Path, blob_store: DirectoryBlobs) -> None:
    for leg in ("customer", "agent"):
        recording = Recording(tmp_path, SESSION, leg)
        recording.silence(600 * 32_000)
        recording.write(b"\1\0" * 16_000)
        recording.close()
    reference, _ = keep(path_of(tmp_path, SESSION))
    tracemalloc.start()
    try:
        pcm = pcm_of(reference, "agent")
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(pcm) == 601 * 32_000
    assert most < len(pcm) * 1.5


def test_a_raw_recording_of_an_older_version_is_kept_too(tmp_path: Path, blob_store: Any) -> None:
    path = path_of(tmp_path, SESSION)
    path.write_bytes(b"\5\0" * 16_000 + b"\1")
    reference, ms = keep(path)
    assert ms == 1000
    assert pcm_of(reference) == b"\5\0" * 16_000


def test_a_pause_is_silence_in_the_recording_and_what_was_said_before_can_be_made_so(
    tmp_path: Path, blob_store: Any
) -> None:
    recording = Recording(tmp_path, SESSION)
    recording.write(b"\1\0" * 16_000)
    recording.paused = True
    recording.write(b"\2\0" * 16_000)
    recording.paused = False
    recording.write(b"\3\0" * 16_000)
    recording.blank(500, 750)
    reference, ms = keep(recording.path)
    recording.close()
    assert ms == 3000
    quiet = b"\0\0"
    assert pcm_of(reference) == (b"\1\0" * 8_000 + quiet * 4_000 + b"\1\0" * 4_000 + quiet * 16_000 + b"\3\0" * 16_000)
    assert b"\2\0\2\0" not in recording.path.read_bytes()


def test_an_agent_s_voice_is_the_right_channel(tmp_path: Path, blob_store: object) -> None:
    session_id = "c" * 32
    caller, agent = Recording(tmp_path, session_id), Recording(tmp_path, session_id, "agent")
    caller.write(b"\1\0" * 48_000)
    agent.write(b"\0\0" * 16_000 + b"\7\0" * 16_000)  # shorter: the agent hung up first
    caller.close()
    agent.close()
    reference, ms = keep(path_of(tmp_path, session_id))
    assert ms == 3000
    assert pcm_of(reference) == b"\1\0" * 48_000
    assert pcm_of(reference, "agent") == b"\0\0" * 16_000 + b"\7\0" * 16_000 + b"\0\0" * 16_000
    forget(path_of(tmp_path, session_id))
    assert list(tmp_path.glob("*.pcm")) == []


def test_a_long_hold_is_silence_and_not_the_end_of_the_recording(tmp_path: Path, blob_store: object) -> None:
    caller = Recording(tmp_path, SESSION)
    track = Track(tmp_path, SESSION, caller)
    caller.write(b"\1\0" * 16_000)
    for _ in range(10):
        track.write(b"\2\0" * 16_000 * 60)  # the agent's side goes on, ten minutes
    lead = track.lead()
    assert lead == 599 * 32_000
    caller.silence(lead)
    caller.write(b"\3\0" * 16_000)
    agent = track.recording
    assert agent is not None
    for each in (caller, agent):
        each.close()
    reference, ms = keep(path_of(tmp_path, SESSION))
    assert ms == 601_000
    heard = np.frombuffer(pcm_of(reference), dtype="<i2")
    assert (heard[:16_000] == 1).all()
    assert not heard[16_000:-16_000].any()
    assert (heard[-16_000:] == 3).all()


def test_one_long_piece_is_kept_whole(tmp_path: Path, blob_store: object) -> None:
    recording = Recording(tmp_path, SESSION)
    recording.write(b"\1\0" * 16_000 * 600)  # 18 MiB
    recording.write(b"\2\0" * 16_000)
    recording.close()
    reference, ms = keep(recording.path)
    assert ms == 601_000
    assert pcm_of(reference)[-2:] == b"\2\0"


def test_a_recording_that_broke_keeps_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    caller = Recording(tmp_path, SESSION)
    track = Track(tmp_path, SESSION, caller)
    caller.write(bytes(32_000))

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(caller._log, "append", full)
    for _ in range(5):
        caller.write(bytes(32_000))
        track.write(bytes(32_000))
    assert (caller.broken, caller.ms) == (True, 6000)
    assert track.lead() == 0
    said = CapturingLogger()
    monkeypatch.setattr("connectors.sip.recording.logger", said)
    caller.blank(1000, 2000)
    assert [one.method_name for one in said.calls] == ["error"]
    for each in (caller, track.recording):
        assert each is not None
        each.close()


async def test_what_is_heard_after_a_long_silence_keeps_its_time() -> None:
    found: list[Final] = []

    async def final(one: Final) -> None:
        found.append(one)

    async with recogniser(["第一句", "第二句"]):
        hearing = Hearing(lambda partial: None, final)
        hearing.start()
        loud = (8000 * np.sin(np.arange(16_000) / 5)).astype("<i2").tobytes()
        hearing.feed(loud)
        hearing.silence(600 * 32_000)
        hearing.feed(loud)
        await hearing.finish(5)
    assert hearing.complete
    assert [one.text.replace(" ", "") for one in found] == ["第一句", "第二句"]
    assert found[0].start < 100
    assert found[1].start // 100 == 6010
    assert found[1].words[0].start // 100 == 6010
    assert found[1].end // 100 == 6020


async def test_an_utterance_that_cannot_be_kept_does_not_end_recognition() -> None:
    found: list[str] = []

    async def final(one: Final) -> None:
        found.append(one.text.replace(" ", ""))
        if len(found) == 1:
            raise OSError("the database is away")

    async with recogniser(["第一句", "第二句"]):
        hearing = Hearing(lambda partial: None, final)
        hearing.start()
        for _ in range(2):
            hearing.feed((8000 * np.sin(np.arange(16_000) / 5)).astype("<i2").tobytes())
            hearing.feed(bytes(32_000))
        await hearing.finish(5)
    assert found == ["第一句", "第二句"]
    assert not hearing.complete  # the recording is recognised later


@pytest.mark.parametrize("target", ["110", "119", "12345", "10086", "*21#", "95588", "+86110", "+8695588", "008612345"])
def test_short_numbers_of_the_network_are_no_extensions(target: str) -> None:
    people = PeopleSettings(trunk="pbx.example", extensions=("8???",))
    with pytest.raises((Forbidden, InvalidInput)):
        uri_of(target, SipSettings(), people)
    assert uri_of("8001", SipSettings(), people) == "sip:8001@pbx.example"
    assert uri_of("13900001234", SipSettings(), people) == "sip:13900001234@pbx.example"


def test_a_call_on_hold_has_no_place_in_the_bridge() -> None:
    media = SimpleNamespace(type=pj.PJMEDIA_TYPE_AUDIO, status=pj.PJSUA_CALL_MEDIA_ACTIVE)
    sound = SimpleNamespace(startTransmit=lambda to: None)
    call = SimpleNamespace(
        getInfo=lambda: SimpleNamespace(media=[media]),
        getAudioMedia=lambda index: sound,
        held=False,
        number=1,
        voice=None,
        ear=SimpleNamespace(startTransmit=lambda to: None),
        line=SimpleNamespace(tell=lambda event: None, join_again=lambda number: None),
    )
    WorkerCall.onCallMediaState(call, None)
    assert call.voice is sound
    media.status = pj.PJSUA_CALL_MEDIA_REMOTE_HOLD
    WorkerCall.onCallMediaState(call, None)
    assert call.voice is None  # pjmedia may give it to another call
    assert call.held


def test_a_recognised_recording_waits_no_more_and_all_else_stays_told() -> None:
    unsure = ending.UNSURE.format("地址", "address")
    parts = (ending.PROBLEMS["broken off"], ending.ASKED_BACK, ending.WAITING, unsure)
    assert ending.still_wrong(" · ".join(parts)) == " · ".join((parts[0], parts[1], unsure))
    assert ending.still_wrong(ending.WAITING) == ending.still_wrong("") == ""
