"""The administrative divisions: names with GB/T 2260 codes, as a table and as a lexicon.

Kept as one compressed file, models/nlu/divisions.json.xz: {code: name} of provinces (2 digits), cities (4), districts (6) and
streets/towns (9). Source: github.com/modood/Administrative-divisions-of-China, WTFPL.
"""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache

from nlu.former import changed_suffixes, former
from nlu.location import model_root

LEVELS = {2: "province", 4: "city", 6: "district", 9: "town"}
_UNREAL = {"市辖区", "县", "省直辖县级行政区划", "自治区直辖县级行政区划", "直辖县级行政单位"}
_ETHNIC = "壮族|回族|维吾尔|蒙古族?|藏族|羌族|彝族|苗族|侗族|布依族|土家族|傣族|景颇族|傈僳族|哈尼族|白族|朝鲜族|哈萨克|柯尔克孜|满族|瑶族|黎族|土族|撒拉族|东乡族|保安族|裕固族|仫佬族|毛南族|水族|仡佬族|畲族|拉祜族|佤族|布朗族|纳西族|怒族|独龙族|普米族|锡伯|塔吉克|达斡尔族|鄂温克族?|鄂伦春|各族|族"
_LONG = re.compile(rf"(?:{_ETHNIC})+(?=自治)")


# GB/T 2260 has them, the table's source has not.
_BEYOND = {"71": "台湾省", "81": "香港特别行政区", "82": "澳门特别行政区"}
_HONG_KONG = "中西区 湾仔区 东区 南区 油尖旺区 深水埗区 九龙城区 黄大仙区 观塘区 荃湾区 屯门区 元朗区 北区 大埔区 西贡区 沙田区 葵青区 离岛区"


@dataclass(frozen=True, kw_only=True)
class Division:
    code: str
    name: str
    level: str


@dataclass(frozen=True)
class Divisions:
    by_code: dict[str, Division]
    by_name: dict[str, list[str]] = field(default_factory=dict)  # any way of writing -> codes
    former: dict[str, list[str]] = field(
        default_factory=dict
    )  # names of divisions that are no more -> codes of today's

    def parent(self, code: str) -> Division | None:
        """The next higher real division, or None for a province."""
        for length in (6, 4, 2):
            if length < len(code):
                found = self.by_code.get(code[:length])
                if found is not None and found.name not in _UNREAL:
                    return found
        return None

    def chain(self, code: str) -> list[Division]:
        """The division and all above it, highest first."""
        chain: list[Division] = []
        at: Division | None = self.by_code.get(code)
        while at is not None:
            chain.append(at)
            at = self.parent(at.code)
        return chain[::-1]

    def lexicon(self) -> Iterator[tuple[str, str]]:
        """Names of the mainland's divisions for features: what the shipped models were trained with."""
        for name, codes in self.by_name.items():
            codes = [code for code in codes if code[0] not in "78"]
            if len(name) < 2 or not codes:
                continue
            level = min(len(c) for c in codes)
            full = any(self.by_code[c].name == name for c in codes)
            if level == 9 and not full:
                continue
            yield name, {2: "prov", 4: "city", 6: "dist", 9: "town"}[level] + ("" if full else "~")


def short_names(name: str, level: str) -> list[str]:
    """How people shorten a division's name: 河南省 河南, 内蒙古自治区 内蒙古, 海西蒙古族藏族自治州 海西州 海西, 蔚县 (stays)."""
    if name in _UNREAL:
        return []
    names = [name]
    if level == "province" and name.endswith("自治区"):
        return [name, name[: 3 if name.startswith("内") else 2]]
    plain = _LONG.sub("", name)
    if plain != name:
        names.append(plain.replace("自治", ""))
    if level == "district":
        bare = re.sub(r"(?:回族|满族|达斡尔族|蒙古族|各族)(?=区$)", "", plain)
        if bare != plain and len(bare) > 2:
            names.append(bare)
    core = re.sub(r"(?:特别行政区|自治区|自治州|自治县|自治旗|地区|省|市|盟|州|县|区|旗|林区)$", "", plain)
    if level in ("province", "city", "district") and len(core) >= 2:
        names.append(core)
        if plain.endswith("自治州"):
            names.append(core + "州")
    return list(dict.fromkeys(names))


@lru_cache(maxsize=1)
def divisions() -> Divisions:
    kept: dict[str, str] = json.loads(lzma.decompress((model_root() / "divisions.json.xz").read_bytes()))
    kept |= _BEYOND | {f"8100{number:02}": name for number, name in enumerate(_HONG_KONG.split(), 1)}
    by_code = {code: Division(code=code, name=name, level=LEVELS[len(code)]) for code, name in kept.items()}
    by_name: dict[str, list[str]] = {}
    for code, division in by_code.items():
        for name in short_names(division.name, division.level):
            by_name.setdefault(name, []).append(code)
    gone: dict[str, list[str]] = {}
    for name, code in former({code: name for code, name in kept.items() if len(code) <= 6}):
        gone.setdefault(name, []).append(code)
    for code, division in by_code.items():
        for name in changed_suffixes(division.name, division.level):
            if name not in by_name:
                gone.setdefault(name, []).append(code)
    return Divisions(by_code, by_name, gone)
