"""Database migrations through alembic, without an ini file."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from app import wiring
from core.db import Base, Database

VERSIONS = Path(__file__).parent / "migrations"


def _config(url: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(VERSIONS))
    config.attributes["url"] = url
    return config


def upgrade(url: str, revision: str = "head") -> None:
    """Brings the database to a version; does nothing if it is there already."""
    command.upgrade(_config(url), revision)


def downgrade(url: str, revision: str) -> None:
    command.downgrade(_config(url), revision)


def revise(url: str, message: str) -> None:
    """Writes a migration from what the tables say to what they should say."""
    command.revision(_config(url), message=message, autogenerate=True)


def newest() -> str:
    return ScriptDirectory.from_config(_config("")).get_current_head() or ""


def present(url: str) -> str:
    """The version the database has; "" for none."""
    made = Database(url)
    try:
        with made.engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision() or ""
    finally:
        made.close()


def differences(url: str) -> list[str]:
    """What the database's tables lack or have too much of; empty when they fit."""
    wiring.import_tables()
    made = Database(url)
    try:
        with made.engine.connect() as connection:
            context = MigrationContext.configure(connection, opts={"compare_type": True})
            return [str(difference) for difference in compare_metadata(context, Base.metadata)]
    finally:
        made.close()
