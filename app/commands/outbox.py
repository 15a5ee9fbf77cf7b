"""``hotline outbox``: promises that wait, and those that could not be kept."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import func, select

from core import db, outbox
from core.errors import NotFound
from core.outbox import PromiseRow

app = typer.Typer(help="Look at promises; try failed ones again.", no_args_is_help=True)


def command(name: str) -> typer.Typer:
    return app


@app.command(name="list")
def show(
    state: Annotated[str, typer.Option(help="waiting, queued, running, failed, done or dropped.")] = "failed",
    limit: int = 50,
) -> None:
    """List promises of a state, newest first, after the count of each."""
    with db.read() as session:
        counts = session.execute(select(PromiseRow.state, func.count()).group_by(PromiseRow.state)).all()
        rows = session.scalars(
            select(PromiseRow).where(PromiseRow.state == state).order_by(PromiseRow.id.desc()).limit(limit)
        ).all()
    print(", ".join(f"{name} {number}" for name, number in counts) or "no promises")
    table = Table("id", "kind", "due", "tries", "error")
    for row in rows:
        table.add_row(str(row.id), row.kind, row.due.isoformat(timespec="seconds"), str(row.attempts), row.error or "")
    Console().print(table)


@app.command()
def retry(promise: int) -> None:
    """Give a failed promise its tries back."""
    from app import wiring

    wiring.prepare()
    with db.write() as session:
        if not outbox.try_again(session, promise):
            raise NotFound("There is no failed promise of this number.")
    print(f"promise {promise} will be tried again")
