"""Putting the model's spans in order by rules that need no learning: edges, whole numbers and codes, lines, impossible values."""

from __future__ import annotations

import re

from nlu.by_rule import by_rule
from nlu.contract import FIELD_NAMES
from nlu.places import divisions
from nlu.values import phone_value

Found = tuple[int, int, str, float, str]  # start, end, field, confidence, component
_EDGES = " \t\n\u3000,，。；;、：:！!？?“”\"'《》<>【】[]|~…=＝*"
_N = "零〇一幺二两三四五六七八九"
_MOBILE = re.compile(r"(?<![\d零〇一二三四五六七八九幺a-zA-Z-])(?:\+?86[- ]?)?1[3-9]\d(?:[- ]?\d{4}){2}(?![\d-])")
_SPOKEN_MOBILE = re.compile(rf"(?<![{_N}])[幺一][ ]?[三四五六七八九](?:[ 嗯呃啊]*[{_N}]){{9}}(?![{_N}十百千])")
_LANDLINE = re.compile(r"(?<![\d-])0\d{2,3}-\d{7,8}(?:(?:转|-)\d{1,6})?(?!\d)")
_NOT_MINE = re.compile(r"(?:师傅|工程师|客服|专员|原来|旧|之前|老号|作废|登记的|以前).{0,12}$")
_NOT_AFTER = re.compile(r"^.{0,3}(?:作废|停用|停机|不用了|打不通|不对)")
_PHONE_RUN = re.compile(rf"[+(（]?[\d{_N}](?:[-\d{_N} ()（）嗯呃啊]*(?:转(?:分机)?)?[\d{_N}])*")
_CODE_RUN = re.compile(r"[A-Za-z0-9(（][A-Za-z0-9\-_/.()（）+#]*[A-Za-z0-9)）+]")
_SPOKEN_CODE = re.compile(rf"^[A-Za-z0-9{_N}十百杠横斜点\- /.]+")
_ONE_LINE = frozenset(FIELD_NAMES)
_CODES = ("model", "serial", "order", "fault_code")
_ASKED = frozenset(["phone", "order", "serial"])


def tidy(text: str, spans: list[tuple[int, int, str, float]], *, expects: str = "") -> list[Found]:
    """Sorted, trimmed, without overlaps; fields whose value is impossible are dropped, clear numbers are added."""
    found: list[Found] = []
    for start, end, name, confidence in spans:
        start, end = _one_line(text, start, end)
        start, end = _trim(text, start, end, name)
        if start >= end:
            continue
        if name == "phone":
            start, end = _whole_phone(text, start, end)
        elif name in _CODES:
            start, end = _whole_code(text, start, end)
        elif name == "address":
            start, end = _address_end(text, start, end)
        start, end = _trim(text, start, end, name)
        if start < end and _possible(name, text[start:end]):
            found.append((start, end, name, confidence, "entities"))
    found = _parts_of_faults(text, _without_overlaps(_merged(text, found)))
    found = by_rule(text, found)
    for pattern, begins in ((_MOBILE, "1"), (_SPOKEN_MOBILE, "幺一"), (_LANDLINE, "0")):
        if not any(c in text for c in begins):
            continue
        for match in pattern.finditer(text):
            if any(f[0] < match.end() and match.start() < f[1] for f in found):
                continue
            if _NOT_MINE.search(text[max(0, match.start() - 14) : match.start()]) or _NOT_AFTER.match(
                text[match.end() : match.end() + 8]
            ):
                continue
            found.append((match.start(), match.end(), "phone", 0.6, "numbers"))
    if expects and not any(f[2] == expects for f in found):
        found = _as_expected(text, expects, found)
        found.extend(_answer(text, expects, found))
    found.sort()
    return found


_NO_ANSWER = re.compile(r"不知道|不清楚|没有|不记得|忘了|不晓得|什么|哪|吗|么$|\?|？")


