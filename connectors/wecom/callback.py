"""The application's callback, always encrypted: check, open, take in, answer. No network is touched."""

from __future__ import annotations

from functools import lru_cache

from aiohttp import web
from pydantic import SecretStr

from connectors.wechat import messages
from connectors.wechat.envelope import Envelope
from connectors.wechat.signature import SeenAddresses, check_fresh
from connectors.wecom import service
from connectors.wecom.settings import WeComSettings
from connectors.xml import text_of
from core import settings
from core.errors import NotFound
from core.http import read_bytes
from intake import accept

CHANNEL = "wecom"
_seen = SeenAddresses()


def routes(app: web.Application) -> None:
    app.router.add_get("/wecom", verify)
    app.router.add_post("/wecom", receive)


@lru_cache(maxsize=8)
def _envelope(token: SecretStr, aes_key: SecretStr, corp_id: str) -> Envelope:
    return Envelope(token, aes_key, corp_id, enterprise=True)


def envelope() -> Envelope:
    """Raises NotFound while there is no WeCom."""
    config = settings.get(WeComSettings)
    if not (config.corp_id and config.token.get_secret_value() and config.aes_key.get_secret_value()):
        raise NotFound("There is no WeCom application.")
    return _envelope(config.token, config.aes_key, config.corp_id)


async def verify(request: web.Request) -> web.Response:
    """WeCom's check when the address is entered: the echo string comes back decrypted."""
    found = envelope()
    check_fresh(request.query.get("timestamp", ""), settings.get(WeComSettings).fresh_seconds)
    return web.Response(text=found.unseal(request.query, request.query.get("echostr", "")), content_type="text/plain")


async def receive(request: web.Request) -> web.Response:
    """One message or event. Answers once it is on disk; an empty answer means "received"."""
    config = settings.get(WeComSettings)
    found = envelope()
    query = request.query
    check_fresh(query.get("timestamp", ""), config.fresh_seconds)
    opened = found.open(query, await read_bytes(request, config.body_limit), takes_plain=False)
    _seen.bind(CHANNEL, query["timestamp"], query.get("nonce", ""), opened.source, config.fresh_seconds)
    fields = dict(opened.fields)
    if text_of(fields, "Event") == "kf_msg_or_event":
        await accept(service.knock(fields))
    else:
        await accept(messages.read(fields, opened.source, "main", channel=CHANNEL, identity="wecom"))
    return web.Response(text="", content_type="text/plain")
