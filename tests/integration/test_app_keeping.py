"""``hotline seal`` and ``hotline retention`` as they are typed."""

from __future__ import annotations

import base64
import os
from datetime import timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from typer.testing import CliRunner

from app.commands.keeping import command
from connectors.sip.ending import RECOGNISE
from connectors.sip.recognition import recognise
from connectors.sip.recording import Recording, forget
from connectors.sip.settings import SipSettings
from core import clock, db, keyring, settings
from core.blobs import DirectoryBlobs
from core.db import Database
from intake import HeardWord, MessageRow, accept_now
from intake.retention import RetentionSettings
from tests.support.messages import message
from tests.support.promises import keep_promises
from ticketing import AuditEntry

OLD, NEW = (base64.b64encode(bytes([number]) * 32).decode() for number in (1, 2))


def hotline(group: str, *arguments: str) -> tuple[int, str]:
    app = command(group)
    assert app is not None
    result = CliRunner().invoke(app, list(arguments))
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result.exit_code, result.output


def test_a_key_is_changed_while_contents_stay_readable(blob_store: DirectoryBlobs) -> None:
    settings.use(keyring.SealSettings(content=False))
    plain = blob_store.put(b"from before")
    settings.use(keyring.SealSettings(keys=OLD))
    reference = blob_store.put(b"a content")
    growing = Recording(settings.get(SipSettings).recordings, "0" * 32)
    settings.use(keyring.SealSettings(keys=NEW))
    status, said = hotline("seal", "status")
    old = keyring.identity(base64.b64decode(OLD))
    assert f"key {old}: 1 files of calls that go on or were left behind; NOT AT HAND" in said
    growing.close()
    forget(growing.path)
    assert (status, "NOT AT HAND" in said, "in the clear: 1" in said) == (0, True, True)
    assert hotline("seal", "rewrap")[0] == 1  # the old key is needed for it
    settings.use(keyring.SealSettings(keys=f"{NEW},{OLD}"))
    assert hotline("seal", "rewrap") == (0, f"1 keys were wrapped with {keyring.identity(base64.b64decode(NEW))}\n")
    assert hotline("seal", "old") == (0, "1 contents were sealed\n")
    settings.use(keyring.SealSettings(keys=NEW))
    assert (blob_store.get(reference), blob_store.get(plain)) == (b"a content", b"from before")
    said = hotline("seal", "status")[1]
    assert "NOT AT HAND" not in said
    assert ": 2 contents, seals new contents" in said
    assert "in the clear: 0" in said


def test_the_derived_key_can_be_taken_over_before_the_secret_changes(
    blob_store: DirectoryBlobs,
) -> None:
    reference = blob_store.put(b"a content")
    _, printed = hotline("seal", "key")
    settings.use(
        settings.get(settings.CoreSettings).model_copy(update={"secret_key": SecretStr("another secret")}),
        keyring.SealSettings(keys=printed.strip()),
    )
    assert blob_store.get(reference) == b"a content"
    _, fresh = hotline("seal", "key", "--new")
    assert len(base64.b64decode(fresh)) == 32
    assert fresh != hotline("seal", "key", "--new")[1]


def test_what_is_due_is_shown_and_then_deleted(
    database: Database, blob_store: DirectoryBlobs, turnable: clock.TurnableClock
) -> None:
    settings.use(RetentionSettings(recordings_days=10))
    reference = blob_store.put(b"sound")
    path = blob_store.root / reference[:2] / reference[2:4] / reference
    os.utime(path, (clock.now().timestamp(),) * 2)
    accepted = accept_now(message(recording=reference))
    with db.write() as session:
        session.get_one(MessageRow, accepted.message_id).state = "recorded"
    assert "to be deleted" not in hotline("retention", "show")[1]
    turnable.turn(by=timedelta(days=11))
    assert "to be deleted  recording of 1 messages" in hotline("retention", "show")[1]
    assert blob_store.get(reference) == b"sound"
    assert hotline("retention", "run") == (0, "contents of 1 messages were deleted\n")
    assert list(blob_store) == []
    with db.read() as session:
        [row] = session.query(AuditEntry).all()
        assert (row.actor, row.details["why"]) == ("command line", "recording 10 days")
    settings.use(RetentionSettings())
    assert "everything is kept" in hotline("retention", "show")[1]


WAITS: dict[str, Any] = {"waits": "recognition", "promises": (RECOGNISE,)}


@pytest.mark.parametrize("text", ["", "空调不制冷"], ids=["nothing heard before", "heard live"])
@pytest.mark.parametrize("damage", ["changed", "key lost", "key erased"])
def test_a_recording_that_cannot_be_opened_holds_no_message_up(
    database: Database, blob_store: DirectoryBlobs, damage: str, text: str
) -> None:
    assert recognise.__module__ == "connectors.sip.recognition"
    settings.use(keyring.SealSettings(keys=OLD))
    reference = blob_store.put(b"fLaC and the rest")
    path = blob_store.root / reference[:2] / reference[2:4] / reference
    if damage == "changed":
        path.write_bytes(path.read_bytes()[:-1] + b"?")
    elif damage == "key erased":
        path.with_name(f"{reference}.key").unlink()
    settings.use(keyring.SealSettings(keys="" if damage == "key lost" else OLD))
    heard = [HeardWord(text="空调", offset=0, start=0, end=300, confidence=0.9)]
    waiting = message(channel="sip", text=text, words=heard if text else [], recording=reference, **WAITS)
    accepted = accept_now(waiting)
    assert keep_promises(RECOGNISE) == 1
    with db.read() as session:
        row = session.get_one(MessageRow, accepted.message_id)
        assert not row.content["waits"]
        assert row.text == text  # what was heard while the call went on stays
        assert [word["text"] for word in row.content["words"]] == (["空调"] if text else [])
        assert row.problem == "Nothing could be recognised in the recording."
