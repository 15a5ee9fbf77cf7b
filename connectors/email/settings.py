"""Settings of the mail channel."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path

from pydantic import Field, SecretStr

from core import settings


class MailSettings(settings.Section, prefix="MAIL"):
    """Mail in: the SMTP and LMTP servers, and what is done with each mail."""

    host: str = Field("127.0.0.1", description="Address the SMTP and LMTP servers listen on; 0.0.0.0 for all.")
    port: int = Field(8025, description="Port of the SMTP server; 0 takes a free one, -1 turns it off.")
    lmtp_port: int = Field(
        -1, description="Port of the LMTP server (behind a mail server of your own); -1 turns it off."
    )
    hostname: str = Field(
        "", description="Name the server greets with and signs its mail ids with. Empty: this machine's."
    )
    addresses: str = Field(
        "*",
        description="Recipients that are taken, comma separated, * as wildcard: service@firm.cn, *@support.firm.cn.",
    )
    address: str = Field(
        "", description="Our own mail address, the sender of notices. Empty: notices don't go by mail."
    )
    tls_certificate: Path | None = Field(None, description="PEM file of the certificate chain; turns STARTTLS on.")
    tls_key: Path | None = Field(None, description="PEM file of its key. Empty: in the certificate's file.")
    require_tls: bool = Field(False, description="Refuse mail before STARTTLS.")
    users: SecretStr = Field(
        SecretStr(""), description="Who may sign in (AUTH, after STARTTLS): name:password, comma separated."
    )
    require_auth: bool = Field(False, description="Take mail only from those who signed in.")
    max_size: int = Field(40_000_000, description="Bytes of a mail; larger ones are refused with 552.")
    parse_size: int = Field(25_000_000, description="Bytes of a mail that is read; larger ones become a draft unread.")
    parse_seconds: float = Field(
        10.0, description="s of reading after which a mail is stopped and shown as unreadable."
    )
    parse_memory: int = Field(1_000, description="MB of memory that reading mail may take.")
    parsers: int = Field(2, description="Processes that read mail.")
    attachment_size: int = Field(
        25_000_000, description="Bytes of an attachment that is kept by itself; larger ones stay in the original only."
    )
    attachments: int = Field(40, description="Attachments kept by themselves; more stay in the original only.")
    connections: int = Field(200, description="Open connections altogether.")
    peer_connections: int = Field(20, description="Open connections from one address.")
    peer_rate: int = Field(600, description="Mails a minute from one address.")
    trusted_peers: str = Field(
        "127.0.0.1, ::1", description="Addresses exempt from the limits for one address: your own relays."
    )
    recipients: int = Field(100, description="Recipients of one mail.")
    receiving: int = Field(32, description="Mails being received at once; more are asked to come again (451).")
    idle_seconds: float = Field(120.0, description="s of silence after which a connection is closed.")
    lists_are_requests: bool = Field(
        False, description="Make drafts of mailing-list mail too; set it if your address is a group."
    )
    clamav: str = Field(
        "", description="ClamAV daemon that looks at attachments: host:port or a socket's path. Empty: none."
    )

    def takes(self, address: str) -> bool:
        """Whether mail to this address is for us (a reply address is the one it was made from)."""
        local, at, domain = address.strip().lower().rpartition("@")
        if not at or not local:
            return False
        base = f"{local.split('+')[0]}@{domain}"
        patterns = [pattern.strip().lower() for pattern in self.addresses.split(",") if pattern.strip()]
        own = [self.address.lower()] if self.address else []
        return any(fnmatchcase(name, pattern) for name in (f"{local}@{domain}", base) for pattern in [*patterns, *own])

    def trusts(self, peer: str) -> bool:
        return peer in {one.strip() for one in self.trusted_peers.split(",")}

    def accounts(self) -> dict[str, str]:
        pairs = (pair.strip().partition(":") for pair in self.users.get_secret_value().split(",") if pair.strip())
        return {name: password for name, _, password in pairs}
