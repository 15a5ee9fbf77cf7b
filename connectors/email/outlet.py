"""Notices by mail: composed, signed with a reply address, threaded, and handed to a mail server (the "smart host")."""

from __future__ import annotations

import smtplib
import socket
import ssl
from email.message import EmailMessage
from email.policy import SMTP as SMTP_POLICY
from email.policy import SMTPUTF8
from email.utils import format_datetime, formataddr

from pydantic import Field, SecretStr

from connectors.email import kind, past, quotation, thread
from connectors.email.past import Past
from connectors.email.settings import MailSettings
from core import clock, settings
from core.errors import Unavailable
from ticketing import CannotDeliver, Delivery, OutgoingNotice, Outlet


class MailOutSettings(settings.Section, prefix="MAIL_OUT"):
    """The mail server that takes our mail. With HOTLINE_MAIL_ADDRESS set, notices can go by mail."""

    host: str = Field("", description="Name of the server. Empty: no mail goes out.")
    port: int = Field(587, description="Its port; 465 speaks TLS from the start.")
    starttls: bool = Field(True, description="Insist on STARTTLS (not on port 465, which has TLS already).")
    user: str = Field("", description="Name to sign in with. Empty: no sign-in.")
    password: SecretStr = Field(SecretStr(""), description="Password to sign in with.")
    hourly: int = Field(
        10, description="Automatic mails about one ticket within an hour; more look like two robots talking and stop."
    )
    name: str = Field("", description="Display name of the sender, e.g. the firm's.")
    seconds: float = Field(30.0, description="s to wait for the server.")


class MailOutlet:
    """Sends notices to customers' mail addresses."""

    name = "email"

    def reaches(self, notice: OutgoingNotice) -> bool:
        configured = settings.get(MailOutSettings).host and settings.get(MailSettings).address
        return bool(configured) and any("@" in address for address in notice.identities.get("mail", ()))

    def send(self, notice: OutgoingNotice) -> Delivery:
        """Raises CannotDeliver when the server refuses for good, Unavailable when trying again can help."""
        config = settings.get(MailOutSettings)
        before = past.of(notice.ticket_number)
        if notice.purpose != "reply":
            if before.kind != "person":
                raise CannotDeliver("The last mail about this ticket was no person's; only a colleague answers it.")
            if before.automatic >= config.hourly:
                raise CannotDeliver("Too many automatic mails about this ticket within an hour.")
        known = [address for address in notice.identities["mail"] if "@" in address]
        recipient = before.sender if before.sender in known else known[0]
        mail = compose(notice, recipient, before)
        try:
            with _connect(config) as server:
                refused = server.send_message(mail, from_addr=settings.get(MailSettings).address, to_addrs=[recipient])
        except smtplib.SMTPRecipientsRefused as error:
            _judge(next(iter(error.recipients.values()), (550, b""))[0], error)
        except smtplib.SMTPResponseException as error:
            _judge(error.smtp_code, error)
        except smtplib.SMTPNotSupportedError as error:
            raise CannotDeliver("The mail server lacks what this mail needs (SMTPUTF8, STARTTLS or AUTH).") from error
        except (smtplib.SMTPException, OSError) as error:
            raise Unavailable("The mail server does not answer.") from error
        if refused:
            _judge(next(iter(refused.values()))[0], None)
        return Delivery(receipt=str(mail["Message-ID"]).strip("<>"))


def compose(notice: OutgoingNotice, recipient: str, before: Past) -> EmailMessage:
    """The mail of a notice, threaded under the customer's last one. Its id depends only on the notice's key: a mail sent
    twice after a crash has one id, by which mail programs show it once."""
    own = settings.get(MailSettings)
    out = settings.get(MailOutSettings)
    ascii_only = recipient.isascii() and own.address.isascii()
    mail = EmailMessage(policy=SMTP_POLICY if ascii_only else SMTPUTF8)
    host = own.hostname or own.address.rpartition("@")[2] or socket.gethostname()
    mail_id = f"{notice.key}.{thread.mark(notice.key)}@{host}"
    mail["From"] = formataddr((_line(out.name), own.address))
    mail["To"] = recipient
    mail["Subject"] = subject_of(notice, before)
    mail["Date"] = format_datetime(clock.now())
    mail["Message-ID"] = f"<{mail_id}>"
    if notice.ticket_number:
        mail["Reply-To"] = thread.reply_address(own.address, notice.ticket_number)
    answered = _id(before.mail_id)
    if answered:
        mail["In-Reply-To"] = f"<{answered}>"
    chain = [one for one in map(_id, before.chain) if one]
    if chain or answered:
        mail["References"] = " ".join(
            f"<{one}>" for one in dict.fromkeys([*chain[-20:], *([answered] if answered else [])])
        )
    # A person's answer that we only carry is no automatic mail (RFC 3834 §5); everything else is.
    if notice.purpose != "reply":
        mail["Auto-Submitted"] = "auto-replied" if answered else "auto-generated"
        mail["X-Auto-Response-Suppress"] = "All"
    mail[kind.LOOP_FIELD.title()] = thread.loop_mark(mail_id)
    mail.set_content(notice.text, charset="utf-8", cte="base64" if not notice.text.isascii() else "quoted-printable")
    return mail


def subject_of(notice: OutgoingNotice, before: Past) -> str:
    """The notice's own subject, else the answered mail's, with the ticket's number for people to see."""
    subject = _line(notice.subject)
    if not subject and before.subject:
        prefix = "Re: " if notice.language == "en" else "回复："
        subject = prefix + (quotation.plain_subject(_line(before.subject)) or before.subject)
    subject = subject or ("Your service request" if notice.language == "en" else "您的服务请求")
    number = notice.ticket_number
    return subject if not number or number in subject else f"{subject} [{number}]"


def outlets() -> list[Outlet]:
    return [MailOutlet()]


def _connect(config: MailOutSettings) -> smtplib.SMTP:
    if config.port == 465:
        server: smtplib.SMTP = smtplib.SMTP_SSL(
            config.host, config.port, timeout=config.seconds, context=ssl.create_default_context()
        )
    else:
        server = smtplib.SMTP(config.host, config.port, timeout=config.seconds)
    try:
        if config.port != 465 and config.starttls:
            server.starttls(context=ssl.create_default_context())
        if config.user:
            server.login(config.user, config.password.get_secret_value())
    except Exception:
        server.close()
        raise
    return server


def _judge(code: int, error: Exception | None) -> None:
    if code >= 500:
        raise CannotDeliver(f"The mail server refused the mail with {code}.") from error
    raise Unavailable(f"The mail server asked to try again later with {code}.") from error


def _id(value: object) -> str:
    text = str(value or "").strip("<> ")
    return (
        text
        if text and len(text) < 250 and not any(letter in text for letter in "<> \r\n\t") and text.isascii()
        else ""
    )


def _line(value: str) -> str:
    return " ".join(value.split())
