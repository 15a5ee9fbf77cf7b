"""An address to its division with GB/T 2260 code, completed upward; what is ambiguous stays as ranked candidates."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from nlu.contract import Candidate
from nlu.former import ABBREVIATIONS, is_bare, is_wider, level_of, shares_suffix
from nlu.places import Divisions, divisions, short_names

_SKIP = " ,，、·-_/|.:：;；()（）*—－\u3000"
_UNREAL = (
    *(
        "市辖区",
        "省直辖县级行政区划",
        "自治区直辖县级行政区划",
        "直辖县级行政区划",
        "直辖县级行政单位",
        "省直辖县级",
        "直辖县级",
        "省直辖",
        "直辖县",
    ),
    *("其它区", "其他区"),
)
_ANYWHERE = {"东区", "西区", "南区", "北区", "城区", "郊区", "矿区"}  # divisions, but of estates and campuses too
# What makes a street or a landmark of the name before it: 余杭路, 静安寺, 杏林湾路, 宣武门外大街.
_STREETISH = re.compile(
    r"[东西南北中]?[一二三四五六七八九]?(?:路|街|大道|大街|巷|胡同|弄|桥(?![东西])|村|小区|花园|大厦|广场|公寓|苑|里|酒店|宾馆|饭店|站)"
    r"|(?:人民|中心|中|第[一二三四五六七八九十])?医院|国际|机场|[火汽]车站|客运站|高铁站|大学|学院|[小中]学|公园|公墓|陵园|风景|景区|步行街|新城"
    r"|林业局|林场|农场|水库|发电厂|电厂|市场|大桥|码头|口岸|体育|博物馆|门[内外]"
    r"|[门寺庙山湾口镇乡湖河江岛港塔宫](?:路|街|大道|道|巷|弄|桥|村|站|小区|花园|公园|广场|镇|号|旁|边|附近|对面|脚|[东西南北][侧边面门口站]|\W|\d|$)"
    r"|镇(?![江海宁])|街道"
)
_CUT = re.compile(r"地区|[区县市](?!前)")  # behind a shortened name: it was another name, 庐山区 is not 庐山市
_LANDMARK = re.compile(
    r"[^路街道巷弄号区县市\d]{0,10}?(?:医院|大学|学院|中学|小学|学校|公园|车站|机场|银行|法院|政府|公安局|博物馆|图书馆|体育馆|中心|大厦|广场|市场|宾馆|酒店|寺|公司|厂)"
)
_STREET = re.compile(r"[路街巷弄\d]|大道|胡同|[一二三四五六七八九十]号|(?:旁|附近|对面|隔壁|门口)")
_PUT_BETWEEN = "的|那个|这个|那边|这边|那里|这里|就是|属于|呃|嗯|啊|哦|在|是"
_LED = re.compile(rf"(?:{_PUT_BETWEEN})+")
_PUT_BEFORE = re.compile(
    rf"(?:{_PUT_BETWEEN}|[\W_]|你好|您好|我们?|咱们?|你们?|家里?|就|请|麻烦|公司|单位|住|现在|人|到|来|去|寄|送|收货|收件|维修|上门|报修|详细|安装|地址|地点|位置|中华人民共和国|中国)*"
)
_TOWN = re.compile(r"(?:街道(?:办事处)?|镇|乡)$")
_SUFFIXES = "省市区县州盟旗"
_SHARED_SIGN = re.compile(r"市[东西南北中]区")
_COUNTRY = re.compile(r"\s*(?:中华人民共和国|中国)(?=\W|[一-龥]{2})")
_MOST = 5
_TWO = 1.0  # weight of two shortened names
_READ_OVER = 0.8  # how sure a division is that stands behind other words
_LATEST = 40  # characters before the first division


@dataclass(frozen=True)
class _Reading:
    code: str
    at: int
    weight: float
    said: tuple[str, ...] = ()  # former names, as they stand in the text
    kept: str = ""  # former names that today's division does not stand for: the value has them too
    between: str = ""  # other words before the last division
    before: str = ""  # other words before the first
    past: str = ""  # the city's code, if only a former name told it: its parts may lie elsewhere today
    unsure: bool = False  # whether other words than divisions were read over


class AddressResolver:
    """Pure over the table of divisions."""

    def __init__(self, table: Divisions | None = None) -> None:
        self._table = table or divisions()
        self.candidates = lru_cache(maxsize=4_096)(self._candidates)

    def region_code(self, region: str) -> str:
        """A GB/T 2260 code for a code or a name; "" when unknown or ambiguous."""
        if region.isdigit():
            code = region.ljust(6, "0")[:6] if len(region) <= 6 else region
            for length in (9, 6, 4, 2):
                if code[:length] in self._table.by_code and set(code[length:]) <= {"0"}:
                    return code[:length]
            return ""
        codes = self._table.by_name.get(region, [])
        shortest = [c for c in codes if len(c) == min(map(len, codes))]
        return shortest[0] if len(shortest) == 1 else ""

    def _candidates(self, value: str, region: str) -> tuple[Candidate, ...]:
        """Ranked completions of ``value``; ``region`` (code or name) decides between equals."""
        near = self.region_code(region) if region else ""
        country = _COUNTRY.match(value)
        readings = self._read(value, country.end() if country else 0) or self._read_later(value)
        if not readings:
            if not near:
                return ()
            return (self._candidate(_Reading(near, 0, 0.0), value, 0.45 if len(near) >= 4 else 0.3),)
        longest = max(r.at for r in readings)
        readings = [r for r in readings if r.at >= longest - 1]
        scored: dict[str, tuple[float, int, _Reading]] = {}
        for r in readings:
            score = r.weight + (0.3 * _shared(r.code, near) if near else 0.0)
            if r.code not in scored or score > scored[r.code][0]:
                scored[r.code] = (score, r.at, r)
        # A division that contains another reading says less than it.
        kept = {
            c: v
            for c, v in scored.items()
            if not any(o != c and o.startswith(c) and scored[o][1] >= v[1] for o in scored)
        }
        ranked = sorted(kept.items(), key=lambda item: (-item[1][0], item[0]))[:_MOST]
        top = ranked[0][1][0]
        equals = sum(1 for _, (s, *_) in ranked if top - s < 0.05)
        out = []
        for score, _, reading in (found for _, found in ranked):
            confidence = (
                (0.96 if len(reading.code) >= 6 else 0.85)
                / (equals if top - score < 0.05 else 1)
                * (1.0 if top - score < 0.05 else 0.3)
                * (_READ_OVER if reading.unsure else 1.0)
            )
            out.append(self._candidate(reading, value, round(min(0.99, confidence), 3)))
        return tuple(out)

    def _read_later(self, value: str) -> list[_Reading]:
        """Readings that begin behind something else (a country, a name, a label): at the first division with its full name, or at
        two shortened ones."""
        for start in range(1, min(_LATEST, len(value))):
            for length in range(min(12, len(value) - start), 2, -1):
                codes = self._table.by_name.get(value[start : start + length], ())
                if any(self._table.by_code[c].name == value[start : start + length] and len(c) <= 6 for c in codes):
                    return self._later(value, start, only_district=all(len(c) == 6 for c in codes))
            if value[start : start + 2] in self._table.by_name:
                found = [r for r in self._later(value, start) if r.weight >= _TWO]
                if found:
                    return found
        return []

    def _later(self, value: str, start: int, only_district: bool = False) -> list[_Reading]:
        """Readings from ``start`` with what stands before. A district that is joined to other words may be within a name, 国际新城东区:
        nothing is taken out then."""
        before = _before(value[:start])
        if before and only_district and value[start - 1] not in _SKIP:
            return [replace(r, at=0, kept="", between="", unsure=True) for r in self._read(value, start)]
        return [replace(r, before=before) for r in self._read(value, start)]

    def _again(self, r: _Reading, value: str, at: int) -> int:
        """Where what was said goes on if a division that was named already is named once more; else ``at``. A name that goes on as a
        street or a landmark stays, 静安区静安寺; shortened it must have a mark, the end or another division behind it."""
        for words in _UNREAL:
            if value.startswith(words, at):
                return at + len(words)
        if len(r.code) == 2 and value.startswith("县", at) and self._deeper(r, value, at + 1):
            return at + 1  # 重庆市 县 忠县: what GB/T 2260 calls a municipality's counties
        chain = self._table.chain(r.code)
        full = [*r.said, *(d.name for d in chain)]
        for name in sorted({*full, *(n for d in chain for n in short_names(d.name, d.level))}, key=len, reverse=True):
            end = at + len(name)
            if not value.startswith(name, at) or _STREETISH.match(value, end):
                continue
            behind = value[end : end + 1]
            if not behind or behind in _SKIP or self._deeper(replace(r, kept=""), value, end):
                return end
            if name[-1] in _SUFFIXES and len(name) > 2 and (name in full or name[-1] == "州"):
                return at if _LANDMARK.match(value, end) else end
            if any(value.startswith(other, end) for other in full):
                return end
        return at

    def _read(self, value: str, start: int = 0) -> list[_Reading]:
        """All ways to read divisions from ``start``, each as deep as it goes."""
        done: list[_Reading] = []
        open_readings = [_Reading("", start, 0.0)]
        for _ in range(9):
            following: list[_Reading] = []
            for r in open_readings:
                at = r.at
                while at < len(value) and value[at] in _SKIP:
                    at += 1
                deeper = self._deeper(r, value, at)
                following += deeper
                if not deeper and r.code:
                    again = self._again(r, value, at)
                    if again > at:
                        following.append(replace(r, at=again))
                    elif (
                        r.past == r.code
                        and (led := _LED.match(value, at))
                        and (moved := self._moved(r, value, led.end()))
                    ):
                        following += moved
                    elif later := self._behind(r, value, at):
                        following.append(later)
                    else:
                        done.append(r)
            if not following:
                break
            open_readings = sorted(set(following), key=lambda r: -r.weight)[:200]
        else:
            done.extend(open_readings)
        return done

    def _deeper(self, r: _Reading, value: str, at: int) -> list[_Reading]:
        """``r`` with one more division, which is named at ``at``."""
        table = self._table
        found: list[_Reading] = []
        for length in range(min(15, len(value) - at), 1, -1):
            name = value[at : at + length]
            whole = False
            for code in table.by_name.get(name, ()):
                full = table.by_code[code].name == name
                whole = whole or full
                plain = not full and name.endswith(("县", "旗"))  # 陵水县 for 陵水黎族自治县
                if not full and not plain and not self._short_stands(r, code, value, at + length):
                    continue
                if len(code) == 9 and not r.code and len(name) < 4:
                    continue  # a bare town of two or three characters could be anywhere
                if not r.code and name in _ANYWHERE:
                    continue
                if not r.code or (code.startswith(r.code) and len(code) > len(r.code)):
                    weight = r.weight + (0.5 if full else 0.4) + 0.05 * length
                    found.append(replace(r, code=code, at=at + length, weight=weight, kept=""))
            for code in table.former.get(name, ()):
                if once := self._once(r, name, code, value, at + length):
                    found.append(once)
            if found and length >= 3 and (whole or name in table.former):
                break
        if not found and r.code and value[at - 1 : at] == "市" and _SHARED_SIGN.match(value, at - 1):
            return self._deeper(r, value, at - 1)  # 乐山市中区: 乐山市, 市中区
        if not found and r.past and r.past == r.code:
            return self._moved(r, value, at)
        return found

    def _once(self, r: _Reading, name: str, code: str, value: str, end: int) -> _Reading | None:
        """``r`` with today's division of a former ``name`` that ends at ``end``; None where the name is not meant for it."""
        table = self._table
        part = name in table.by_code[code].name or name in ABBREVIATIONS  # 浦东 for 浦东新区 is no former name
        if code == r.code and (part or name in r.said):
            return None
        if not (code.startswith(r.code) if r.code else name not in table.by_name):
            return None
        shared = False
        if is_bare(name, table.former):
            if not (
                self._short_stands(r, code, value, end) and r.code
                if part
                else self._bare_stands(r, name, code, value, end)
            ):
                return None
        elif not (stop := self._former_end(name, code, value, end)):
            return None
        else:
            shared, end = stop < end, stop
        if shared and name[:-1] in short_names(table.by_code[code].name, table.by_code[code].level):
            part = True  # 萧山 and 市区
        stays = name[:-1] if shared else name
        kept = r.kept + stays if code == r.code else stays if is_wider(name, code) else ""
        return replace(
            r,
            code=code,
            at=end,
            weight=r.weight + 0.45 + 0.05 * len(name),
            said=r.said if part else (*r.said, name),
            kept=kept,
            past=code if level_of(name) == "city" and not part else r.past,
        )

    def _former_end(self, name: str, code: str, value: str, end: int) -> int:
        """Where a former name in full ends if the text has it up to ``end``: one earlier where its 市 or 县 begins another word, 0 where
        it is no division's, 萧山市场路, 呼盟大厦."""
        if len(name) == 2 and name[-1] in "盟旗" and _STREETISH.match(value, end):
            return 0
        if name[-1] == "市" and value.startswith("场", end) and not self._town_follows(code, value, end):
            return 0  # but 富阳市场口镇: 场口镇 is a town of 富阳
        return end - 1 if name[-1] in "市县" and shares_suffix(value, end) else end

    def _moved(self, r: _Reading, value: str, at: int) -> list[_Reading]:
        """Divisions named in full behind a former city that lie outside today's, 雁北地区应县: in its province, else anywhere. They
        come after those inside it, and are less sure if today's city was named too."""
        for within in (r.code[:2], ""):
            unsure = r.unsure or not within or bool(r.kept)
            found = []
            for m in self._deeper(replace(r, code=within, past="", weight=r.weight - 0.1, unsure=unsure), value, at):
                name = value[at : m.at + 1] if value[at : m.at + 1] in self._table.former else value[at : m.at]
                full = name == self._table.by_code[m.code].name or name in self._table.former or name[-1] in "县旗"
                fits = len(m.code) in ((4, 6) if within else (6,)) and not is_bare(name, self._table.former)
                if full and fits and not _STREETISH.match(value, m.at):
                    found.append(m)
            if found:
                return found
        return []

    def _town_follows(self, code: str, value: str, end: int) -> bool:
        """Whether one of the division's towns is named at ``end``, with its kind or without."""
        stems = {_TOWN.sub("", d.name) for c, d in self._table.by_code.items() if len(c) == 9 and c.startswith(code)}
        return any(len(stem) >= 2 and value.startswith(stem, end) for stem in stems)

    def _short_stands(self, r: _Reading, code: str, value: str, end: int) -> bool:
        """Whether a shortened name may be meant for the division: 余杭 behind 杭州, or before one of its own towns; not in 余杭路."""
        if _STREETISH.match(value, end) or _CUT.match(value, end):
            return False
        if r.code or len(code) < 6:
            return True
        if len(code) > 6:
            return False
        while end < len(value) and value[end] in _SKIP:
            end += 1
        return any(
            town.startswith(code) and len(town) == 9 and self._table.by_code[town].name == value[end : end + length]
            for length in range(3, min(12, len(value) - end) + 1)
            for town in self._table.by_name.get(value[end : end + length], ())
        )

    def _bare_stands(self, r: _Reading, name: str, code: str, value: str, end: int) -> bool:
        """Whether 闸北 is meant for 闸北区: at the end, before a mark, a number or one of today's towns; not in 宣武门外大街."""
        if not r.code or len(code) <= len(r.code) or len(code) < 6:
            return False
        if any(c.startswith(r.code) for c in self._table.by_name.get(name, ())):
            return False  # 黑龙江伊春 is the city
        behind = value[end : end + 1]
        if not behind or behind in _SKIP or not behind.isalnum() or behind.isdigit():
            return True
        return self._town_follows(code, value, end)

    def _behind(self, r: _Reading, value: str, at: int) -> _Reading | None:
        """A division below the province or city that has been read, named in full behind other words: 杭州市某某公司余杭区."""
        if len(r.code) >= 6:
            return None
        for start in range(at + 1, min(at + _LATEST, len(value))):
            for length in range(min(12, len(value) - start), 2, -1):
                name = value[start : start + length]
                for code in (*self._table.by_name.get(name, ()), *self._table.former.get(name, ())):
                    known = self._table.by_code[code]
                    if not (len(r.code) < len(code) <= 6 and code.startswith(r.code)):
                        continue
                    if known.name == name:
                        return self._put(r, code, value, at, start, start + length)
                    if name not in self._table.former or is_bare(name, self._table.former):
                        continue
                    if end := self._former_end(name, code, value, start + length):
                        return self._put(r, code, value, at, start, end)
        return None

    def _put(self, r: _Reading, code: str, value: str, at: int, start: int, end: int) -> _Reading:
        """``r`` with a division found at ``start``. Behind a street or number, or before a landmark, its words stay where they
        stand, 漕溪北路徐汇区中心医院: the division is told by them, but they are not its place in the address."""
        name = value[start:end]
        known = self._table.by_code[code]
        present = name in ABBREVIATIONS or name in short_names(known.name, known.level)
        said = r.said if present else (*r.said, name)
        between = value[at:start]
        names = {n for d in self._table.chain(code) for n in short_names(d.name, d.level)}
        if re.fullmatch(rf"(?:{_PUT_BETWEEN}|[\W_]|{'|'.join(map(re.escape, sorted(names, key=len)))})*", between):
            return replace(r, code=code, at=end, weight=r.weight + 0.3, said=said)
        if _STREET.search(between) or _STREETISH.match(value, end) or _LANDMARK.match(value, end):
            return replace(r, code=code, at=at, weight=r.weight + 0.3, unsure=True)
        between = r.between + re.sub(r"的$", "", between)
        return replace(r, code=code, at=end, weight=r.weight + 0.3, said=said, between=between, unsure=True)

    def _candidate(self, reading: _Reading, value: str, score: float) -> Candidate:
        """``details`` have the division's levels, and former names that were said as ``former_district`` etc."""
        code = reading.code
        chain = self._table.chain(code)
        details: dict[str, str] = {d.level: d.name for d in chain}
        details.update({f"former_{level_of(name)}": name for name in reading.said})
        details["code"] = code.ljust(6, "0")
        behind = (reading.between + value[reading.at :]).lstrip(_SKIP)
        details.update(rest_parts(behind or reading.before))
        rest = (reading.kept + behind).lstrip(_SKIP)
        if reading.before:
            rest = f"{rest}（{reading.before}）" if behind else rest + reading.before  # 人民大道1号，黄浦区，上海市
        if rest:
            details["rest"] = rest
        names: list[str] = []
        for division in chain:
            if not names or names[-1] != division.name:
                names.append(division.name)
        return Candidate(value="".join(names) + rest, score=score, details=details)


