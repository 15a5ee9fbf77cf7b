"""The SMTP and LMTP servers. "250" is said when the inbox has the mail on disk, never before.

RFC 5321 with STARTTLS, AUTH, SIZE, 8BITMIME, SMTPUTF8 and enhanced codes (RFC 3463); LMTP is RFC 2033. Nothing is relayed:
recipients that are not ours are refused at RCPT.
"""

from __future__ import annotations

import asyncio
import hmac
import socket
import ssl
from collections.abc import Callable
from typing import Any

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, AuthResult, LoginPassword, Session, syntax
from aiosmtpd.smtp import Envelope as SmtpEnvelope

from connectors.email import delivery
from connectors.email.peers import Peers
from connectors.email.settings import MailSettings
from core import log, metrics
from core.errors import HotlineError, TooLarge

logger = log.get(__name__)
# A body line may be as long as a mail; RFC 5321's 1,000 is exceeded by many mailers, and refusing means losing the mail.
LINE_LIMIT = 8_000_000


class MailHandler:
    """What the server does with a session's commands."""

    def __init__(self, config: MailSettings, way: str) -> None:
        self._config, self._way = config, way
        self._peers = Peers(config)
        self._receiving = 0

    @property
    def peers(self) -> Peers:
        return self._peers

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: SmtpEnvelope, address: str, options: list[str]
    ) -> str:
        if self._config.require_tls and self._config.tls_certificate and session.ssl is None:
            return "530 5.7.0 Must issue a STARTTLS command first"
        if not self._peers.may_send(_peer(session)):
            metrics.refused.labels("smtp", "rate").inc()
            return "451 4.7.1 Too many mails from your address; try again later"
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: SmtpEnvelope, address: str, options: list[str]
    ) -> str:
        if not self._config.takes(address):
            metrics.refused.labels("smtp", "recipient").inc()
            return "550 5.1.1 No such mailbox here"
        if len(envelope.rcpt_tos) >= self._config.recipients:
            return "452 4.5.3 Too many recipients"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: SmtpEnvelope) -> str:
        answer = await self._take_in(session, envelope)
        # LMTP answers once for each recipient (RFC 2033 §4.2).
        return "\r\n".join([answer] * len(envelope.rcpt_tos)) if self._way == "lmtp" else answer

    async def handle_exception(self, error: Exception) -> str:
        logger.error("a command of an SMTP session failed", exc_info=error)
        return "451 4.3.0 Something went wrong here; try again later"

    def begin_receiving(self) -> bool:
        """Takes one of the places for a mail's body; False when all are taken."""
        if self._receiving >= self._config.receiving:
            metrics.refused.labels("smtp", "busy").inc()
            return False
        self._receiving += 1
        return True

    def end_receiving(self) -> None:
        self._receiving -= 1

    async def _take_in(self, session: Session, envelope: SmtpEnvelope) -> str:
        raw = envelope.original_content or b""
        try:
            accepted = await delivery.take_in(
                raw,
                delivery.Envelope(
                    way=self._way,
                    sender=envelope.mail_from or "",
                    recipients=tuple(envelope.rcpt_tos),
                    peer=_peer(session),
                    helo=session.host_name or "",
                    signed_in=session.auth_data if isinstance(session.auth_data, str) else "",
                ),
            )
        except TooLarge:
            return "552 5.3.4 The mail is too large"
        except HotlineError as error:
            logger.warning("a mail was asked to come again", code=error.code)
            return "451 4.3.2 Busy; try again shortly"
        except (OSError, TimeoutError):
            logger.exception("a mail could not be kept")
            return "451 4.3.1 It could not be stored; try again shortly"
        except Exception:
            # Whatever went wrong, the sender keeps the mail and comes again: it is not lost.
            logger.exception("a mail could not be taken in")
            return "451 4.3.0 Something went wrong here; try again later"
        return f"250 2.6.0 Taken in as {accepted.message_id}"


class MailServer(SMTP):  # type: ignore[misc]  # aiosmtpd is not typed for us
    """aiosmtpd's protocol with long lines, a limit on connections and a place for each body that is received."""

    line_length_limit = LINE_LIMIT

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        peer = _address_of(transport)
        handler: MailHandler = self.event_handler
        self._counted = handler.peers.opened(peer)
        self._peer_address = peer
        if not self._counted and isinstance(transport, asyncio.WriteTransport):
            metrics.refused.labels("smtp", "connections").inc()
            transport.write(b"421 4.7.0 Too many connections; try again later\r\n")
            transport.close()
            return
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if getattr(self, "_counted", False):
            self._counted = False
            self.event_handler.peers.closed(self._peer_address)
        if self.transport is not None:
            super().connection_lost(error)

    @syntax("DATA")  # type: ignore[untyped-decorator]
    async def smtp_DATA(self, arg: str) -> None:
        handler: MailHandler = self.event_handler
        if not handler.begin_receiving():
            await self.push("451 4.3.2 Busy; try again shortly")
            return
        try:
            await super().smtp_DATA(arg)
        finally:
            handler.end_receiving()


class LocalMailServer(MailServer, LMTP):  # type: ignore[misc]
    """The same behind a mail server of one's own."""


def _peer(session: Session) -> str:
    return str(session.peer[0]) if isinstance(session.peer, tuple) else str(session.peer or "")


def _address_of(transport: asyncio.BaseTransport) -> str:
    peer = transport.get_extra_info("peername")
    return str(peer[0]) if isinstance(peer, tuple) else ""


def factory(config: MailSettings, way: str) -> Callable[[], MailServer]:
    """Makes the protocol of one connection; ``way`` is smtp or lmtp."""
    handler = MailHandler(config, way)
    tls = tls_context(config)
    accounts = config.accounts()

    def sign_in(server: Any, session: Any, envelope: Any, mechanism: str, login: Any) -> AuthResult:
        if not isinstance(login, LoginPassword):
            return AuthResult(success=False, handled=False)
        name = login.login.decode("utf-8", "replace")
        expected = accounts.get(name)
        fits = (
            hmac.compare_digest((expected or "").encode(), login.password) and expected is not None and expected != ""
        )
        return AuthResult(success=fits, handled=False, auth_data=name if fits else None)

    protocol = LocalMailServer if way == "lmtp" else MailServer
    options: dict[str, Any] = {
        "data_size_limit": config.max_size,
        "enable_SMTPUTF8": True,
        "hostname": config.hostname or socket.gethostname(),
        "ident": "Hotline",
        "tls_context": tls,
        "timeout": config.idle_seconds,
        "authenticator": sign_in if accounts else None,
        "auth_required": config.require_auth,
        "auth_exclude_mechanism": None if accounts else ["PLAIN", "LOGIN"],
    }
    return lambda: protocol(handler, loop=asyncio.get_running_loop(), **options)


def tls_context(config: MailSettings) -> ssl.SSLContext | None:
    if config.tls_certificate is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(config.tls_certificate, config.tls_key)
    return context


async def listen(config: MailSettings) -> list[asyncio.Server]:
    """Opens the servers that the settings ask for."""
    loop = asyncio.get_running_loop()
    wanted = [("smtp", config.port), ("lmtp", config.lmtp_port)]
    servers = [await loop.create_server(factory(config, way), config.host, port) for way, port in wanted if port >= 0]
    for server in servers:
        for opened in server.sockets:
            logger.info("mail server listens", port=opened.getsockname()[1])
    return servers
