"""Wanted times to absolute windows in the caller's zone: 明天下午两点以后, 周末, 后天上午, 6月12日 9:00-11:30, 两小时内."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from nlu.contract import Candidate
from nlu.text.digits import number

_N = "零〇一二两三四五六七八九十百"
_WEEK = "一二三四五六日"
# Part of the day -> (first hour, last hour, whether a clock time in it counts from noon).
_PARTS: dict[str, tuple[float, float, bool]] = {
    "凌晨": (0, 6, False), "清早": (6, 8, False), "清晨": (6, 8, False), "一大早": (6, 9, False), "大清早": (6, 8, False), "早上": (7, 10, False), "早晨": (7, 9, False),
    "上午": (8, 12, False), "上半天": (8, 12, False), "上半日": (8, 12, False), "中午": (11, 14, True), "正午": (12, 13, True), "晌午": (11, 14, True), "午后": (13, 17, True),
    "下午": (13, 18, True), "下半天": (13, 18, True), "下半日": (13, 18, True), "傍晚": (17, 19, True), "晚上": (18, 21, True), "晚间": (18, 21, True), "夜里": (20, 23, True),
    "夜间": (20, 23, True), "白天": (8, 18, False), "全天": (8, 20, False), "整天": (8, 20, False), "早": (7, 10, False), "晚": (18, 21, True), "下班后": (18, 21, True),
    "下班以后": (18, 21, True), "下班前": (8, 18, False), "晚饭后": (19, 21, True), "天黑前": (8, 18, False), "饭点": (11, 13, False), "午休": (12, 14, True),
}  # fmt: skip
_DAYS = {
    "今天": 0,
    "今日": 0,
    "今儿": 0,
    "今朝": 0,
    "当天": 0,
    "明天": 1,
    "明日": 1,
    "明儿": 1,
    "明朝": 1,
    "次日": 1,
    "后天": 2,
    "后日": 2,
    "后儿": 2,
    "大后天": 3,
}
# First days of the lunar feasts (State Council notices 2024-2026; 2027 by the lunar calendar) and of those fixed in the solar calendar.
_FEASTS = {
    "春节": {2025: (1, 29), 2026: (2, 17), 2027: (2, 6)}, "清明": {2025: (4, 4), 2026: (4, 5), 2027: (4, 5)}, "端午": {2025: (5, 31), 2026: (6, 19), 2027: (6, 9)},
    "中秋": {2025: (10, 6), 2026: (9, 25), 2027: (9, 15)},
}  # fmt: skip
_FIXED = {"元旦": (1, 1), "五一": (5, 1), "国庆": (10, 1), "十一": (10, 1)}
_PART_WORDS = "|".join(sorted(_PARTS, key=len, reverse=True))
_DAY = re.compile(
    rf"(?P<day>大后天|{'|'.join(sorted(_DAYS, key=len, reverse=True))})(?:个)?"
    r"|(?P<which>这|本|下下|下|上)?个?(?:周|礼拜|星期)(?P<week>[1-7一二三四五六日天末])"
    r"|(?P<whole>这|本|下下|下)个?(?:周|礼拜|星期)(?:之内|以内|内)?"
    r"|(?P<year>\d{4})[-/.年](?P<ymonth>\d{1,2})[-/.月](?P<yday>\d{1,2})日?"
    r"|(?P<month>\d{1,2})月(?:份)?(?P<mday>\d{1,2})[号日]?"
    r"|(?P<next>下个?月)(?P<nday>\d{1,2})[号日]?"
    r"|(?P<smonth>\d{1,2})[/.](?P<sday>\d{1,2})(?![\d:])"
    r"|(?P<only>\d{1,2})[号日]"
    r"|(?P<feast>春节|清明|端午|中秋|元旦|五一|国庆|十一)"
    r"|(?P<loose>周末|双休日|工作日|平时|这两天|这几天|近两天|每天|月底|月初)"
)
_CLOCK = re.compile(
    r"(?P<hour>\d{1,2})(?:[:：](?P<minute>\d{2})|(?:点钟|点|时)(?P<extra>半|一刻|三刻|(?P<spoken>\d{1,2})分?)?)"
)
_TAIL = re.compile(
    r"^(?P<before>以前|之前|前(?!后))|^(?P<after>以后|之后|往后|过后|后|开始)|^(?P<about>左右|前后|上下)|^(?P<within>之内|以内|内)"
)
_WITHIN = re.compile(r"(?P<n>\d+|半)(?:个)?(?P<unit>小时|钟头|天|分钟)(?:以内|之内|内)?")


@dataclass(frozen=True)
class Window:
    start: datetime
    end: datetime
    score: float


def resolve_time(value: str, now: datetime, zone: str) -> list[Candidate]:
    """Windows for what was said, the likeliest first; several where the customer offered several. Empty when not understood.

    ``now`` is aware; details: start, end (ISO 8601 with the zone's offset).
    """
    here = now.astimezone(ZoneInfo(zone))
    text = _arabic(re.sub(r"\s+", "", value))
    out = []
    previous: date | None = None
    for piece in _OR.split(text):
        if not piece:
            continue
        window, previous = _window(piece, here, previous)
        if window is not None:
            start, end = window.start.isoformat(timespec="minutes"), window.end.isoformat(timespec="minutes")
            out.append(Candidate(value=f"{start}/{end}", score=window.score, details={"start": start, "end": end}))
    return out[:4]


_OR = re.compile(r"或者|或是|还是|或|、|(?<=[天号日午晚早\d一二三四五六])和")
_COUNTED = re.compile(rf"(?<![周拜期])[{_N}]+(?=点|号|日|月|时|个小时|小时|个钟头|钟头|天|分)")
_MINUTES = re.compile(rf"(?<=点)([{_N}]{{1,3}})(?=分|$|到|至|以|之|左|前|后)")


def _arabic(text: str) -> str:
    # 十一点 and 十一号 are numbers, 十一 alone is the holiday.
    text = _COUNTED.sub(lambda m: number(m.group().replace("两", "二")) or m.group(), text)
    text = _MINUTES.sub(lambda m: number(m.group(1)) or m.group(1), text)
    return text.replace("：", ":").replace("—", "-").replace("~", "-").replace("至", "到")


def _window(text: str, here: datetime, previous: date | None) -> tuple[Window | None, date | None]:
    within = _WITHIN.search(text)
    if within and ("内" in text or within.group("unit") in ("小时", "钟头", "分钟")) and not _CLOCK.search(text):
        amount = 0.5 if within.group("n") == "半" else float(within.group("n"))
        step = {
            "小时": timedelta(hours=1),
            "钟头": timedelta(hours=1),
            "天": timedelta(days=1),
            "分钟": timedelta(minutes=1),
        }[within.group("unit")]
        return Window(here, here + amount * step, 0.9), previous
    first, last, score, rest, tail_of_day = _days(text, here, previous)
    part = re.search(_PART_WORDS, rest)
    clocks = list(_CLOCK.finditer(rest))
    if first is None and part is None and not clocks:
        return None, previous
    explicit = first is not None
    if first is None:
        first = last = previous or here.date()
        score = 0.6
    noon = bool(part and _PARTS[part.group()][2])
    low, high = (_PARTS[part.group()][0], _PARTS[part.group()][1]) if part else (8.0, 20.0)
    if clocks:
        begin = _hour(clocks[0], noon, part is None)
        tail = _TAIL.match(rest[clocks[0].end() :])
        if len(clocks) > 1 and re.search(r"[到-]", rest[clocks[0].end() : clocks[1].start()]):
            finish = _hour(clocks[1], noon or begin >= 12, part is None)
            low, high = begin, finish if finish > begin else min(24.0, finish + 12)
        elif tail and tail.group("before"):
            low, high = min(8.0, begin), begin
            if first == here.date():
                low = min(begin, here.hour + here.minute / 60)
        elif tail and tail.group("after"):
            low, high = begin, max(20.0 if begin < 20 else 23.0, begin + 1)
            if part and not noon:
                high = max(12.0, begin + 1)
        else:
            spread = 0.5 if not (tail and tail.group("about")) else 1.0
            low, high = (begin - spread, begin + spread) if tail and tail.group("about") else (begin, begin + 1)
    elif tail_of_day == "before":
        start = here
        end = (
            datetime.combine(first, time(0), here.tzinfo)
            if "之前" in text or "前" in text
            else _at(last or first, 20, here)
        )
        if end <= start:
            end = _at(first, 20, here)
        return Window(start, end, score), first
    elif tail_of_day == "after":
        return Window(_at(first, low, here), _at(first + timedelta(days=7), high, here), score * 0.8), first
    if re.search(r"(?:下班|天黑|打烊|开门|关门|晚饭|中午|营业)之?以?前", text) and first == here.date():
        low = min(high, here.hour + here.minute / 60)
    start, end = _at(first, low, here), _at(last or first, high, here)
    if not explicit and end <= here:  # "nine in the morning", said in the afternoon, is tomorrow's
        start, end, first = start + timedelta(days=1), end + timedelta(days=1), first + timedelta(days=1)
    return Window(start, end, round(score, 3)), first


def _hour(match: re.Match[str], noon: bool, bare: bool) -> float:
    hour = int(match.group("hour"))
    minute = int(match.group("minute") or 0)
    extra = match.group("extra")
    if extra:
        minute = {"半": 30, "一刻": 15, "三刻": 45}.get(extra, int(match.group("spoken") or 0))
    if (noon and hour < 12 and not (hour == 11 and noon)) or (
        bare and match.group("minute") is None and 1 <= hour <= 6
    ):
        hour += 12
    return min(hour, 24) + min(minute, 59) / 60


def _at(day: date, hour: float, here: datetime) -> datetime:
    whole = max(0.0, min(hour, 24.0))
    return datetime.combine(day, time(0), here.tzinfo) + timedelta(
        hours=int(whole), minutes=round((whole - int(whole)) * 60)
    )


def _days(text: str, here: datetime, previous: date | None) -> tuple[date | None, date | None, float, str, str]:
    """First and last day, how sure, what is left of the text, and "before"/"after" where a day is a limit."""
    early = {"明早": ("明天", "早上"), "明晚": ("明天", "晚上"), "今晚": ("今天", "晚上"), "今早": ("今天", "早上")}
    for short, (day, part) in early.items():
        text = text.replace(short, day + part)
    match = _DAY.search(text)
    if match is None:
        return None, None, 0.6, text, ""
    today = here.date()
    rest = text[: match.start()] + text[match.end() :]
    first, last, score = _meant(match, today, previous)
    if first is None:
        return None, None, 0.5, text, ""
    limit = ""
    after = text[match.end() :]
    second = re.match(r"(?:到|-)", after)
    if second:
        other = _DAY.match(after[second.end() :])
        if other:
            stop, stop_last, _ = _meant(other, first, first)
            if stop is not None and stop >= first:
                return first, stop_last or stop, score, after[second.end() + other.end() :], ""
        single = re.match(r"(?:到|-)(?:周|礼拜|星期)?([一二三四五六日天])", after)
        if single and match.group("week"):
            stop = first + timedelta(days=(_WEEK.find(single.group(1).replace("天", "日")) - first.weekday()) % 7)
            return first, stop, score, after[single.end() :], ""
    tail = _TAIL.match(after)
    if tail:
        limit = "before" if tail.group("before") else "after" if tail.group("after") else ""
        rest = text[: match.start()] + after[tail.end() :]
        if tail.group("about") and not limit:
            last = (last or first) + timedelta(days=1)
            first = max(today, first - timedelta(days=1))
        if limit and _CLOCK.search(rest):
            limit = ""
    return first, last, score, rest, limit


def _meant(match: re.Match[str], today: date, previous: date | None) -> tuple[date | None, date | None, float]:
    group = match.groupdict()
    try:
        if group["day"]:
            day = today + timedelta(days=_DAYS[group["day"]])
            return day, day, 0.95
        if group["week"]:
            if group["week"] == "末":
                saturday = today + timedelta(days=(5 - today.weekday()) % 7 if today.weekday() != 6 else -1)
                saturday += timedelta(days=7) if group["which"] == "下" else timedelta()
                return max(saturday, today), saturday + timedelta(days=1), 0.9
            index = int(group["week"]) - 1 if group["week"].isdigit() else _WEEK.find(group["week"].replace("天", "日"))
            monday = today - timedelta(days=today.weekday())
            weeks = {"下": 1, "下下": 2, "上": -1}.get(group["which"] or "", 0)
            day = monday + timedelta(days=index + 7 * weeks)
            if group["which"] != "上" and day < (previous or today):
                day += timedelta(days=7)
            return day, day, 0.93
        if group["whole"]:
            monday = (
                today
                - timedelta(days=today.weekday())
                + timedelta(days=7 * {"下": 1, "下下": 2}.get(group["whole"], 0))
            )
            return max(monday, today), monday + timedelta(days=6), 0.9
        if group["year"]:
            day = date(int(group["year"]), int(group["ymonth"]), int(group["yday"]))
            return day, day, 0.97
        if group["month"] or group["smonth"]:
            day = _coming(today, int(group["month"] or group["smonth"]), int(group["mday"] or group["sday"]))
            return day, day, 0.95
        if group["next"]:
            month = today.month % 12 + 1
            day = date(today.year + (today.month == 12), month, int(group["nday"]))
            return day, day, 0.93
        if group["only"]:
            base, n = previous or today, int(group["only"])
            day = base.replace(day=n) if n >= base.day else (base.replace(day=1) + timedelta(days=32)).replace(day=n)
            return day, day, 0.9
        if group["feast"]:
            return _feast(group["feast"], today)
        return _loose(group["loose"], today)
    except ValueError:  # the 31st of a short month, month 13
        return None, None, 0.0


def _coming(today: date, month: int, day: int) -> date:
    this = date(today.year, month, day)
    return this if this >= today - timedelta(days=60) else date(today.year + 1, month, day)


def _feast(name: str, today: date) -> tuple[date | None, date | None, float]:
    for year in (today.year, today.year + 1):
        month_day = _FIXED.get(name) or _FEASTS[name].get(year)
        if month_day and date(year, *month_day) >= today:
            return date(year, *month_day), date(year, *month_day), 0.85
    return None, None, 0.0


def _loose(word: str, today: date) -> tuple[date | None, date | None, float]:
    if word in ("周末", "双休日"):
        saturday = today if today.weekday() >= 5 else today + timedelta(days=5 - today.weekday())
        return saturday, saturday + timedelta(days=1 if saturday.weekday() == 5 else 0), 0.9
    if word in ("这两天", "近两天"):
        return today, today + timedelta(days=1), 0.8
    if word == "这几天":
        return today, today + timedelta(days=3), 0.8
    month_end = (today.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    if word == "月底":
        return max(today, month_end - timedelta(days=5)), month_end, 0.75
    if word == "月初":
        return month_end + timedelta(days=1), month_end + timedelta(days=7), 0.7
    monday = today if today.weekday() < 5 else today + timedelta(days=7 - today.weekday())
    return monday, monday + timedelta(days=4 - monday.weekday()), 0.6
