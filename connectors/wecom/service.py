"""微信客服: the callback only says that there is something; the messages are read by a cursor, through the outbox.

The cursor is the payload of the one promise that reads an account ("wecom.page", unique by account): a page's messages, the
new cursor and the promise of the next page are committed together, so no page is lost and none is taken in twice.
Source: WeCom "接收消息和事件" of 微信客服, "读取消息".
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from connectors.wechat.events import asset_in, asset_of_scene, place
from connectors.wechat.messages import WAITING, moment
from connectors.wecom import client
from connectors.xml import text_of
from core import clock, db, outbox
from core.outbox import PromiseRow
from intake import Attachment, Message, MessageRow, Sender, accept_in

SYNC = "wecom.sync"
PAGE = "wecom.page"
CUSTOMER, EVENT = 3, 4  # "origin" of a message; 5 is a servicer's answer
IDENTITY = "wecom_customer"
_FILES = {
    "image": ("jpg", "image/jpeg"),
    "voice": ("amr", "audio/amr"),
    "video": ("mp4", "video/mp4"),
    "file": ("bin", ""),
}


def knock(fields: Mapping[str, Any]) -> Message:
    """The callback's event as a record that promises to read what is new."""
    named = dict(fields)
    account, token = text_of(named, "OpenKfId"), text_of(named, "Token")
    digest = hashlib.sha256(f"{account}|{token}|{text_of(named, 'CreateTime')}".encode("utf-8", "replace")).hexdigest()
    return Message(
        channel="wecom",
        channel_id=f"kf:{digest[:40]}",
        sender=Sender(kind="wecom", value=account or "unknown"),
        text="",
        sent_at=moment(text_of(named, "CreateTime")),
        style="wechat",
        event="kf_msg_or_event",
        extra={"account": account, "token": token},
        promises=(SYNC,),
    )


@outbox.handler(SYNC, queue="bulk")
def sync(promise: outbox.Promise) -> outbox.Effect:
    """Has the account's new messages read; if they are being read now, once more after that."""
    with db.read() as session:
        extra = session.get_one(MessageRow, promise.payload["message"]).content["extra"]
    account = str(extra["account"])

    def write(session: Session) -> None:
        query = select(PromiseRow).where(PromiseRow.kind == PAGE, PromiseRow.unique_key == account).with_for_update()
        reading = session.scalar(query)
        cursor = reading.payload.get("cursor", "") if reading is not None else ""
        if reading is not None and reading.state in ("waiting", "queued", "running"):
            reading.payload = {**reading.payload, "again": True}
            return
        outbox.promise(
            session, PAGE, {"account": account, "token": extra["token"], "cursor": cursor}, unique_key=account
        )

    return write


@outbox.handler(PAGE, queue="bulk", lease=60, attempts=10)
def read_page(promise: outbox.Promise) -> outbox.Effect:
    """Takes in one page of messages."""
    account, cursor = promise.payload["account"], promise.payload.get("cursor", "")
    answer = client.sync(promise.payload.get("token", ""), account, cursor)
    found = [message for item in answer.get("msg_list", ()) if (message := read(item)) is not None]
    following = str(answer.get("next_cursor") or cursor)

    def write(session: Session) -> None:
        for message in found:
            accept_in(session, message)
        row = session.get_one(PromiseRow, promise.id)
        more = bool(answer.get("has_more")) or row.payload.get("again", False)
        row.payload = {**promise.payload, "cursor": following, "again": False}
        session.flush()
        if more:
            outbox.promise(session, PAGE, dict(row.payload), unique_key=account)

    return write


def read(item: Mapping[str, Any]) -> Message | None:
    """One message of a page; None for what a servicer wrote. An unknown type becomes a raw draft."""
    if item.get("origin") not in (CUSTOMER, EVENT, None):
        return None
    kind = str(item.get("msgtype", ""))
    content = item.get(kind)
    content = content if isinstance(content, dict) else {}
    customer = str(item.get("external_userid") or content.get("external_userid") or "unknown")
    account = str(item.get("open_kfid") or content.get("open_kfid") or "")
    parts = _parts(kind, content, item)
    if any(a.remote for a in parts.get("attachments", ())):
        parts["promises"] = ("wecom.media",)
    return Message(
        channel="wecom",
        channel_id=f"kf:{str(item.get('msgid', ''))[:150] or hashlib.sha256(repr(item).encode()).hexdigest()}",
        sender=Sender(kind=IDENTITY, value=customer[:255]),
        sent_at=moment(str(item.get("send_time", ""))) if item.get("send_time") else clock.now(),
        style="wechat",
        conversation=f"kf:{account}:{customer}",
        extra={"account": account, "type": kind, "service": True, "item": dict(item)},
        **{"text": "", **parts},
    )


def _parts(kind: str, content: Mapping[str, Any], item: Mapping[str, Any]) -> dict[str, Any]:
    def text(name: str) -> str:
        return str(content.get(name) or "")

    match kind:
        case "text":
            return {"text": text("content")}
        case "image" | "voice" | "video" | "file":
            suffix, type_ = _FILES[kind]
            name = f"{kind}-{hashlib.sha256(text('media_id').encode()).hexdigest()[:10]}.{suffix}"
            file = Attachment(
                name=name, type=type_ or "application/octet-stream", size=0, remote=f"media:{text('media_id')}"
            )
            waits = {"waits": "recognition", "problem": WAITING} if kind == "voice" else {}
            return {"attachments": (file,), **waits}
        case "location":
            label = text("address") or text("name")
            return {"text": label, "place": place(text("latitude"), text("longitude"), label)}
        case "link":
            return {"text": "\n".join(filter(None, (text("title"), text("desc"), text("url"))))}
        case "miniprogram":
            return {"text": text("title"), "asset_code": asset_in(text("pagepath"))}
        case "event":
            name = text("event_type") or "event"
            scene = text("scene_param")
            return {"text": f"客服事件 {name}", "event": name[:40], "asset_code": asset_of_scene(scene)}
    return {
        "text": repr(dict(item))[:4000],
        "problem": f"消息类型 {kind[:40]} 无法识别，原文如下。 / Unknown message type, shown as it came.",
    }
