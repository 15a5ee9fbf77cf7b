"""winmail.dat: the container Outlook sends when it thinks the receiver is Outlook (MS-OXTNEF), read with tnefparse."""

from __future__ import annotations

import logging

from tnefparse import TNEF
from tnefparse.properties import MAPI_ATTACH_LONG_FILENAME
from tnefparse.tnef import TNEFAttachment

from connectors.email import charset
from core import log

MAX_SIZE = 30_000_000
SIGNATURE = b"\x78\x9f\x3e\x22"
logger = log.get(__name__)
# tnefparse logs contents of broken containers, which may be personal.
logging.getLogger("tnefparse").disabled = True
logging.getLogger("tnef-decode").disabled = True


def open_container(content: bytes) -> tuple[list[tuple[str | None, bytes]], str]:
    """Names and contents of the files in it, and what went wrong in words for an agent ("" if nothing)."""
    if not content.startswith(SIGNATURE) or len(content) > MAX_SIZE:
        return [], "winmail.dat is not in Outlook's format; it is kept as it came."
    files: list[tuple[str | None, bytes]] = []
    try:
        container = TNEF(content, do_checksum=False)
        for attachment in container.attachments:
            files.append((_name(attachment), bytes(attachment.data or b"")))
    except Exception:
        # tnefparse raises TypeError, UnicodeDecodeError, struct.error and plain Exception on broken containers.
        logger.info("winmail.dat could not be opened")
        return files, "winmail.dat could not be read completely; it is kept as it came."
    return files, ""


def body_text(content: bytes) -> str:
    """Text of the letter inside, for mails that have no other."""
    try:
        container = TNEF(content, do_checksum=False)
        body = container.body or ""
    except Exception:
        logger.info("the text in winmail.dat could not be read")
        return ""
    return _text(body) or ""


def _name(attachment: TNEFAttachment) -> str | None:
    """The long name if there is one, else the short one's bytes: tnefparse insists on UTF-8 for it, Outlook does not."""
    long = [one.data for one in attachment.mapi_attrs if one.name == MAPI_ATTACH_LONG_FILENAME]
    return _text(long[0] if long else attachment._name)


def _text(value: object) -> str | None:
    if isinstance(value, bytes):
        return charset.decode(value.rstrip(b"\0"))
    return str(value).rstrip("\0") if value else None