def _answer(text: str, expects: str, found: list[Found]) -> list[Found]:
    """A short turn after a question is its answer, unless it says that there is none."""
    start, end = _trim(text, 0, len(text), expects)
    surface = text[start:end]
    if not 0 < len(surface) <= 30 or found or _NO_ANSWER.search(surface) or not _possible(expects, surface):
        return []
    return [(start, end, expects, 0.5, "answer")]


def _as_expected(text: str, expects: str, found: list[Found]) -> list[Found]:
    """A turn after the question for a number that is nothing but a number of another kind is the number that was asked for."""
    if expects not in _ASKED or len(found) != 1 or found[0][2] not in _ASKED:
        return found
    start, end, _, confidence, _ = found[0]
    if (text[:start] + text[end:]).strip(_EDGES) or not _possible(expects, text[start:end]):
        return found
    return [(start, end, expects, confidence, "answer")]


def _one_line(text: str, start: int, end: int) -> tuple[int, int]:
    """No field goes over a line end: the longer part stays."""
    surface = text[start:end]
    if "\n" not in surface.strip("\n"):
        return start, end
    parts = [(m.start(), m.end()) for m in re.finditer(r"[^\n]+", surface)]
    a, b = max(parts, key=lambda p: p[1] - p[0])
    return start + a, start + b


def _trim(text: str, start: int, end: int, name: str) -> tuple[int, int]:
    while start < end and (
        text[start] in _EDGES or (text[start] in ")）" or (text[start] in "(（" and _unmatched(text[start:end], 0)))
    ):
        start += 1
    while end > start and (
        text[end - 1] in _EDGES
        or text[end - 1] in "(（"
        or (text[end - 1] in ")）" and _unmatched(text[start:end], -1))
    ):
        end -= 1
    if name in _CODES and end - start > 2 and text[start] in "(（" and text[end - 1] in ")）":
        start, end = start + 1, end - 1
    return start, end


def _unmatched(surface: str, at: int) -> bool:
    opened = sum(c in "(（" for c in surface)
    closed = sum(c in ")）" for c in surface)
    return opened > closed if at == 0 else closed > opened


def _whole_phone(text: str, start: int, end: int) -> tuple[int, int]:
    """The span's number without words around it, grown to the whole run of digits."""
    surface = text[start:end]
    if re.search(r"不|错", surface):
        return start, end
    best = max(_PHONE_RUN.finditer(surface), key=lambda m: len(m.group()), default=None)
    if best is None:
        return start, end
    a, b = start + best.start(), start + best.end()
    digits = phone_value(text[a:b])
    while b < len(text) and (text[b].isdigit() or text[b] in _N) and len(digits.split("-")[0]) < 11:
        b += 1
        digits = phone_value(text[a:b])
    while a > 0 and text[a - 1].isdigit() and text[a].isdigit():
        a -= 1
    if len(digits) == 12 and digits[0] != "0" and digits[1] == "1":  # a digit of what stood before
        a += 1
    return a, b


def _whole_code(text: str, start: int, end: int) -> tuple[int, int]:
    """A printed code is taken whole; a spoken one loses the words that follow it."""
    surface = text[start:end]
    if re.search(r"不对|不是|错", surface):
        return start, end
    if surface.isascii() or re.match(r"^[\x00-\x7f（）]+$", surface):
        for match in _CODE_RUN.finditer(text, max(0, start - 40), min(len(text), end + 40)):
            if match.start() < end and start < match.end() and match.end() - match.start() >= end - start:
                return match.start(), match.end()
        return start, end
    lead = re.match(rf"^[^A-Za-z0-9{_N}]+", surface)
    if lead and lead.end() < len(surface):
        start += lead.end()
        surface = text[start:end]
    spoken = _SPOKEN_CODE.match(surface)
    if spoken and len(spoken.group().strip()) >= 2:
        return start, start + len(spoken.group().rstrip())
    return start, end


