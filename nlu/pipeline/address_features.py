"""What the address parser sees of each character: its neighbours, known divisions and those named twice, numbers with their units,
words that end a part, the likely words of everyday Chinese."""

from __future__ import annotations

import re
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nlu.pipeline.characters import Reading
from nlu.pipeline.columns import likely_words, tags
from nlu.pipeline.lexicon import Lexicon
from nlu.pipeline.symbols import Column
from nlu.pipeline.templates import Templates
from nlu.pipeline.words import Words, words
from nlu.places import divisions

_N = "0-9零〇一二三四五六七八九十百千两幺"
_KINDS = (
    ("group", re.compile(rf"[{_N}]+[组队社][{_N}]+号")),
    ("roadno", re.compile(rf"[甲乙丙丁附]?[{_N}]+(?:[-之][{_N}]+)?(?:号院|号|弄)(?:之[{_N}]+|附?[{_N}]+号|[甲乙丙丁](?![栋幢座楼]))?")),
    ("house", re.compile(rf"[{_N}a-z甲乙丙丁]+(?:-[0-9a-z]+)?(?:号楼|幢|栋|座|#楼?|号库|号厂房|号车间|排)")),
    ("cell", re.compile(rf"[{_N}东西南北中a-z]+(?:单元|门洞|门)")),
    ("floor", re.compile(rf"(?:[负地下]*[{_N}]+(?:楼|层|f)|b[0-9](?![0-9])层?|[一二三底顶首]层)")),
    ("room", re.compile(rf"[a-z]?[{_N}]+(?:-[0-9]+)?(?:室|房|户|铺|号铺|号房|号室)")),
    ("phase", re.compile(rf"[{_N}]+期")),
    ("group", re.compile(rf"第?[{_N}]+[组队社]")),
    ("metres", re.compile(rf"[东西南北前后]?[{_N}]+(?:多)?(?:米|公里)")),
    ("digits", re.compile(r"[0-9]+")),
    ("latin", re.compile(r"[a-z]+")),
)  # fmt: skip
_NUMBERS = re.compile(r"(?<![0-9a-z甲乙丙丁])[0-9a-z甲乙丙丁]{1,12}(?:[-_/—－.~、#][0-9a-z]{1,12})+")
_TAILS = {
    "road": "路 街 大道 大街 巷 弄 胡同 公路 国道 省道 县道 里弄 支路 环路 道 线 高速 辅路 支弄 弄堂 街坊 步行街 东路 西路 南路 北路 中路 一路 二路 三路 四路 东街 西街 南街 北街 中街 前街 后街",
    "group": "组 队 社 小组",
    "comm": "村 社区 庄 屯 寨 嘎查 自然村 行政村 居委会 村委会 湾 塆 坪 坝 营 堡 庄村 新村",
    "town": "镇 乡 街道 苏木 街道办事处 办事处 街道办 街办 民族乡",
    "zone": "开发区 新区 高新区 工业区 工业园 产业园 园区 科技园 物流园 工业园区 保税区 度假区 经开区 经济区 高新技术开发区 经济技术开发区 产业集聚区 示范区 工业集中区 创业园 软件园 高教园区 大学城",
    "shop": "公司 厂 店 超市 商场 市场 中心 银行 馆 酒店 宾馆 旅馆 饭店 餐厅 药店 药房 便利店 批发部 经营部 门市部 商行 网吧 专卖店 美容院 理发店 工作室 事务所 批发市场 集团 支行 分行 营业厅 服务部 汽修 维修部 商店 小卖部 饭庄 酒楼 茶楼 茶馆 影楼 影院 影城 加油站 建材城 家具城 商城 百货 快递 物流 驿站 分公司 营业部 专柜 面馆 火锅店 培训 装饰 门诊部 诊所 幼儿园 卫生院 卫生所 卫生室",
    "poi": "小区 花园 苑 大厦 广场 公寓 家园 医院 学校 大学 中学 小学 学院 商务 城 府 园 庭 院 墅 楼 站 所 局 部 宿舍 名邸 国际 公馆 山庄 别墅 花苑 佳苑 雅苑 嘉园 庄园 豪庭 华庭 名苑 丽苑 新城 新苑 家属院 家属楼 生活区 职校 技校 机关 派出所 法院 检察院 政府 委员会 车站 码头 机场 公园 景区 寺 庙 仓库 工地 基地 校区 院区 厂区 社 轩 阁 居 里 坊 寓 邸",
    "inside": "东区 西区 南区 北区 中区 东门 西门 南门 北门 正门 后门 大门 侧门 门卫 传达室 收发室 前台 物业 保安室 办公室 财务部 仓库 食堂 车间 宿舍楼 教学楼 门诊楼 住院部 行政楼 综合楼 专柜 柜台 菜鸟驿站 快递柜",
    "assist": "旁边 对面 附近 隔壁 斜对面 后面 门口 路口 交叉口 交汇处 交界处 楼下 旁 东侧 西侧 南侧 北侧 往东 往西 往南 往北 米 内 楼上 对过 边上 旁侧 前面 里面 向东 向西 向南 向北 东北角 西北角 东南角 西南角 交叉路口 十字路口 红绿灯 口 拐角 转角 尽头 中段 东段 西段 南段 北段",
    "rest": "收 转 电话 联系 请 勿 送 先生 女士 小姐",
}  # fmt: skip

