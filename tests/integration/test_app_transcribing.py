"""``hotline transcribe --pending``: a call that came without a recogniser is completed by this process alone."""

from __future__ import annotations

import io
import shutil
from collections.abc import Iterator
from datetime import timedelta

import numpy as np
import pytest
import soundfile
from sqlalchemy import select

from app.commands import transcribing
from asr import commands as asr_commands
from asr import models
from connectors.media import HEAR
from connectors.voice_message import wav
from core import blobs, clock, db, outbox
from core.db import Database
from core.errors import ConfigurationError
from intake import Attachment, MessageRow, accept_now, understand
from tests.support import keep_promises
from tests.support.messages import message
from tests.support.spelling import SpellingEngine, spell
from tests.support.understanding import usual
from ticketing import Entry, Ticket


@pytest.fixture(autouse=True)
def told() -> Iterator[None]:
    understand.use(usual())
    yield
    understand.use(None)


def test_a_waiting_call_is_recognised_and_its_ticket_completed(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    sound = io.BytesIO()
    samples = np.frombuffer(spell(1, 2, 0, 0, 0, 0), dtype="<i2")
    soundfile.write(sound, samples, 16_000, format="FLAC", subtype="PCM_16")
    recording = blobs.store().put(sound.getvalue())
    accept_now(message("", channel="sip", sender="+8613911112222", waits="recognition", recording=recording))
    keep_promises("intake.understand")
    monkeypatch.setattr(asr_commands, "load_engine", SpellingEngine)
    assert transcribing.recognise_pending() == 1
    keep_promises("intake.understand")
    with db.read() as session:
        assert session.scalars(select(MessageRow)).one().state == "understood"
        assert len(session.scalars(select(Ticket)).all()) == 1
        entry = session.scalars(select(Entry)).one()
    assert entry.text == "w1 w2"
    assert [word[0] for word in entry.words] == ["w1", "w2"]
    assert transcribing.recognise_pending() == 0


def test_voice_messages_are_recognised_too_once_they_are_here(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    if shutil.which("ffmpeg") is None:
        pytest.skip("needs ffmpeg")
    sound = wav(spell(3, 4, 0, 0, 0, 0))
    voice = Attachment(name="voice.wav", type="audio/wav", size=len(sound), blob=blobs.store().put(sound))
    coming = Attachment(name="voice.amr", type="audio/amr", size=0, remote="media-1")
    here = accept_now(message("", waits="recognition", attachments=[voice])).message_id
    accept_now(message("", waits="recognition", attachments=[coming]))
    accept_now(message("", channel="sip", waits="recognition"))  # its recording is lost
    keep_promises("intake.understand")
    with db.write() as session:  # as when the file had been fetched and no recogniser was there
        outbox.promise(session, HEAR, {"message": here}, due=clock.now() + timedelta(hours=1))
    monkeypatch.setattr(asr_commands, "load_engine", SpellingEngine)
    assert transcribing.recognise_pending() == 1
    assert transcribing.recognise_pending() == 0
    with db.read() as session:
        row = session.get_one(MessageRow, here)
        assert (row.state, row.text, row.problem) == ("accepted", "w3 w4", "")
        promised = session.scalars(select(outbox.PromiseRow).where(outbox.PromiseRow.kind == HEAR)).all()
        assert [one.state for one in promised] == ["done"]


def test_without_a_model_it_says_so(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOTLINE_ASR_MODEL", raising=False)
    monkeypatch.setattr(models, "chosen", lambda *_: None)
    with pytest.raises(ConfigurationError):
        transcribing.recognise_pending()
