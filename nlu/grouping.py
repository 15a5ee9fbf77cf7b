"""Sorting the fields into requests: two broken devices are two; who and where belong to all of them. And a summary in one line."""

from __future__ import annotations

from collections.abc import Sequence

from nlu.contract import FieldFound, Intent, Request, Turn, Urgency

_OF_DEVICE = {"device", "brand", "model", "serial", "fault", "fault_code"}
_ZH = {
    "repair": "报修", "install": "安装", "maintain": "保养清洗", "complaint": "投诉", "enquiry": "咨询", "chase": "催单", "return": "退换货",
    "refund": "退款", "cancel": "取消", "reschedule": "改约", "praise": "表扬", "other": "其他",
}  # fmt: skip


def requests(fields: Sequence[FieldFound], intents: Sequence[str], turns: Sequence[Turn]) -> list[Request]:
    """At least one request. A device of another kind than the last opens a new one; its neighbours go with the nearest device."""
    shared = [f for f in fields if f.name not in _OF_DEVICE]
    groups: list[list[FieldFound]] = []
    kinds: list[str] = []
    pending: list[FieldFound] = []
    for field in fields:
        if field.name not in _OF_DEVICE:
            continue
        if field.name != "device":
            if groups and not (field.name == "brand" and _just_before_device(field, fields)):
                groups[-1].append(field)
            else:
                pending.append(field)
            continue
        kind = _kind(field)
        if kind in kinds:
            groups[kinds.index(kind)].extend([*pending, field])
        else:
            groups.append([*pending, field])
            kinds.append(kind)
        pending = []
    if pending:
        if groups:
            groups[-1].extend(pending)
        else:
            groups.append(pending)
    if not groups:
        return [Request(intents=tuple(intents), fields=tuple(shared), summary=_line(shared, intents))]
    made = []
    for group in groups:
        mine = sorted([*group, *shared], key=lambda f: (f.turn, f.start))
        made.append(Request(intents=tuple(intents), fields=tuple(mine), summary=_line(mine, intents)))
    return made


def _just_before_device(brand: FieldFound, fields: Sequence[FieldFound]) -> bool:
    return any(f.name == "device" and f.turn == brand.turn and 0 <= f.start - brand.end <= 2 for f in fields)


def _kind(device: FieldFound) -> str:
    category = str(device.resolved.details.get("category", "")) if device.resolved else ""
    digits = "".join(c for c in device.value if c.isdigit() or c in "一二三四五六七八九十")
    return f"{category or device.value}{digits if '号' in device.value or '#' in device.value else ''}"


def _line(fields: Sequence[FieldFound], intents: Sequence[str]) -> str:
    def all_of(name: str) -> list[str]:
        return list(dict.fromkeys(f.value for f in fields if f.name == name))

    device = "".join([*all_of("brand")[:1], *all_of("device")[:1]])
    parts = [
        "、".join(_ZH[i] for i in intents if i in _ZH),
        device,
        "，".join([*all_of("fault")[:3], *all_of("fault_code")[:1]]),
    ]
    return " ".join(p for p in parts if p)


def summary(made: Sequence[Request], intents: Sequence[Intent], urgency: Urgency) -> str:
    """One line for a list: urgency, what is wanted, devices and faults, where."""
    mark = {"emergency": "【危险】", "high": "【加急】", "normal": ""}[urgency]
    where = next((f.value for r in made for f in r.fields if f.name == "address"), "")
    lines = "；".join(dict.fromkeys(r.summary for r in made if r.summary))
    return f"{mark}{lines}{'，' if lines and where else ''}{where}"
