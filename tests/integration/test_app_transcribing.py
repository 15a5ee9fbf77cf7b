"""``hotline transcribe --pending``: a call that came without a recogniser is completed by this process alone."""

from __future__ import annotations

import io
from collections.abc import Iterator

import numpy as np
import pytest
import soundfile
from sqlalchemy import select

from app.commands import transcribing
from asr import commands as asr_commands
from asr import models
from core import blobs, db
from core.db import Database
from core.errors import ConfigurationError
from intake import MessageRow, accept_now, understand
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


def test_without_a_model_it_says_so(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOTLINE_ASR_MODEL", raising=False)
    monkeypatch.setattr(models, "chosen", lambda *_: None)
    with pytest.raises(ConfigurationError):
        transcribing.recognise_pending()
