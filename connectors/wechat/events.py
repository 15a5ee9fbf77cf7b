"""Events: follow, scan, menu, place, delivery reports and the many others. They are recorded; they make no draft.

An event that no documentation known to us names becomes a raw draft, as an unknown message does.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

from connectors.xml import text_of
from intake import Place

Fields = Mapping[str, Any]
DELIVERED = "wechat.delivered"

# Event -> what an agent reads in the story.
KNOWN: Mapping[str, str] = {
    "subscribe": "关注了公众号",
    "unsubscribe": "取消了关注",
    "SCAN": "扫描了二维码",
    "LOCATION": "上报了位置",
    "CLICK": "点击了菜单",
    "VIEW": "打开了菜单链接",
    "view_miniprogram": "打开了菜单小程序",
    "scancode_push": "用菜单扫码",
    "scancode_waitmsg": "用菜单扫码",
    "pic_sysphoto": "用菜单拍照",
    "pic_photo_or_album": "用菜单拍照或选图",
    "pic_weixin": "用菜单选图",
    "location_select": "用菜单发送位置",
    "media_id": "点击了菜单",
    "view_limited": "打开了菜单图文",
    "article_id": "点击了菜单",
    "article_view_limited": "打开了菜单图文",
    "TEMPLATESENDJOBFINISH": "模板消息发送结果",
    "MASSSENDJOBFINISH": "群发结果",
    "subscribe_msg_popup_event": "订阅通知弹窗操作",
    "subscribe_msg_change_event": "订阅通知设置变更",
    "subscribe_msg_sent_event": "订阅通知发送结果",
    "kf_create_session": "客服会话开始",
    "kf_close_session": "客服会话结束",
    "kf_switch_session": "客服会话转接",
    "qualification_verify_success": "资质认证成功",
    "qualification_verify_fail": "资质认证失败",
    "naming_verify_success": "名称认证成功",
    "naming_verify_fail": "名称认证失败",
    "annual_renew": "年审提醒",
    "verify_expired": "认证过期",
    "merchant_order": "订单付款",
    "ShakearoundUserShake": "摇一摇周边",
    "WifiConnected": "连接了门店无线网络",
    "submit_invoice_title": "提交了发票抬头",
    "update_invoice_status": "发票状态变更",
    "user_authorize_invoice": "授权开票",
    "card_pass_check": "卡券通过审核",
    "card_not_pass_check": "卡券未通过审核",
    "user_get_card": "领取了卡券",
    "user_gifting_card": "转赠了卡券",
    "user_del_card": "删除了卡券",
    "user_consume_card": "核销了卡券",
    "user_pay_from_pay_cell": "买单",
    "user_view_card": "打开了会员卡",
    "user_enter_session_from_card": "从卡券进入会话",
    "update_member_card": "会员卡内容更新",
    "card_sku_remind": "卡券库存报警",
    "card_pay_order": "券点流水",
    "submit_membercard_user_info": "激活了会员卡",
    "poi_check_notify": "门店审核结果",
    "user_info_modified": "修改了授权资料",
    "user_authorization_revoke": "撤回了授权",
    "user_authorization_cancellation": "注销了账号",
    "PUBLISHJOBFINISH": "发布结果",
    "guide_qrcode_scan_event": "扫描了顾问二维码",
    "guide_invite_result_event": "顾问邀请结果",
    "wxa_media_check": "内容安全检查结果",
    "user_enter_tempsession": "进入了小程序客服会话",
    "open_product_receive_coupon": "领取了优惠券",
    # WeCom applications
    "enter_agent": "进入了应用",
    "batch_job_result": "异步任务完成",
    "change_contact": "通讯录变更",
    "change_external_contact": "客户联系变更",
    "change_external_chat": "客户群变更",
    "open_approval_change": "审批状态变更",
    "sys_approval_change": "审批状态变更",
    "template_card_event": "点击了卡片",
    "template_card_menu_event": "点击了卡片菜单",
    "share_agent_change": "共享应用变更",
    "share_chain_change": "上下游共享应用变更",
    "kf_msg_or_event": "微信客服有新消息",
    "kf_account_auth_change": "客服账号授权变更",
    "add_schedule": "新建了日程",
    "modify_schedule": "修改了日程",
    "delete_schedule": "删除了日程",
    "modify_calendar": "修改了日历",
    "delete_calendar": "删除了日历",
    "book_meeting_room": "预定了会议室",
    "cancel_meeting_room": "取消了会议室",
    "close_inactive_agent": "长期未使用应用停用",
    "reopen_inactive_agent": "长期未使用应用启用",
    "low_active_agent": "低活跃应用提醒",
    "inactive_agent": "应用不活跃",
    "living_status_change": "直播状态变更",
}
_ASSET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
_SCENE_PREFIXES = ("qrscene_", "asset_", "asset:", "a:")


def read(fields: Fields) -> dict[str, Any]:
    """The parts of an event's Message."""
    named = dict(fields)
    name, key = text_of(named, "Event"), text_of(named, "EventKey")
    if name not in KNOWN:
        return {
            "text": json.dumps(named, ensure_ascii=False)[:4000],
            "problem": f"事件 {name[:40] or '（空）'} 无法识别，原文如下。 / Unknown event, shown as it came.",
        }
    parts: dict[str, Any] = {"text": KNOWN[name], "event": name[:40], "extra": {"key": key}}
    if name in ("SCAN", "subscribe"):
        scene = key
        if name == "subscribe" and not key.startswith("qrscene_"):
            scene = ""  # last_trade_no_..., scanbarcode|...: where the follower came from, no scene
        parts["asset_code"] = asset_of_scene(scene)
    elif name.startswith("scancode_"):
        inner = _inner(named, "ScanCodeInfo")
        result = text_of(inner, "ScanResult")
        parts["asset_code"] = asset_in(result) or asset_of_scene(result)
        parts["extra"]["scanned"] = result[:500]
    elif name == "LOCATION":
        # Reported by the phone's GPS, unlike a place that a person picks on the map.
        parts["place"] = place(text_of(named, "Latitude"), text_of(named, "Longitude"), "", datum="WGS-84")
    elif name == "location_select":
        inner = _inner(named, "SendLocationInfo")
        label = text_of(inner, "Label") or text_of(inner, "Poiname")
        parts["place"] = place(text_of(inner, "Location_X"), text_of(inner, "Location_Y"), label)
        parts["text"] = f"{KNOWN[name]} {label}".strip()
    elif name in ("TEMPLATESENDJOBFINISH", "subscribe_msg_sent_event"):
        parts["promises"] = (DELIVERED,)
    elif key and name in ("CLICK", "VIEW", "view_miniprogram"):
        parts["text"] = f"{KNOWN[name]} {key[:200]}"
    return parts