# A template's first symbol being empty, it says nothing.
TEMPLATES = Templates(
    [
        [("char", 0)],
        [("char", -1)],
        [("char", 1)],
        [("char", -2)],
        [("char", 2)],
        [("char", -1), ("char", 0)],
        [("char", 0), ("char", 1)],
        [("char", -1), ("char", 1)],
        [("char", -2), ("char", -1)],
        [("char", 1), ("char", 2)],
        [("char", -1), ("char", 0), ("char", 1)],
        [("char", -2), ("char", -1), ("char", 0)],
        [("char", 0), ("char", 1), ("char", 2)],
        [("gap", 0)],
        [("gap", 1)],
        # divisions
        [("place", 0)],
        [("place", -1), ("place", 1)],
        [("place", 0), ("place", 1), ("tail", 1)],
        [("again", 0)],
        [("again", -1), ("again", 0), ("again", 1)],
        [("again", 0), ("place", 0)],
        [("again", 0), ("place_before", 0), ("place", 0)],
        [("place_before", 0), ("place", 0)],
        [("place_before", 0), ("tail", 0)],
        [("place_before", 0), ("following", 0)],
        [("stem", 0)],
        [("stem", 0), ("place_before", 0), ("tail", 1)],
        # numbers
        [("kind", 0)],
        [("kind", -1), ("kind", 1)],
        [("kind", 0), ("before", 0)],
        [("kind", 0), ("before", 0), ("before2", 0)],
        [("kind", 0), ("kind_next", 0)],
        [("kind", 0), ("kind_before", 0)],
        [("kind", 0), ("kind_before", 0), ("kind_next", 0)],
        [("joined", 0)],
        [("joined", 0), ("before", 0)],
        [("joined", -1), ("joined", 0), ("joined", 1)],
        [("size", 0), ("kind", 0), ("last", 0)],
        [("size", 0), ("before", 0), ("last", 0)],
        # words that end a part
        [("tail", 0)],
        [("tail", -1), ("tail", 1)],
        [("tail", -1), ("tail", 0), ("kind", 1)],
        [("following", 0)],
        [("following", 0), ("tail", 0)],
        [("following", 0), ("following2", 0)],
        [("following", 0), ("far", 0)],
        [("before", 0)],
        [("before", 0), ("before2", 0)],
        [("before", 0), ("following", 0)],
        [("before", 0), ("since", 0), ("following", 0)],
        [("tail", 0), ("far", 0), ("following", 0)],
        # likely words
        [("word", 0)],
        [("word_left", 0)],
        [("word_right", 0)],
        [("in_word", 0), ("word", 0)],
        [("in_word", 0), ("kind_of_word", 0)],
        [("in_word", 0), ("kind_left", 0), ("kind_of_word", 0)],
        [("in_word", 0), ("kind_of_word", 0), ("kind_right", 0)],
        [("edge", 0)],
        [("edge", 0), ("following", 0)],
        [("brackets", 0)],
        [("brackets", 0), ("char", 0)],
        [("brackets", 0), ("following", 0)],
    ]
)
_KIND_OF_TOWN = re.compile(r"(?:街道|地区|镇|乡|苏木)$")
_BUCKET = "0123345556667"