_REST = {
    "road": re.compile(
        r"^(?:[^0-9号]{1,12}?(?:大道|大街|路|街|巷|胡同|弄堂|公路|里弄)(?:[东西南北中]段|[一二三四五六七八九]段)?)"
    ),
    "road_number": re.compile(r"(?<=[路街道巷同弄段])(\d+(?:-\d+|之\d+)?(?:号院|号|弄))"),
    "building": re.compile(r"([甲乙丙丁东西南北]?\d+(?:号楼|栋|幢|座|#楼|#)|[A-Z]\d?(?:座|栋|区))"),
    "unit": re.compile(r"((?:\d+|[东西南北中])单元)"),
    "floor": re.compile(r"((?:负|地下)?[\d一二三四五六七八九十]+(?:楼|层)|B\d)(?![号栋])"),
    "room": re.compile(r"((?:[A-Z]\d?-?)?\d{3,4}(?:室|房|号)?|东户|西户|中户)$"),
}


def _before(words: str) -> str:
    """What stands before the first division, without phrases that only lead to it: 我家在, 地址是."""
    return "" if _PUT_BEFORE.fullmatch(words) else words.strip(_SKIP)


def rest_parts(rest: str) -> dict[str, str]:
    """Road, house number, building, unit, floor, room of what follows the divisions, where the words say so."""
    parts = {}
    for name, pattern in _REST.items():
        match = pattern.search(rest)
        if match:
            parts[name] = match.group(match.lastindex or 0)
    return parts


def _shared(code: str, near: str) -> float:
    """How much of the region two codes share: 1 for the district, less for city and province."""
    for length, share in ((6, 1.0), (4, 0.8), (2, 0.5)):
        if len(near) >= length and code[:length] == near[:length]:
            return share
    return 0.0
