"""Pictures, voice and video are fetched after the callback was answered; a voice message is then recognised.

Whatever fails, the message goes on: it becomes a draft that says what is missing.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from connectors.media import Fetched, finish, missing
from connectors.wechat import client, messages
from connectors.wechat.settings import WeChatSettings, account
from core import db, outbox, settings
from core.errors import ConfigurationError, HotlineError
from intake import Message, MessageRow, message_of


@outbox.handler(messages.MEDIA, queue="bulk", lease=180, attempts=6, last_resort=missing)
def fetch(promise: outbox.Promise) -> outbox.Effect | None:
    """Fetches what the message points to."""
    with db.read() as session:
        message = message_of(session.get_one(MessageRow, promise.payload["message"]))
    found = {
        number: _one(message, attachment.remote)
        for number, attachment in enumerate(message.attachments)
        if attachment.remote and not attachment.blob
    }
    return finish(promise.payload["message"], message, found)


def _one(message: Message, remote: str) -> Fetched:
    config = settings.get(WeChatSettings)
    owner = account(str(message.extra.get("account", "main")))
    try:
        content, type_ = client.media(owner, remote.removeprefix("media:"), config.media_limit)
    except (ConfigurationError, HotlineError) as error:
        picture = str(message.extra.get("picture_url", ""))
        if getattr(error, "retryable", False) or not _from_wechat(picture, config.picture_hosts):
            raise
        content, type_ = client.fetch(picture, config.media_limit, config.api_timeout)
    return Fetched(content=content, type=type_)


def _from_wechat(url: str, hosts: str) -> bool:
    """Only WeChat's own picture servers: nobody makes us call an address inside our network."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and any(host == h or host.endswith(f".{h}") for h in hosts.split())
