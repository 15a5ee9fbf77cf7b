"""The ``value`` of a field: its surface as the labelling guidelines normalise it."""

from __future__ import annotations

import re
from collections.abc import Callable

from nlu.text.digits import DIGIT, number, spoken_digits

_CORRECTION = re.compile(
    r"\s*(?:啊|哦|噢|呃|嗯|哎)?\s*(?:不对不对|说错了|讲错了|记错了|更正一下|应该是|不对是|不是的|不对|错了|不是|哦不|噢不|更正)\s*[,，]?\s*(?:应该)?是?\s*"
)
_FILLER = re.compile(r"那个|这个|就是说|就是|嗯+|呃+|额|[啊哦噢呢嘛哎唉诶]|一个(?=杠)")
_N = "零〇一二两三四五六七八九十百千幺"
_AFTER = "号楼|号院|号门|号铺|号库|号|栋|幢|座|单元|层|楼|室|弄|组|队|排|门|户|铺|房|期|屯|米|社|巷"
_NUMBERED = re.compile(rf"([{_N}]+)(?=(?:{_AFTER}))")
_TRAILING = re.compile(
    rf"(?:(?<=单元)|(?<=号楼)|(?<=栋)|(?<=幢)|(?<=座)|(?<=门)|(?<=层)|(?<=楼)|(?<=-)|(?<=[a-zA-Z]))([{_N}]{{2,}}|[{_N}])(?=$|\D)"
)
_NAME_TAIL = re.compile(r"(?:路|街|道|巷|弄|里|村|区|园|苑|湾|府|城|庭|院|坊|胡同|新村)$")


_SPACE_BETWEEN = re.compile(r"(?<=[\u4e00-\u9fff])\s+(?=[\u4e00-\u9fff])")
_CHINESE = re.compile(r"[\u4e00-\u9fff]{3}")
_ADDRESS_FILLER = re.compile(
    r"嗯+|呃+|(?<=[\u4e00-\u9fff])(?:那个|就是说|就是)(?=[\u4e00-\u9fff])|(?<=[号楼区路街市县元])(?:啊|哦|额|呢)"
)
_DASH = re.compile(rf"(?<=[{_N}0-9])\s*杠\s*(?=[{_N}0-9])")
_OF = re.compile(rf"([{_N}]+)之([{_N}]+)")
_OF_HOUSE = re.compile(rf"(?<=[号\d])之([{_N}]+)")
_REPEATED = re.compile(rf"[{_N}]{{3,6}}啊(?=[{_N}]{{3,4}}$)")
_DASHED = re.compile(rf"[{_N}]+(?:-[{_N}]+)+")
_LAST = re.compile(rf"(?<=号|楼|栋|幢|座|元|苑|园)([{_N}]{{3,5}})$")
_LETTER = re.compile(r"(?<![a-zA-Z])[a-z](?=\d|座|栋|区|幢|馆|楼|塔|$)")


def value_of(name: str, surface: str) -> str:
    """The guidelines' value; surfaces that hold nothing of the kind come back as they are."""
    return _VALUES.get(name, _as_written)(surface)


def _as_written(surface: str) -> str:
    return surface


def _spaceless(surface: str) -> str:
    """As written, without the spaces a recogniser puts between Chinese words."""
    return _SPACE_BETWEEN.sub("", surface)


# ---- telephone


def phone_value(surface: str) -> str:
    """Digits, extension after "-": 幺三八 零零… , 0571-8888 转 12, 010…-806; a self-corrected number as corrected."""
    parts = [p for p in _CORRECTION.split(re.sub(r"(不是[^不是]{2,6})是", r"\1不是", surface)) if p]
    said = [_phone_digits(p) for p in parts]
    said = [s for s in said if s]
    if not said:
        return ""
    value = said[0]
    for i, later in enumerate(said[1:], 1):
        if len(later) >= 7 or len(later) >= len(value):
            value = later
        elif i + 1 < len(said) and value.endswith(later):
            continue  # the wrong tail is named again before the right one comes
        elif len(value) in (11, 12, 8, 7, 10) and len(later) < len(value):
            value = value[: -len(later)] + later
        else:
            value = value + later if len(value) + len(later) == 11 else later
    return value


def _phone_digits(text: str) -> str:
    extension = ""
    match = re.search(
        r"(?:转|分机|#|ext\.?)\s*(?:分机|到)?\s*([\d零〇一二两三四五六七八九幺 ]+)\s*$", text, re.IGNORECASE
    )
    if match:
        extension, text = spoken_digits(match.group(1)), text[: match.start()]
    elif match := re.fullmatch(r"\s*[(（]?(0\d{2,3})[)）]?[-— ]?(\d{7,8})-(\d{1,6})\s*", text):
        text, extension = match.group(1) + match.group(2), match.group(3)
    digits = spoken_digits(re.sub(r"(?<!\d)\+?86[- ]?(?=1\d{10}|1\d{2}[- ])", "", text))
    if len(digits) == 13 and digits.startswith("86"):
        digits = digits[2:]
    if len(digits) == 15 and digits.startswith("0086"):
        digits = digits[4:]
    return f"{digits}-{extension}" if extension and digits else digits


# ---- codes, models, serials, orders


