"""Migrations give exactly the tables that the program wants, on both databases, up and down."""

from __future__ import annotations

from pathlib import Path

import pytest
from sqlalchemy import inspect

from app import migrate
from core.db import Database
from tests.support import postgres


@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_migrated_tables_are_the_program_s_tables(kind: str, tmp_path: Path) -> None:
    if kind == "sqlite":
        _up_and_down(f"sqlite:///{tmp_path / 'm.db'}")
        return
    with postgres() as url:
        _up_and_down(url)


def _up_and_down(url: str) -> None:
    assert migrate.present(url) == ""
    migrate.upgrade(url)
    assert migrate.present(url) == migrate.newest() != ""
    assert migrate.differences(url) == []
    migrate.upgrade(url)  # again is harmless
    migrate.downgrade(url, "base")
    made = Database(url)
    left = set(inspect(made.engine).get_table_names())
    made.close()
    assert left <= {"alembic_version"}
    migrate.upgrade(url)
    assert migrate.differences(url) == []
