"""What the process ``hotline mail`` runs for this channel: the servers and the mailboxes, until it is cancelled."""

from __future__ import annotations

import asyncio

from connectors.email import delivery, smtp
from connectors.email.settings import MailSettings
from core import db, settings


async def serve() -> None:
    """Runs until cancelled, then stops listening and ends the parser's processes."""
    servers = await smtp.listen(settings.get(MailSettings))
    try:
        await asyncio.gather(*(server.serve_forever() for server in servers))
    finally:
        for server in servers:
            server.close()
        await db.run(delivery.shut_down)