def code_value(surface: str) -> str:
    """Arabic digits, upper-case letters; 杠 is a dash, spoken spaces go, a space inside a printed code stays."""
    text = _CORRECTION.split(surface)[-1]
    spoken = any("\u4e00" <= c <= "\u9fff" for c in text)
    if spoken:
        text = _FILLER.sub("", text)
        text = text.replace("横杠", "-").replace("斜杠", "/").replace("杠", "-").replace("点", ".")
        text = re.sub(r"\s+", "", text)
        text = re.sub(r"[零〇一二两三四五六七八九幺十百]+", lambda m: _code_number(m.group()), text)
    elif re.search(r"[a-z] [a-z]|[a-zA-Z] \d \d", text):
        text = re.sub(r"\s+", "", text)
    return text.upper()


def _code_number(run: str) -> str:
    return number(run) or spoken_digits(run)


def order_value(surface: str) -> str:
    """As printed: a written number keeps its letters' case but spaces and spoken words become what was printed."""
    return code_value(surface)


# ---- address


def address_value(surface: str) -> str:
    """Place names unchanged; spoken numbers of house, building, unit, floor, room made Arabic; corrections applied."""
    text = _corrected_address(_spaceless(surface))
    if _CHINESE.search(text):
        text = _ADDRESS_FILLER.sub("", text)
    text = _DASH.sub("-", text)
    text = _OF.sub(lambda m: f"{number(m.group(1)) or m.group(1)}之{number(m.group(2)) or m.group(2)}", text)
    text = _OF_HOUSE.sub(lambda m: "之" + (number(m.group(1)) or m.group(1)), text)
    text = _REPEATED.sub("", text)
    text = _DASHED.sub(lambda m: "-".join(number(p) or p for p in m.group().split("-")), text)
    text = _NUMBERED.sub(lambda m: _numbered(text, m), text)
    text = _TRAILING.sub(lambda m: _room_number(m.group(1)), text)
    text = _LAST.sub(lambda m: number(m.group(1)) or m.group(1), text)
    return _LETTER.sub(lambda m: m.group().upper(), text).strip()


def _room_number(run: str) -> str:
    """幺零四 -> 104, 二十七零一 -> 2701."""
    split = re.fullmatch(r"([一二三四五六七八九]?十[一二三四五六七八九]?)(零.|[一二三四五六七八九]{2})", run)
    if split:
        return (number(split.group(1)) or "") + (number(split.group(2)) or "")
    return number(run) or run


def _numbered(text: str, match: re.Match[str]) -> str:
    run = match.group(1)
    after = text[match.end() : match.end() + 4]
    before = text[: match.start()]
    if after[:1] == "期" and re.search(r"\d", text):
        return run  # a written address: the writer chose Chinese numerals for a name
    if run in ("千", "百") or re.match(r"号(?:路|街|大街|大道|公馆|桥|码头)", after):
        return run  # 千户苗寨, 三号路, 一号公馆
    if after[:1] == "排" and re.search(r"[东西南北中]$", before):
        return run
    if re.match(r"(?:门|楼|巷|里|社|排|队|米|期|户|铺|组|座|屯|层)", after) and _inside_name(before, run, after):
        return run
    return number(run) or run


def _inside_name(before: str, run: str, after: str) -> bool:
    """三门峡, 八楼村, 二里头, 四方坪: a numeral that belongs to a name rather than counts."""
    rest = after[1:]
    if after[:1] in "门里巷" and re.match(r"[峡头沟桥口村镇县路街北南东西]", rest):
        return True
    if after[:1] in "社里巷" and not re.search(r"(?:村|组|队|社区|街|路|里|号)$", before):
        return True
    return after[:1] in "楼层排队" and bool(re.match(r"[村镇乡街路]", rest))


def _corrected_address(text: str) -> str:
    pieces = [p for p in _CORRECTION.split(text) if p]
    value = pieces[0] if pieces else text
    for later in pieces[1:]:
        value = _replaced(value, later)
    return value


_KIND = re.compile(rf"(?:[{_N}0-9a-zA-Z甲乙丙丁东西南北]+)({_AFTER}|路|街|区|村|镇)")


def _replaced(wrong: str, right: str) -> str:
    """``wrong`` with its tail, from the last number of the same kind as ``right`` begins with, replaced by ``right``."""
    first = _KIND.match(right.strip())
    if first:
        same = [m for m in _KIND.finditer(wrong) if m.group(1)[0] == first.group(1)[0]]
        if same:
            return wrong[: same[-1].start()] + right.strip()
    tail = re.search(rf"[{_N}0-9]+$", wrong)
    if tail and re.match(rf"[{_N}0-9]", right.strip()):
        return wrong[: tail.start()] + right.strip()
    return right.strip() if len(right) >= len(wrong) * 0.6 else wrong + right.strip()


def contact_value(surface: str) -> str:
    return re.sub(r"(?<=[\u4e00-\u9fff])\s+", "", _CORRECTION.split(surface)[-1])


_VALUES: dict[str, Callable[[str], str]] = {
    "phone": phone_value,
    "address": address_value,
    "model": code_value,
    "serial": code_value,
    "fault_code": code_value,
    "order": order_value,
    "contact_name": contact_value,
    "device": lambda s: _CORRECTION.split(_spaceless(s))[-1],
    "brand": lambda s: _CORRECTION.split(_spaceless(s))[-1],
    "fault": _spaceless,
    "time": _spaceless,
}
__all__ = ["DIGIT", "address_value", "code_value", "phone_value", "value_of"]
