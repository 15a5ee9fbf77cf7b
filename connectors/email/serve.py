"""What the process ``hotline mail`` runs for this channel: the servers and the mailboxes, until it is cancelled."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable

from pydantic import Field, SecretStr

from connectors.email import delivery, mailbox, smtp
from connectors.email.settings import MailSettings
from core import db, log, settings
from intake import accept_now

logger = log.get(__name__)


class MailboxSettings(settings.Section, prefix="MAIL_IMAP"):
    """Mailboxes at another provider that are watched."""

    mailboxes: SecretStr = Field(
        SecretStr(""),
        description="Mailboxes, separated by blanks: imaps://user:password@host/INBOX (also imap+starttls://, imap://); "
        "special characters of user and password are percent-encoded.",
    )
    rest_seconds: float = Field(
        300.0, description="s between looks where the server cannot announce new mail (IDLE), at most 1,700."
    )
    retry_seconds: float = Field(5.0, description="s to wait after a mailbox failed; doubled up to five minutes.")


async def serve() -> None:
    """Runs until cancelled, then stops listening, closes the mailboxes and ends the parser's processes."""
    config = settings.get(MailSettings)
    watchers = _watchers(settings.get(MailboxSettings), config)
    servers = await smtp.listen(config)
    stop = threading.Event()
    # A failing watcher ends the process, so that the supervisor starts it anew; servers serve from their creation on.
    watching = [asyncio.ensure_future(asyncio.to_thread(watch, stop)) for watch in watchers]
    try:
        await asyncio.gather(*watching, asyncio.Event().wait())
    finally:
        for server in servers:
            server.close()
        stop.set()
        await asyncio.gather(*watching, return_exceptions=True)
        await db.run(delivery.shut_down)


def deliver_from(address: mailbox.Address) -> mailbox.Deliver:
    """Takes in one mail of a mailbox; returns when it is on disk. A mail that the inbox would refuse for ever becomes an
    unreadable one, for nobody but us could do anything about it and those behind it wait. Raises what comes again."""

    def deliver(raw: bytes, problem: str) -> None:
        envelope = delivery.Envelope(way="imap", recipients=(address.user,) if "@" in address.user else ())
        try:
            accept_now(delivery.message_of(raw, envelope, problem=problem))
        except Exception as error:
            if delivery.comes_again(error):
                raise
            logger.exception("a mail of a mailbox was not accepted", size=len(raw))
            accept_now(delivery.unreadable(raw, envelope, problem))

    return deliver


def _watchers(config: MailboxSettings, mail: MailSettings) -> list[Callable[[threading.Event], None]]:
    def watcher(address: mailbox.Address) -> Callable[[threading.Event], None]:
        return lambda stop: mailbox.watch(
            address,
            deliver_from(address),
            stop,
            max_size=mail.max_size,
            rest=min(config.rest_seconds, 1_700.0),
            retry=config.retry_seconds,
        )

    return [watcher(mailbox.Address.of(url)) for url in config.mailboxes.get_secret_value().split()]