_MORE_ADDRESS = re.compile(
    rf"[ ]?(?:(?:[{_N}十百0-9]{{1,4}}(?:号楼|单元|楼|层|室|栋|幢|号(?!线|梯|泵|机))|之[{_N}0-9]+|(?<=单元)[ ]?[{_N}0-9]{{3,4}}(?![{_N}十百点号0-9])|(?<=[楼栋幢])[ ]?[{_N}0-9]{{3,4}}(?![{_N}十百点号0-9])))+"
)


def _address_end(text: str, start: int, end: int) -> tuple[int, int]:
    """A division's name at the beginning is taken whole, and the numbers that go on behind the end belong to it."""
    names = divisions().by_name
    for back in (3, 2, 1):
        head = text[max(0, start - back) : start]
        if (
            len(head) == back
            and "\n" not in head
            and any(len(name) > back and name in names for name in (text[start - back : start + k] for k in (1, 2, 3)))
        ):
            start -= back
            break
    if re.search(r"[路街道号院楼栋幢元层园苑区]$", text[start:end]):
        more = _MORE_ADDRESS.match(text, end)
        if more:
            end = more.end()
    return start, end


_PARTS = frozenset(
    [
        "内机",
        "外机",
        "室内机",
        "室外机",
        "旋钮",
        "面板",
        "显示屏",
        "屏幕",
        "压缩机",
        "风扇",
        "电机",
        "阀门",
        "门",
        "灯",
        "水管",
        "软管",
        "杆子",
        "遥控器",
        "风机",
        "喷头",
        "主板",
        "水箱",
    ]
)


def _parts_of_faults(text: str, found: list[Found]) -> list[Found]:
    """A part that was taken for a device and stands right before its symptom is the symptom's beginning."""
    out: list[Found] = []
    for item in sorted(found):
        if (
            out
            and item[2] == "fault"
            and out[-1][2] == "device"
            and out[-1][1] == item[0]
            and text[out[-1][0] : out[-1][1]] in _PARTS
        ):
            out[-1] = (out[-1][0], item[1], "fault", item[3], item[4])
            continue
        out.append(item)
    return out


_PLACE = re.compile(
    r"[省市区县旗州镇乡村路街道巷弄号楼栋幢座室园苑城府湾店厦场院里庄屯组门口段馆厂站校部馆]|单元|对面|旁|附近|\d-\d"
)


def _possible(name: str, surface: str) -> bool:
    if not re.search(r"\w", surface):
        return False
    if name == "phone":
        return 7 <= len(phone_value(surface).split("-")[0]) <= 13
    if name == "fault_code" and surface.lower() in ("re", "fw", "fwd", "tel", "add", "sn"):
        return False
    if name in ("model", "serial", "order"):
        return bool(re.search(rf"[0-9{_N}]", surface)) and len(surface) >= 2
    if name == "contact_name":
        return len(surface) <= 20 and not re.search(r"\d", surface)
    if name in ("device", "brand"):
        return len(surface) <= 20
    if name == "fault":
        return 1 < len(surface) <= 40
    if name == "time":
        return len(surface) <= 40
    if name == "address" and not _PLACE.search(surface) and surface not in divisions().by_name:
        return False
    return len(surface) <= 120


def _merged(text: str, found: list[Found]) -> list[Found]:
    """Joins two neighbours of one field that only a space separates: an address in two words, a number in two halves."""
    out: list[Found] = []
    for item in sorted(found):
        if out and item[2] == out[-1][2] and item[2] in ("phone", "address"):
            start, end, name, confidence, component = out[-1]
            between = text[end : item[0]]
            if (
                not between.strip(" ")
                and len(between) <= 2
                and (name == "address" or not _possible("phone", text[start:end]))
            ):
                out[-1] = (start, item[1], name, min(confidence, item[3]), component)
                continue
        out.append(item)
    return out


def _without_overlaps(found: list[Found]) -> list[Found]:
    kept: list[Found] = []
    taken = bytearray(max((f[1] for f in found), default=0))
    for item in sorted(found, key=lambda f: -f[3]):
        start, end = item[:2]
        if 1 not in taken[start:end]:
            taken[start:end] = b"\1" * (end - start)
            kept.append(item)
    return sorted(kept)
