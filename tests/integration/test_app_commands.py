"""The command line as it is typed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from core import db, outbox
from core.db import Database
from core.outbox import PromiseRow


def hotline(*arguments: str, typed: str = "", **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "app.cli", *arguments],
        input=typed,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
        env={**os.environ, "COLUMNS": "200", **more},
    )


@pytest.fixture
def migrated(installation: Path) -> Path:
    assert hotline("db", "upgrade").returncode == 0
    return installation


def test_help_names_every_command() -> None:
    shown = hotline("--help").stdout
    for command in (
        *("up", "web", "mail", "voice", "asr", "worker", "relay", "demo", "transcribe", "understand", "models"),
        *("config", "db", "user", "outbox", "retention", "seal", "nlu", "channels"),
    ):
        assert command in shown


def test_config_as_json_has_every_option_and_no_secret() -> None:
    shown = hotline("config", "--json", HOTLINE_SECRET_KEY="very-secret")
    rows = {row["variable"]: row for row in json.loads(shown.stdout)}
    assert rows["HOTLINE_SECRET_KEY"]["value"] == "(set)"
    assert "very-secret" not in shown.stdout
    assert rows["HOTLINE_MAIL_PORT"]["default"] == "8025"


def test_a_wrong_setting_is_one_clear_line() -> None:
    shown = hotline("config", HOTLINE_WEB_PORT="eighty")
    assert shown.returncode == 1
    assert "HOTLINE_WEB_PORT" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_the_database_s_version_is_told(installation: Path) -> None:
    assert hotline("db", "status").returncode == 1
    assert hotline("db", "upgrade").returncode == 0
    assert hotline("db", "status").returncode == 0


def test_a_user_is_made_and_listed(migrated: Path) -> None:
    made = hotline("user", "add", "li.ping", "--role", "agent", "--name", "李平", typed="a good long passphrase\n")
    assert made.returncode == 0, made.stderr
    assert "李平" in hotline("user", "list").stdout
    again = hotline("user", "add", "li.ping", "--role", "agent", typed="a good long passphrase\n")
    assert again.returncode == 1
    assert "taken" in again.stderr


def test_a_weak_password_is_refused(migrated: Path) -> None:
    refused = hotline("user", "add", "li.ping", "--role", "agent", typed="123\n")
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr


def test_a_failed_promise_is_listed_and_tried_again(migrated: Path) -> None:
    db.use(Database(f"sqlite:///{migrated / 'hotline.db'}"))
    with db.write() as session:
        number = outbox.promise(session, "intake.understand", {"message": "0" * 32}, queue="understand")
        session.get_one(PromiseRow, number).state = "failed"
    assert "intake.understand" in hotline("outbox", "list").stdout
    assert hotline("outbox", "retry", str(number)).returncode == 0
    assert hotline("outbox", "retry", str(number)).returncode == 1


def test_an_unknown_queue_is_refused() -> None:
    assert "promises" in hotline("worker", "nonsense").stderr
