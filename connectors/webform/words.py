"""The pages' words, Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping

WORDS: Mapping[str, tuple[str, str]] = {
    "report": ("在线报修", "Report a problem"),
    "choose": ("请选择服务", "What can we do for you?"),
    "follow": ("查询进度", "Follow a request"),
    "required": ("必填", "required"),
    "optional": ("选填", "optional"),
    "files": ("照片或视频", "Pictures or video"),
    "files_hint": ("最多 {count} 个，每个不超过 {megabytes} MB", "At most {count}, {megabytes} MB each"),
    "place": ("使用当前位置", "Use my location"),
    "place_done": ("已附上位置", "Location added"),
    "place_failed": ("无法获取位置，请填写地址", "No location available; please write the address"),
    "map": ("也可以在地图上点选，标记可以拖动。", "Or tap the map; the marker can be dragged."),
    "marker": ("服务地点", "Place of service"),
    "send": ("提交", "Send"),
    "working": ("正在提交…", "Sending…"),
    "honeypot": ("请勿填写", "Leave this empty"),
    "device_known": ("设备", "Device"),
    "asset_unknown": (
        "此编号尚未登记，请填写设备信息。",
        "This code is not registered yet; please describe the device.",
    ),
    "note": ("补充说明", "Anything else"),
    "received": ("已收到", "We have it"),
    "received_text": ("您的请求已保存，我们会尽快处理。", "Your request is saved; we will take care of it."),
    "receipt": ("回执编号", "Receipt"),
    "number": ("工单编号", "Ticket number"),
    "pending": ("正在生成", "being made"),
    "code": ("手机号后四位", "Last four digits of your phone number"),
    "look": ("查询", "Look up"),
    "look_hint": ("请输入工单编号或回执编号。", "Enter the ticket number or the receipt."),
    "not_found": ("编号与手机号后四位不符。", "Number and code do not fit."),
    "state": ("状态", "State"),
    "story": ("进展", "Progress"),
    "add": ("补充信息", "Add to it"),
    "add_text": ("说明", "Your message"),
    "answer": ("我们需要您的答复", "We need your answer"),
    "added": ("已补充，谢谢。", "Added, thank you."),
    "rate": ("评价服务", "Rate our service"),
    "rated": ("感谢您的评价。", "Thank you for your rating."),
    "score": ("评分", "Score"),
    "comment": ("意见", "Comment"),
    "reopen": ("问题仍未解决", "The problem is still there"),
    "reopen_text": ("请说明情况", "What is wrong?"),
    "reopened": ("工单已重新打开。", "The request is open again."),
    "you": ("您", "You"),
    "we": ("客服", "Service"),
    "call": ("也可致电", "Or call"),
    "wrong": ("请检查以下内容", "Please check"),
    "lacking": ("请填写", "Please fill in"),
    "bad_phone": ("电话号码不正确", "This is no telephone number"),
    "bad_file": ("仅支持照片、视频、录音和 PDF", "Pictures, video, audio and PDF only"),
    "too_long": ("内容过长", "Too long"),
    "many_files": ("文件过多", "Too many files"),
    "back": ("返回", "Back"),
    "error": ("无法完成", "This did not work"),
    "privacy": ("所填信息仅用于处理本次服务请求。", "What you enter is used for this request only."),
}

STATES: Mapping[str, tuple[str, str]] = {
    "draft": ("已收到，等待审核", "Received, being checked"),
    "open": ("已受理，等待派单", "Accepted, an engineer is being chosen"),
    "assigned": ("已派单", "An engineer is assigned"),
    "accepted": ("工程师已接单", "The engineer is coming"),
    "on_site": ("工程师已上门", "The engineer is there"),
    "waiting": ("等待您的答复", "Waiting for your answer"),
    "completed": ("服务已完成", "Work is done"),
    "billed": ("已出账单", "Billed"),
    "closed": ("已结束", "Closed"),
    "discarded": ("已关闭", "Closed"),
    "cancelled": ("已取消", "Cancelled"),
    "merged": ("已合并到另一工单", "Joined with another request"),
}

# Events that a customer sees; everything else is the company's own business.
EVENTS: Mapping[str, tuple[str, str]] = {
    "ticket.drafted": ("收到请求", "Request received"),
    "ticket.confirmed": ("已受理", "Accepted"),
    "ticket.assigned": ("已派单", "Engineer assigned"),
    "ticket.accepted": ("工程师已接单", "Engineer on the way"),
    "ticket.checked_in": ("工程师已上门", "Engineer arrived"),
    "ticket.completed": ("服务已完成", "Work done"),
    "ticket.billed": ("已出账单", "Billed"),
    "ticket.closed": ("已结束", "Closed"),
    "ticket.cancelled": ("已取消", "Cancelled"),
    "ticket.reopened": ("已重新打开", "Reopened"),
}


def word(language: str, name: str, **values: object) -> str:
    """The word in ``zh`` or ``en``."""
    return WORDS[name][language == "en"].format(**values)
