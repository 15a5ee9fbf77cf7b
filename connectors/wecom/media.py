"""Pictures, voice, video and files of WeCom, fetched after the callback was answered."""

from __future__ import annotations

from connectors.media import Fetched, finish, missing
from connectors.wecom import client
from core import db, outbox
from intake import MessageRow, message_of

MEDIA = "wecom.media"


@outbox.handler(MEDIA, queue="bulk", lease=180, attempts=6, last_resort=missing)
def fetch(promise: outbox.Promise) -> outbox.Effect | None:
    """Fetches what the message points to."""
    with db.read() as session:
        message = message_of(session.get_one(MessageRow, promise.payload["message"]))
    found: dict[int, Fetched] = {}
    for number, attachment in enumerate(message.attachments):
        if attachment.remote and not attachment.blob:
            content, type_ = client.media(
                attachment.remote.removeprefix("media:"), service=bool(message.extra.get("service"))
            )
            found[number] = Fetched(content=content, type=type_)
    return finish(promise.payload["message"], message, found)
