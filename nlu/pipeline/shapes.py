"""Shapes of stretches: telephone-like digits, codes, times, numbers with a unit. Regular expressions over the reading."""

from __future__ import annotations

import re

from nlu.pipeline.lexicon import Match

_D = "0-9零〇一二两三四五六七八九幺"
_N = f"{_D}十百千"
_DAY = (
    "大后天|后天|明天|今天|明儿个|明儿|今儿个|今儿|明早|明晚|今晚|明日|今日|后日|当天|隔天|次日|今朝|明朝|听日|改天|月底|月初|月中|年前|年底|节前|节后|国庆|春节|五一|元旦|中秋|端午|清明|十一"
    "|(?:这|本|下|下下|上)?个?(?:周|礼拜|星期)[一二三四五六日天末1-6](?:[、和或到至跟]?(?:周|礼拜|星期)?[一二三四五六日天末1-6])*|双休日|工作日|平时|周内|周中|休息日|每天|天天|任何时间|随时|全天|整天"
    f"|(?:这|本|下)个?(?:周|礼拜|星期)(?:之?内|里)?|这两天|这几天|近两天|两天内|三天内|[{_N}]{{1,3}}月(?:份)?(?:[{_N}]{{1,3}}[号日])?|[{_N}]{{1,3}}[号日](?![楼院线店门铺库泵机梯厅桩床井])|[0-9]{{4}}[-/.年][0-9]{{1,2}}[-/.月][0-9]{{1,2}}日?|[0-9]{{1,2}}[/.][0-9]{{1,2}}(?![0-9])|下个?月(?:[{_N}]{{1,3}}[号日])?"
)
_PART = "凌晨|清早|清晨|一大早|大清早|早上|早晨|上午|中午|正午|下午|下半天|上半天|傍晚|晚上|夜里|晚间|晌午|午后|晚饭后|午饭后|下班后|下班前|下班以后|天黑前|饭点|白天|夜间|半夜|上半日|下半日|午休|早|晚|放学后"
_CLOCK = rf"(?:[01]?[0-9]|2[0-4]):[0-5][0-9]|[{_N}]{{1,3}}点(?:钟|半|一刻|三刻|[{_N}]{{1,3}}分?)?|[{_N}]{{1,2}}时"
_TAIL = "以前|之前|以后|之后|前后|左右|前|后|往后|开始|过后|之间|以内|之内|内|上下|朝后|一过"
_ONE = rf"(?:(?:{_DAY})(?:的)?[ ]?(?:{_PART})?|(?:{_PART}))[ ]?(?:{_CLOCK})?|{_CLOCK}"
TIME = re.compile(
    rf"(?:{_ONE})(?:(?:{_TAIL})?(?:到|至|-|~|—|或者|或|和|、|跟)(?:{_ONE}|[{_N}]{{1,3}}[号日]?))*(?:{_TAIL})?|[{_N}半]{{1,3}}个?(?:小时|钟头|天|分钟)(?:以内|之内|内)"
)
_RUN = re.compile(rf"(?:\+?86-?)?[{_D}](?:[-—]?[{_D}]){{2,}}(?:转[{_D}]{{1,6}}|-[{_D}]{{1,6}})?")
_CODE = re.compile(
    rf"(?=[a-z0-9(])(?=[{_D}\-/#.()杠]{{0,40}}[a-z])[a-z0-9(][a-z0-9\-/.()_杠零〇一二三四五六七八九幺]*[a-z0-9)零一二三四五六七八九幺]"
)
_NUMBERED = re.compile(
    rf"(?:[{_N}]{{1,9}}|[a-z甲乙丙丁东西南北]|附[{_N}]{{1,5}})(?:[-之][{_N}]{{1,5}}){{0,4}}(?:号楼|号院|#楼|#|栋|幢|座|单元|层|楼|室|弄|组|队|排|门|户|号铺|号门|号|期|区|支弄|号库|车间|米|院|铺)"
)


_SHORT = ("d3", "d4", "d5", "d6")


def _run_tag(stretch: str) -> str:
    digits = sum(c not in "-—+转" for c in stretch)
    head = stretch[0]
    if digits == 11 and head in "1一幺":
        return "mobile"
    if head in "0零〇" and 10 <= digits <= 16:
        return "land"
    if digits in (7, 8):
        return "seven"
    if digits >= 9:
        return "long"
    return f"d{digits}"


def _code_tag(stretch: str) -> str:
    n = len(stretch)
    digits = any(c.isdigit() or c in "零一二三四五六七八九幺" for c in stretch)
    if not digits:
        return "word1" if n == 1 else "word"
    return "code2" if n <= 4 else "code7" if n <= 7 else "codel"


def shapes(text: str) -> list[Match]:
    """The stretches with the kind of each, none overlapping. First come first: runs, times, numbered, codes, short runs."""
    taken = bytearray(len(text))
    found: list[Match] = []

    def put(start: int, end: int, tag: str) -> None:
        if taken.find(1, start, end) < 0:
            taken[start:end] = b"\1" * (end - start)
            found.append((start, end, "-" + tag))

    runs = [(*m.span(), _run_tag(m.group())) for m in _RUN.finditer(text)]
    for start, end, tag in runs:
        if tag not in _SHORT:
            put(start, end, tag)
    for m in TIME.finditer(text):
        put(*m.span(), "time")
    for m in _NUMBERED.finditer(text):
        put(*m.span(), "unit")
    for m in _CODE.finditer(text):
        put(*m.span(), _code_tag(m.group()))
    for start, end, tag in runs:
        put(start, end, tag)
    return found
