"""The callback: check, open, take in, answer. Nothing here waits for a network, so WeChat's 5 s are never near."""

from __future__ import annotations

from functools import lru_cache
from xml.sax.saxutils import escape

from aiohttp import web

from connectors.wechat import messages
from connectors.wechat.envelope import Envelope, Opened
from connectors.wechat.settings import Account, WeChatSettings, account
from connectors.wechat.signature import SeenAddresses, check_fresh
from connectors.xml import text_of
from core import clock, log, settings
from core.http import read_bytes
from intake import Message, accept

logger = log.get(__name__)
_seen = SeenAddresses()


def routes(app: web.Application) -> None:
    """GET proves to WeChat who we are; POST takes messages and events."""
    for path in ("/wechat", "/wechat/{account}"):
        app.router.add_get(path, verify)
        app.router.add_post(path, receive)


@lru_cache(maxsize=32)
def envelope(of: Account) -> Envelope:
    return Envelope(of.token, of.aes_key, of.app_id)


async def verify(request: web.Request) -> web.Response:
    """WeChat's check when the address is entered: the echo string comes back if the signature fits."""
    found = account(request.match_info.get("account", "main"))
    envelope(found).check_address(request.query)
    check_fresh(request.query.get("timestamp", ""), settings.get(WeChatSettings).fresh_seconds)
    return web.Response(text=request.query.get("echostr", "")[:200], content_type="text/plain")


async def receive(request: web.Request) -> web.Response:
    """One message or event. Answers once it is on disk."""
    config = settings.get(WeChatSettings)
    found = account(request.match_info.get("account", "main"))
    query = request.query
    check_fresh(query.get("timestamp", ""), config.fresh_seconds)
    body = await read_bytes(request, config.body_limit)
    opened = envelope(found).open(query, body, takes_plain=found.takes_plain)
    _seen.bind(found.name, query["timestamp"], query.get("nonce", ""), opened.source, config.fresh_seconds)
    message = messages.read(opened.fields, opened.source, found.name)
    await accept(message)
    answer = passive_reply(message, opened)  # to a retry too: WeChat repeats what it has heard no answer to
    if not answer:
        return web.Response(text="success", content_type="text/plain")
    if opened.encrypted:
        answer = envelope(found).seal(answer, query.get("nonce", ""), query["timestamp"])
    return web.Response(text=answer, content_type="application/xml")


def passive_reply(message: Message, opened: Opened) -> str:
    """The XML of an answer that needs no thought: to a follower's first step and to a scan; "" for none."""
    config = settings.get(WeChatSettings)
    text = ""
    if message.event in ("SCAN", "subscribe", "scancode_waitmsg") and message.asset_code:
        text = config.scanned.replace("{code}", message.asset_code)
    elif message.event == "subscribe":
        text = config.welcome
    if not text:
        return ""
    to, sender = (escape(text_of(dict(opened.fields), name)) for name in ("FromUserName", "ToUserName"))
    return (
        f"<xml><ToUserName>{to}</ToUserName><FromUserName>{sender}</FromUserName>"
        f"<CreateTime>{int(clock.now().timestamp())}</CreateTime><MsgType>text</MsgType>"
        f"<Content>{escape(text)}</Content></xml>"
    )
