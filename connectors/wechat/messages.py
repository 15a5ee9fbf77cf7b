"""What a callback's fields say: a Message of every documented type; what nobody knows becomes a raw draft.

Sources: WeChat "接收普通消息", "接收事件推送"; WeCom "接收消息与事件" (the same fields, and AgentID).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from connectors.wechat import events
from connectors.xml import text_of
from core import clock
from intake import Attachment, Message, Place, Sender

Fields = Mapping[str, Any]
MEDIA = "wechat.media"
WAITING = "语音等待识别 (the voice message waits for recognition)"


def read(fields: Fields, source: str, account: str, *, channel: str = "wechat", identity: str = "openid") -> Message:
    """The Message of one callback. ``source`` is its XML, kept for the agent where the type is unknown."""
    kind = text_of(dict(fields), "MsgType")
    sender = text_of(dict(fields), "FromUserName")
    parts: dict[str, Any] = {"text": ""}
    if kind == "event":
        parts.update(events.read(fields))
    elif kind in TYPES:
        parts.update(TYPES[kind](fields))
    else:
        parts.update(unknown(kind, source))
    extra = {"account": account, "type": kind, "source": source, **parts.pop("extra", {})}
    if any(a.remote for a in parts.get("attachments", ())):
        parts["promises"] = (f"{channel}.media",)
    return Message(
        channel=channel,
        channel_id=message_id(fields, kind, sender),
        sender=Sender(kind=identity, value=sender or "unknown"),
        sent_at=moment(text_of(dict(fields), "CreateTime")),
        style="wechat",
        conversation=f"{account}:{sender}" if account != "main" else sender,
        extra=extra,
        **parts,
    )


def message_id(fields: Fields, kind: str, sender: str) -> str:
    """The identity under which WeChat sends it again: MsgId and sender; for events, which have none, sender, time, event
    and key."""
    number = text_of(dict(fields), "MsgId")
    identity = f"{kind}:{sender}:{number}" if number and number != "0" else events.identity(fields, kind, sender)
    return identity if len(identity) <= 200 else hashlib.sha256(identity.encode("utf-8", "replace")).hexdigest()


def moment(seconds: str) -> datetime:
    """A time in s since 1970; now, if it is none."""
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        return clock.now()


def unknown(kind: str, source: str) -> dict[str, Any]:
    """A raw draft: the agent sees what came."""
    return {
        "text": source[:4000],
        "problem": f"消息类型 {kind[:40] or '（空）'} 无法识别，原文如下。 / Unknown message type, shown as it came.",
    }


def _text(fields: Fields) -> dict[str, Any]:
    content = text_of(dict(fields), "Content")
    extra = {"menu": text_of(dict(fields), "bizmsgmenuid")} if "bizmsgmenuid" in fields else {}
    return {"text": content, "extra": extra}


def _media(suffix: str, type_: str) -> Callable[[Fields], dict[str, Any]]:
    def read_media(fields: Fields) -> dict[str, Any]:
        named = dict(fields)
        media, picture = text_of(named, "MediaId"), text_of(named, "PicUrl")
        stem = hashlib.sha256(f"{media}{picture}".encode("utf-8", "replace")).hexdigest()[:10]
        name = f"{type_.partition('/')[0]}-{stem}.{suffix}"
        return {
            "attachments": (Attachment(name=name, type=type_, size=0, remote=f"media:{media}"),),
            "extra": {"picture_url": picture} if picture else {},
        }

    return read_media


def _voice(fields: Fields) -> dict[str, Any]:
    """WeChat's own recognition, where the account has it switched on, spares ours."""
    named = dict(fields)
    suffix = text_of(named, "Format").lower()
    suffix = suffix if suffix in ("amr", "speex", "silk", "mp3") else "amr"
    parts = _media(suffix, f"audio/{suffix}")(fields)
    recognised = text_of(named, "Recognition").strip()
    return {**parts, "text": recognised} if recognised else {**parts, "waits": "recognition", "problem": WAITING}


def _location(fields: Fields) -> dict[str, Any]:
    named = dict(fields)
    label = text_of(named, "Label") or text_of(named, "Poiname")
    place = events.place(text_of(named, "Location_X"), text_of(named, "Location_Y"), label)
    if place is None:
        return {"text": label, "problem": "位置消息没有可用的坐标。 / The place has no usable coordinates."}
    return {"text": label, "place": place}


def _link(fields: Fields) -> dict[str, Any]:
    named = dict(fields)
    lines = (text_of(named, "Title"), text_of(named, "Description"), text_of(named, "Url"))
    return {"text": "\n".join(line for line in dict.fromkeys(lines) if line)}


def _mini_program_page(fields: Fields) -> dict[str, Any]:
    named = dict(fields)
    page = text_of(named, "PagePath")
    asset = events.asset_in(page)
    extra = {"app_id": text_of(named, "AppId"), "page": page}
    return {"text": text_of(named, "Title"), "asset_code": asset, "extra": extra}


def _file(fields: Fields) -> dict[str, Any]:
    named = dict(fields)
    name = text_of(named, "Title") or text_of(named, "FileName") or "file"
    media = text_of(named, "FileKey") or text_of(named, "MediaId")
    file = Attachment(name=name[:120], type="application/octet-stream", size=0, remote=f"media:{media}")
    return {"text": text_of(named, "Description"), "attachments": (file,)}


def _device(fields: Fields) -> dict[str, Any]:
    named = dict(fields)
    extra = {"device_id": text_of(named, "DeviceID"), "device_type": text_of(named, "DeviceType")}
    if text_of(named, "MsgType") == "device_event":
        name = text_of(named, "Event") or "device"
        return {"text": f"设备事件 {name}", "event": f"device_{name}"[:40], "extra": extra}
    content = text_of(named, "Content")
    try:
        content = base64.b64decode(content, validate=True).decode()
    except ValueError:  # documented as base 64; devices that send plain text are read as they are
        extra["encoding"] = "plain"
    return {"text": content, "extra": extra}


TYPES: Mapping[str, Callable[[Fields], dict[str, Any]]] = {
    "text": _text,
    "image": _media("jpg", "image/jpeg"),
    "voice": _voice,
    "video": _media("mp4", "video/mp4"),
    "shortvideo": _media("mp4", "video/mp4"),
    "location": _location,
    "link": _link,
    "miniprogrampage": _mini_program_page,
    "file": _file,
    "device_text": _device,
    "device_event": _device,
}
__all__ = ["MEDIA", "Message", "Place", "message_id", "moment", "read", "unknown"]
