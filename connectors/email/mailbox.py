"""An IMAP mailbox that is watched: every mail that comes is taken in, and only then marked as read.

What was taken in is remembered as a watermark (UIDVALIDITY and the highest UID, RFC 3501 §2.3.1.1) and not by the read
flag, because a person who opens a mail first must not hide it from us. Should the watermark be lost, nothing comes twice:
the identity of a mail is its content.
"""

from __future__ import annotations

import imaplib
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import unquote, urlsplit

from imap_tools import MailBox, MailBoxStartTls, MailBoxUnencrypted
from imap_tools.errors import ImapToolsError

from connectors.email import watermark
from connectors.email.watermark import Watermark
from core import clock, log
from core.errors import ConfigurationError, HotlineError

logger = log.get(__name__)
Deliver = Callable[[bytes, str], None]
_LISTEN = 2.0  # s between looks whether we are to stop, while the server may speak at any time
_CLIENT = '("name" "Hotline" "vendor" "Hotline")'
imaplib.Commands.setdefault("ID", ("NONAUTH", "AUTH", "SELECTED"))


@dataclass(frozen=True, kw_only=True)
class Address:
    """Where a mailbox is: ``imaps://user:password@host:port/folder``; imap+starttls:// and imap:// are the others."""

    scheme: str
    host: str
    port: int
    user: str
    password: str
    folder: str

    @classmethod
    def of(cls, url: str) -> Address:
        """Raises ConfigurationError; never repeats the URL, for the password is in it."""
        try:
            split = urlsplit(url)
            port = split.port
        except ValueError as error:
            raise ConfigurationError("A mailbox is not a URL; write it imaps://user:password@host/INBOX.") from error
        if split.scheme not in ("imaps", "imap+starttls", "imap") or not split.hostname or not split.username:
            raise ConfigurationError("A mailbox is written imaps://user:password@host/INBOX.")
        return cls(
            scheme=split.scheme,
            host=split.hostname,
            port=port or (993 if split.scheme == "imaps" else 143),
            user=unquote(split.username),
            password=unquote(split.password or ""),
            folder=unquote(split.path.lstrip("/")) or "INBOX",
        )

    @property
    def key(self) -> str:
        """Names the mailbox without its password."""
        return f"{self.user}@{self.host}:{self.port}/{self.folder}"