class AddressFeatures:
    """``places`` are the names of divisions, each with its level; ``stems`` those of towns without their kind."""

    def __init__(self, places: Lexicon, stems: Lexicon, everyday: Words) -> None:
        self._places = places
        self._stems = stems
        self._everyday = everyday
        self._tails = Lexicon((word, tag) for tag, words in _TAILS.items() for word in words.split())

    def __call__(self, reading: Reading) -> NDArray[np.uint32]:
        """One row a character, one number a template."""
        return TEMPLATES(self.columns(reading))

    def columns(self, reading: Reading) -> dict[str, list[str] | Column]:
        """One symbol for each character in each column; an empty one where there is nothing to say."""
        text, n = reading.text, len(reading.text)
        columns = {"char": ["0" if c.isdigit() else c for c in text]}
        columns["gap"] = ["y" if gap and not reading.spaced else "" for gap in reading.gap]
        columns["last"] = ["z" if i == n - 1 else "a" if i == 0 else "-" for i in range(n)]
        self._divisions(text, columns)
        ends = self._units(text, columns)
        _sides(n, ends, columns)
        depth, inside = 0, [""] * n
        for i, c in enumerate(text):
            if c in "([{【":
                depth += 1
            inside[i] = "y" if depth else ""
            if c in ")]}】":
                depth = max(0, depth - 1)
        columns["brackets"] = inside
        return {**columns, **self._likely(text)}

    def _divisions(self, text: str, columns: dict[str, list[str]]) -> None:
        n = len(text)
        places, again, before = ["O"] * n, [""] * n, ["-"] * n
        seen: set[str] = set()
        last, at = "-", 0
        for a, b, tag in self._places.matches(text):
            before[at:a] = [last] * (a - at)
            before[a:b] = [last] * (b - a)
            places[a] = "B" + tag
            places[a + 1 : b] = ["I" + tag] * (b - a - 1)
            core = text[a : a + 2]
            if core in seen:
                again[a] = "B"
                again[a + 1 : b] = ["I"] * (b - a - 1)
            seen.add(core)
            last, at = tag, b
        before[at:n] = [last] * (n - at)
        stems = tags(n, self._stems.matches(text), "")
        columns |= {"place": places, "again": again, "place_before": before, "stem": stems}

    def _units(self, text: str, columns: dict[str, list[str]]) -> list[tuple[int, str]]:
        """Columns about numbers and tails; returns where parts may end, with what."""
        n = len(text)
        kinds, tails, joined, size = ["O"] * n, ["O"] * n, [""] * n, [""] * n
        ends: dict[int, str] = {}
        for kind, pattern in _KINDS:
            for match in pattern.finditer(text):
                a, b = match.span()
                if all(k == "O" for k in kinds[a:b]):
                    kinds[a] = "B" + kind
                    kinds[a + 1 : b] = ["I" + kind] * (b - a - 1)
                    ends[b - 1] = kind
                    size[a:b] = [str(min(5, sum(c.isdigit() for c in match.group())))] * (b - a)
        for a, b, tag in self._tails.matches(text):
            for i in range(a, b):
                tails[i] = tag + ("$" if i == b - 1 else "")
            ends.setdefault(b - 1, tag)
        for match in _NUMBERS.finditer(text):
            pieces = re.split(r"([-_/—－.~、#])", match.group())
            if not any(c.isdigit() for c in pieces[0]):
                continue
            count, at = len(pieces) // 2 + 1, match.start()
            for number, piece in enumerate(pieces):
                sign = "-" if number % 2 else "0"
                for i in range(at, at + len(piece)):
                    joined[i] = f"{count}{number}{sign}{'B' if i == at else 'I'}"
                at += len(piece)
        columns |= {"kind": kinds, "tail": tails, "joined": joined, "size": size}
        return sorted(ends.items())

    def _likely(self, text: str) -> dict[str, Column]:
        """Columns about the likely word that each character is in; ``edge`` has the word itself where it is short."""
        made = likely_words(text, self._everyday, edges=True)
        made["kind_of_word"] = made.pop("kind")
        return made


@lru_cache(maxsize=1)
def address_features() -> AddressFeatures:
    """Over the shipped table of divisions, former ones among them, and the shipped dictionary."""
    table = divisions()
    now = list(table.lexicon())
    known = {name for name, _ in now}
    gone = [(name, "dist") for name in table.former if name not in known]
    stems = {_KIND_OF_TOWN.sub("", d.name) for d in table.by_code.values() if d.level == "town"}
    return AddressFeatures(
        Lexicon([*now, *gone]), Lexicon((stem, "town") for stem in sorted(stems) if len(stem) >= 2), words()
    )


def _sides(n: int, ends: list[tuple[int, str]], columns: dict[str, list[str]]) -> None:
    """Columns about what ended before a character (and how far back) and what ends next behind it."""
    names = ("before", "before2", "since", "following", "following2", "far", "kind_before", "kind_next")
    made = {name: ["-"] * n for name in names}
    numbers = {"group", "roadno", "house", "cell", "floor", "room", "digits", "phase"}
    position, kind_last = 0, "-"
    for i in range(n):
        while position < len(ends) and ends[position][0] < i:
            if ends[position][1] in numbers:
                kind_last = ends[position][1]
            position += 1
        before = ends[:position][-2:]
        if before:
            made["before"][i] = before[-1][1]
            made["since"][i] = _BUCKET[min(12, i - before[-1][0])]
        if len(before) > 1:
            made["before2"][i] = before[0][1]
        after = ends[position : position + 2]
        if after:
            made["following"][i] = after[0][1]
            made["far"][i] = _BUCKET[min(12, after[0][0] - i)]
        if len(after) > 1:
            made["following2"][i] = after[1][1]
        made["kind_before"][i] = kind_last
        own = position + 1 if after and columns["kind"][i] != "O" else position
        made["kind_next"][i] = next((kind for _, kind in ends[own:] if kind in numbers), "-")
    columns |= made
