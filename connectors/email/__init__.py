"""Mail: SMTP and LMTP servers and IMAP mailboxes in, SMTP out.

A mail's bytes go through ``parse`` (pure) in a process with limits, become a ``Message`` in ``delivery`` and are answered
250, or marked as read, when the inbox has them. Notices go out through ``outlet``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from connectors.registry import Connector

if TYPE_CHECKING:
    import typer

    from ticketing import Outlet


async def _serve() -> None:
    from connectors.email.serve import serve

    await serve()


def _outlets() -> list[Outlet]:
    from connectors.email.outlet import outlets

    return outlets()


def _commands() -> typer.Typer:
    from connectors.email.commands import commands

    return commands


def _prepare() -> None:
    import connectors.email.bounce  # noqa: F401  (registers what it promises)


connector = Connector(
    name="email",
    title=("邮件", "Mail"),
    serve={"mail": _serve},
    outlets=_outlets,
    prepare=_prepare,
    commands=_commands,
    command_group="mail",
)