class Mailbox:
    """One session with a mailbox. Raises OSError, imaplib.IMAP4.error or ImapToolsError when the server fails."""

    def __init__(self, address: Address, *, max_size: int, timeout: float = 60.0) -> None:
        self._address, self._max_size = address, max_size
        self._box = _connect(address, timeout)
        try:
            self._box.login(address.user, address.password, initial_folder=None)
            if "ID" in self._box.client.capabilities:
                # Some providers (NetEase) refuse to open a folder for programs that don't say who they are (RFC 2971).
                self._box.client._simple_command("ID", _CLIENT)
            self._box.folder.set(address.folder)
        except BaseException:
            self._box.client.shutdown()
            raise

    def close(self) -> None:
        with suppress(OSError, imaplib.IMAP4.error, ImapToolsError):
            self._box.logout()

    @property
    def can_idle(self) -> bool:
        return "IDLE" in self._box.client.capabilities

    def take_in(self, known: Watermark | None, deliver: Deliver) -> Watermark:
        """Delivers what is new, marks it as read and returns the new watermark; it stops at the first mail that the
        inbox asks to bring again later (the error is raised after the watermark was saved by the caller's ``deliver``)."""
        self._announced()  # what was announced until now, the search below finds
        status = self._box.folder.status(self._address.folder, ["UIDVALIDITY", "UIDNEXT"])
        validity, following = int(status["UIDVALIDITY"]), int(status["UIDNEXT"])
        uids = self._new_uids(known, validity)
        mark = Watermark(validity=validity, highest=known.highest if known and known.validity == validity else 0)
        for uid in uids:
            if self._deliver(uid, deliver):
                self._box.flag(str(uid), "\\Seen", True)
            mark = Watermark(validity=validity, highest=max(mark.highest, uid), seen=clock.now())
            watermark.save(self._address.key, mark)
        mark = Watermark(
            validity=validity, highest=max(mark.highest, following - 1 if not known else 0), seen=clock.now()
        )
        watermark.save(self._address.key, mark)
        return mark

    def wait(self, seconds: float, stop: threading.Event) -> None:
        """Returns when the mailbox changed, the time is over or ``stop`` is set."""
        if self._announced():
            return
        if not self.can_idle:
            stop.wait(seconds)
            return
        self._box.idle.start()
        try:
            waited = 0.0
            if b"EXISTS" in self._buffered():
                return
            while waited < seconds and not stop.is_set():
                if any(
                    b"EXISTS" in line or b"RECENT" in line or b"BYE" in line for line in self._box.idle.poll(_LISTEN)
                ):
                    return
                waited += _LISTEN
        finally:
            self._box.idle.stop()

    def _announced(self) -> bool:
        """Whether the server spoke of new mail in the answer to some command since this was last asked; it does not say
        so again in IDLE."""
        _, counts = self._box.client.response("EXISTS")
        return any(count is not None for count in counts)

    def _buffered(self) -> bytes:
        """What came in one packet with the answer to IDLE: it waits in the reader's buffer, where polling the socket does
        not see it."""
        connection = self._box.client.sock
        before = connection.gettimeout()
        connection.settimeout(0)
        try:
            return bytes(self._box.client.file.peek())
        except OSError:  # nothing there, on a TLS connection
            return b""
        finally:
            connection.settimeout(before)

    def _new_uids(self, known: Watermark | None, validity: int) -> list[int]:
        if known is None:
            # A mailbox met for the first time: what nobody has read yet, not its history.
            found = self._box.uids("UNSEEN")
        elif known.validity != validity:
            # The server renumbered it: look at all that may have come since, known ones are recognised by content.
            since = (known.seen or clock.now()) - timedelta(days=2)
            logger.warning("a mailbox was renumbered by its server")
            found = [*self._box.uids("UNSEEN"), *self._box.uids(f"SINCE {since:%d-%b-%Y}")]
        else:
            # n:* names at least the last mail, even when its number is below n.
            found = [uid for uid in self._box.uids(f"UID {known.highest + 1}:*") if int(uid) > known.highest]
        return sorted({int(uid) for uid in found})

    def _deliver(self, uid: int, deliver: Deliver) -> bool:
        """False where the mail stays unread because only a part of it was taken in, or it has gone."""
        size = _number(self._fetch(uid, "(RFC822.SIZE)")[0])
        whole = size <= self._max_size
        _, raw = self._fetch(uid, "(BODY.PEEK[])" if whole else "(BODY.PEEK[HEADER])")
        if not raw:
            return False
        deliver(
            raw,
            "" if whole else f"The mail has {size} bytes; only its header was fetched. It is unread in the mailbox.",
        )
        return whole

    def _fetch(self, uid: int, what: str) -> tuple[bytes, bytes]:
        """The answer's line and its literal. imap-tools' own fetch would parse the mail here, without limits."""
        status, answer = self._box.client.uid("FETCH", str(uid), what)
        if status != "OK":
            raise imaplib.IMAP4.error("FETCH was refused")
        for item in answer:
            if isinstance(item, tuple):
                return bytes(item[0]), bytes(item[1])
        return next((bytes(item) for item in answer if isinstance(item, bytes)), b""), b""


def watch(
    address: Address, deliver: Deliver, stop: threading.Event, *, max_size: int, rest: float, retry: float
) -> None:
    """Keeps watching until ``stop``: ``rest`` s between looks where nothing happens, ``retry`` s after the first failure
    (doubled up to five minutes)."""
    pause = retry
    while not stop.is_set():
        try:
            box = Mailbox(address, max_size=max_size)
            try:
                while not stop.is_set():
                    box.take_in(watermark.load(address.key), deliver)
                    pause = retry
                    box.wait(rest, stop)
            finally:
                box.close()
        except (OSError, imaplib.IMAP4.error, ImapToolsError, HotlineError) as error:
            logger.warning("a mailbox could not be read", error=type(error).__name__, personal={"mailbox": address.key})
        except Exception:
            # One mail, or one odd answer of a server, must not end the process with all its other mailboxes.
            logger.exception("a mailbox's watcher failed", personal={"mailbox": address.key})
        else:
            return
        stop.wait(pause)
        pause = min(pause * 2, 300.0)


def _connect(address: Address, timeout: float) -> MailBox:
    if address.scheme == "imaps":
        return MailBox(address.host, address.port, timeout, ssl_context=ssl.create_default_context())
    if address.scheme == "imap+starttls":
        return MailBoxStartTls(address.host, address.port, timeout, ssl_context=ssl.create_default_context())
    return MailBoxUnencrypted(address.host, address.port, timeout)


def _number(line: bytes) -> int:
    digits = line.upper().partition(b"RFC822.SIZE")[2].strip(b" )")
    return int(digits) if digits.isdigit() else 0
