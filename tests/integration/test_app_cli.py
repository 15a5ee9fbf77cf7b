"""The command line as a process: every command is there, and a small one does not load the whole program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from app.cli import COMMANDS
from connectors.registry import all_connectors

MAIL = b"From: a@example.net\nSubject: hello\n\ntext\n"


def hotline(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "app.cli", *arguments], capture_output=True, text=True, timeout=120
    )


def imported(done: subprocess.CompletedProcess[str]) -> set[str]:
    return {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time:")}


def test_help_names_every_command_and_what_connectors_bring() -> None:
    done = hotline("--help")
    assert done.returncode == 0
    assert {name for name in (*COMMANDS, "mail", "webform") if f"│ {name} " not in done.stdout} == set()


@pytest.mark.parametrize("group", ["asr", "channels", "nlu", "models", "mail", "db", "config"])
def test_every_group_explains_itself(group: str) -> None:
    done = hotline(group, "--help")
    assert (done.returncode, f"hotline {group}" in done.stdout or f"{group} [OPTIONS]" in done.stdout) == (0, True)


def test_connectors_add_to_groups_of_rooms() -> None:
    assert " listen " in hotline("asr", "--help").stdout
    assert " try " in hotline("channels", "--help").stdout
    assert " export-corrections " in hotline("nlu", "--help").stdout


def test_parsing_a_mail_loads_no_database_no_server_and_no_language(tmp_path: Path) -> None:
    file = tmp_path / "a.eml"
    file.write_bytes(MAIL)
    done = hotline("mail", "parse", str(file), "--json")
    assert '"subject": "hello"' in done.stdout
    assert "connectors.email.parse" in imported(done)
    assert imported(done) & {"sqlalchemy", "alembic", "aiohttp", "spacy", "numpy", "vosk"} == set()


def test_a_connector_s_commands_are_in_the_group_they_are_named_after() -> None:
    brought = [(c, c.commands().info.name) for c in all_connectors().values() if c.commands is not None]
    assert len(brought) > 3
    assert [c.name for c, name in brought if isinstance(name, str) and name != (c.command_group or c.name)] == []


def test_an_unknown_command_is_one_clear_message() -> None:
    done = hotline("nonsense")
    assert (done.returncode, "No such command 'nonsense'" in done.stderr) == (2, True)
