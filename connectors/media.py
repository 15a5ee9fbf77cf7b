"""Files that a channel only points to: how they join their message once they are fetched, and what happens if they don't.

Shared by wechat, wecom and generic.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

import filetype
from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.voice_message import Heard, hear
from core import blobs, db, outbox
from intake import Attachment, Message, MessageRow, message_of
from intake.understand import recognised
from ticketing import Entry

HEAR = "media.hear"


@dataclass(frozen=True, kw_only=True)
class Fetched:
    """A file as the provider gave it."""

    content: bytes
    type: str = ""


def finish(message_id: str, message: Message, found: Mapping[int, Fetched]) -> outbox.Effect:
    """Keeps the files; a voice message that waits is then listened to. ``found`` by place among the attachments."""
    attachments = list(message.attachments)
    for number, file in found.items():
        attachments[number] = kept(attachments[number], file)

    def write(session: Session) -> None:
        row = session.get_one(MessageRow, message_id)
        row.content = {**row.content, "attachments": [dataclasses.asdict(a) for a in attachments]}
        if message.waits == "recognition":
            outbox.promise(session, HEAR, {"message": message_id})
        _renew_entry(session, message_id, attachments)

    return write


def _unheard(promise: outbox.Promise, error: str) -> outbox.Effect:
    problem = "没有可用的语音识别，请听录音。 / No recogniser was available; please listen to the recording."
    return _heard(promise.payload["message"], Heard(problem=problem))


@outbox.handler(HEAR, queue="bulk", lease=300, attempts=8, backoff=4, last_resort=_unheard)
def listen(promise: outbox.Promise) -> outbox.Effect:
    """Recognises the voice message; it is understood only then."""
    with db.read() as session:
        message = message_of(session.get_one(MessageRow, promise.payload["message"]))
    voice = next((a for a in message.attachments if a.blob), None)
    heard = hear(voice) if voice else Heard(problem="语音没有取到。 / The voice message could not be fetched.")
    return _heard(promise.payload["message"], heard)


def _heard(message_id: str, heard: Heard) -> outbox.Effect:
    def write(session: Session) -> None:
        row = session.get_one(MessageRow, message_id)
        row.content = {**row.content, "recording": heard.recording}
        recognised(session, message_id, heard.text, [dataclasses.asdict(word) for word in heard.words])
        row.problem = heard.problem or row.problem

    return write


def kept(attachment: Attachment, file: Fetched) -> Attachment:
    """The attachment with its content on disk and the type that the content shows, not the one that was claimed."""
    kind = filetype.guess(file.content)
    type_ = kind.mime if kind else _plain(file.type) or attachment.type
    if kind is None and file.content.startswith((b"#!AMR", b"#!SILK", b"\x02#!SILK")):
        type_ = "audio/amr" if file.content.startswith(b"#!AMR") else "audio/silk"
    name = attachment.name
    if kind and PurePosixPath(name).suffix.lower() != f".{kind.extension}" and name.startswith(("image-", "video-")):
        name = f"{PurePosixPath(name).stem}.{kind.extension}"
    return dataclasses.replace(
        attachment, name=name, type=type_, size=len(file.content), blob=blobs.store().put(file.content)
    )


def missing(promise: outbox.Promise, error: str) -> outbox.Effect:
    """The last resort: the message goes on without its file, and says so."""
    with db.read() as session:
        message = message_of(session.get_one(MessageRow, promise.payload["message"]))
    names = "、".join(a.name for a in message.attachments if a.remote and not a.blob)

    def write(session: Session) -> None:
        row = session.get_one(MessageRow, promise.payload["message"])
        note = f"附件未能取回：{names}（{error.partition(':')[0]}）。 / Could not be fetched."
        if message.waits:
            recognised(session, row.id, "", [])
            row.problem = note
        else:
            row.problem = f"{row.problem}\n{note}".strip()

    return write


def _renew_entry(session: Session, message_id: str, attachments: list[Attachment]) -> None:
    """If the message was understood before its picture came, its entry in the ticket's story still points to nothing."""
    entry = session.scalar(select(Entry).where(Entry.message_id == message_id))
    if entry is not None:
        entry.attachments = [
            {"name": a.name, "type": a.type, "size": a.size, "blob": a.blob, "remote": a.remote} for a in attachments
        ]


def _plain(type_: str) -> str:
    plain = type_.partition(";")[0].strip().lower()
    return "" if plain in ("", "application/octet-stream", "text/plain", "application/json") else plain