def reports(fields: Fields) -> list[tuple[str, str]]:
    """(provider's message id, status) of each template or subscription message that the event reports on."""
    named = dict(fields)
    if text_of(named, "Event") == "TEMPLATESENDJOBFINISH":
        return [(text_of(named, "MsgID"), text_of(named, "Status"))]
    listed = _inner(named, "SubscribeMsgSentEvent").get("List")
    items = listed if isinstance(listed, list) else [listed]
    return [
        (text_of(item, "MsgID"), "success" if text_of(item, "ErrorCode") == "0" else text_of(item, "ErrorStatus"))
        for item in items
        if isinstance(item, dict)
    ]


def identity(fields: Fields, kind: str, sender: str) -> str:
    """Sender, time, event and key; where an event has no key, everything else it says stands for it."""
    named = dict(fields)
    key = text_of(named, "EventKey")
    if not key:
        rest = {
            name: value for name, value in named.items() if name not in ("ToUserName", "FromUserName", "CreateTime")
        }
        key = hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()[:20]
    return f"{kind}:{sender}:{text_of(named, 'CreateTime')}:{text_of(named, 'Event')}:{key}"


def place(latitude: str, longitude: str, label: str, datum: str = "GCJ-02") -> Place | None:
    """Coordinates in degrees; None if they are none."""
    try:
        north, east = float(latitude), float(longitude)
    except ValueError:
        return None
    if not (-90 <= north <= 90 and -180 <= east <= 180):
        return None
    return Place(latitude=north, longitude=east, label=label[:300], datum=datum)


def asset_of_scene(scene: str) -> str:
    """The asset's code in the scene of a QR code: the scene itself, or what follows ``asset_``."""
    for prefix in _SCENE_PREFIXES:
        scene = scene.removeprefix(prefix)
    return scene if _ASSET.fullmatch(scene) else ""


def asset_in(address: str) -> str:
    """The asset's code in an address such as https://host/asset/CODE or pages/report?asset=CODE; "" if there is none."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return ""
    found = parse_qs(parts.query, max_num_fields=50).get("asset", [""])[0] if len(parts.query) < 2000 else ""
    if not found and "/asset/" in parts.path:
        found = parts.path.partition("/asset/")[2].strip("/")
    return found if _ASSET.fullmatch(found) else ""


def _inner(fields: dict[str, Any], name: str) -> dict[str, Any]:
    found = fields.get(name)
    return found if isinstance(found, dict) else {}
