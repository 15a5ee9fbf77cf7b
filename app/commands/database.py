"""``hotline db``: versions of the database."""

from __future__ import annotations

import typer

from app import migrate
from core import settings

app = typer.Typer(help="Bring the database to a version.", no_args_is_help=True)


def command(name: str) -> typer.Typer:
    return app


def _url() -> str:
    return settings.get(settings.CoreSettings).database


@app.command()
def upgrade(revision: str = "head") -> None:
    """Bring the database to the newest version."""
    migrate.upgrade(_url(), revision)
    print(f"the database is at {migrate.present(_url())}")


@app.command()
def downgrade(revision: str) -> None:
    """Take the database back to an older version."""
    migrate.downgrade(_url(), revision)
    print(f"the database is at {migrate.present(_url()) or 'nothing'}")


@app.command()
def status() -> None:
    """Say which version the database has and which is the newest."""
    present, newest = migrate.present(_url()), migrate.newest()
    print(f"database {present or 'empty'}, program {newest}")
    if present != newest:
        raise typer.Exit(1)


@app.command()
def revise(message: str) -> None:
    """Write a migration from the difference between the tables and the program (for developers)."""
    migrate.revise(_url(), message)
