"""``hotline user``: make users, set passwords, list them."""

from __future__ import annotations

import getpass
import sys
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from core import db
from core.errors import InvalidInput, NotFound
from ticketing import User, users

app = typer.Typer(help="Make users and set passwords.", no_args_is_help=True)


def command(name: str) -> typer.Typer:
    return app


@app.command()
def add(
    login: str,
    role: Annotated[str, typer.Option(help="agent, dispatcher, engineer, manager or administrator.")],
    name: str = "",
    language: str = "zh",
    region: Annotated[list[str] | None, typer.Option(help="GB/T 2260 prefix this user works for; repeatable.")] = None,
) -> None:
    """Make a user; the password is asked for (or read from standard input)."""
    password = _password()
    with db.write() as session:
        user = users.create_user(
            session,
            login=login,
            name=name or login,
            role=role,
            password=password,
            language=language,
            regions=region or (),
            actor="command line",
        )
    print(f"{user.login} can sign in as {user.role}")


@app.command()
def password(login: str) -> None:
    """Set a user's password; ends all of the user's sessions."""
    new = _password()
    with db.write() as session:
        user = session.scalar(select(User).where(User.login == login.lower()))
        if user is None:
            raise NotFound("There is no such user.")
        users.set_password(session, user, new, actor="command line")
    print(f"{login} has a new password")


@app.command(name="list")
def show() -> None:
    """List users."""
    table = Table("id", "login", "name", "role", "regions", "active")
    with db.read() as session:
        for user in session.scalars(select(User).order_by(User.id)):
            regions = " ".join(map(str, user.regions)) or "all"
            table.add_row(str(user.id), user.login, user.name, user.role, regions, "yes" if user.active else "no")
    Console().print(table)


def _password() -> str:
    if not sys.stdin.isatty():
        return sys.stdin.readline().rstrip("\n")
    first = getpass.getpass("password: ")
    if first != getpass.getpass("again: "):
        raise InvalidInput("The two passwords differ.")
    return first
