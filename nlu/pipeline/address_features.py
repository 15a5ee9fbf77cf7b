"""What the address parser sees of each character: its neighbours, known divisions and those named twice, numbers with their units,
words that end a part, the likely words of everyday Chinese."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nlu.former import is_bare
from nlu.pipeline.characters import Reading
from nlu.pipeline.columns import likely_words, tags
from nlu.pipeline.lexicon import Lexica, Lexicon, Match
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
    ("quarter", re.compile(rf"[{_N}a-z甲乙丙丁东西南北中]区(?!域)")),
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
    "poi": "小区 花园 苑 大厦 广场 公寓 家园 医院 学校 大学 中学 小学 学院 商务 城 府 园 庭 院 墅 楼 站 所 局 部 宿舍 名邸 国际 公馆 山庄 别墅 花苑 佳苑 雅苑 嘉园 庄园 豪庭 华庭 名苑 丽苑 新城 新苑 家属院 家属楼 生活区 职校 技校 机关 派出所 法院 检察院 政府 委员会 车站 码头 机场 公园 景区 寺 庙 仓库 工地 基地 校区 院区 厂区 社 轩 阁 居 里 坊 寓 邸 天地 商厦 世界 石化 油田 电子 电器 煤矿 化工 食品 之家 菜场 师大 科大 工大 理工 一中 二中 三中 四中 五中 六中 银座 万达 陶瓷 五金 家具 服饰 纺织 机械 汽车 汽配 电缆 木业 酒业 农场 林场 茶场 牧场 渔场 钢铁 重工 化纤 轮胎 水泥 都汇 生活汇 明珠 名都 国贸 民宿 客栈 祠堂 夜市 商业街 美食街 风情街 soho 邮局 农行 工行 建行 信用社 大桥 水库 基督教堂 教堂 敬老院 养老院 福利院 体育馆 体育场 博物馆 图书馆 文化宫 展览馆 会展中心 科技馆 少年宫 电影院 大剧院 冷库 合作社",
    "inside": "东区 西区 南区 北区 中区 东门 西门 南门 北门 正门 后门 大门 侧门 门卫 传达室 收发室 前台 物业 保安室 办公室 财务部 仓库 食堂 车间 宿舍楼 出站口 进站口 出入口 售票处 售票厅 候车室 航站楼 学生公寓 员工宿舍 宿舍区 家属区 分校 营业大厅 办税大厅 饭堂 会所 售楼处 售楼部 停车场 代收点 妈妈驿站 自提点 护士站 教学楼 门诊楼 住院部 行政楼 综合楼 专柜 柜台 菜鸟驿站 快递柜 组团 门岗 岗亭 库房 门市 厂房 磅房 展厅 服务台 山门 街区 客厅 大堂 操场 宿管 医务室 实验室 教室 阅览室 机房 锅炉房 配电房 南厅 北厅 东厅 西厅",
    "assist": "旁边 对面 附近 隔壁 斜对面 后面 门口 路口 交叉口 交汇处 交界处 楼下 旁 东侧 西侧 南侧 北侧 往东 往西 往南 往北 米 内 楼上 对过 边上 旁侧 前面 里面 向东 向西 向南 向北 左侧 右侧 左边 右边 东边 西边 南边 北边 东面 西面 南面 北面 东头 西头 东邻 西邻 对门 交会处 交叉 路东 路西 路南 路北 左拐 右拐 左转 右转 左手边 右手边 下面 背后 桥下 院内 门前 后身 脚下 墙外 南头 北头 右手 桥边 树下 对岸 上面 外面 路边 河边 湖边 村口 巷口 院后 交汇 往里走 进门 东北角 西北角 东南角 西南角 交叉路口 十字路口 红绿灯 口 拐角 转角 尽头 中段 东段 西段 南段 北段",
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
        # how a division fits those before it, and what it stands between
        [("fits", 0)],
        [("fits", 0), ("behind", 0)],
        [("fits", 0), ("ahead", 0), ("behind", 0)],
        [("fits", 0), ("place", 0), ("behind", 0)],
        [("fits", 0), ("following", 0), ("far", 0)],
        [("fits", 0), ("left", 0)],
        [("told", 0)],
        [("told", 0), ("place", 0)],
        [("told", 0), ("fits", 0), ("behind", 0)],
        [("stem_fits", 0)],
        [("stem_fits", 0), ("following", 0), ("far", 0)],
        # what went by and what is to come
        [("had", 0)],
        [("had", 0), ("char", 0)],
        [("had", 0), ("tail", 0)],
        [("had", 0), ("following", 0)],
        [("had", 0), ("left", 0)],
        [("had", 0), ("left", 0), ("tail", 0)],
        [("had", 0), ("before", 0), ("since", 0)],
        [("had", 0), ("in_word", 0), ("word", 0)],
        [("had", 0), ("kind", 0)],
        [("had", 0), ("kind", 0), ("kind_next", 0)],
        [("left", 0), ("far", 0)],
        [("left", 0), ("before", 0), ("since", 0)],
        # shapes of numbers
        [("shape", 0)],
        [("shape", 0), ("had", 0)],
        [("run", 0)],
        [("run", 0), ("had", 0)],
        [("run", 0), ("before", 0)],
    ]
)
_BEYOND = (("中国", "country"), ("中华人民共和国", "country"), ("香港", "prov"), ("澳门", "prov"), ("台湾", "prov"))
_MUNICIPALITIES = ("北京", "上海", "天津", "重庆")
_ZONE = re.compile(r"(?:开发|工业|产业|示范|旅游|度假|管理|保税|高新|经济|园|新|实验|试验|合作)区$|[业技]园$")
_RUNS = re.compile(r"[0-9a-z]+(?:[-_/—－.~、#][0-9a-z]+)*")
_KIND_OF_TOWN = re.compile(r"(?:街道|地区|镇|乡|苏木)$")
_BUCKET = "0123345556667"
_SINCE = list(_BUCKET[1:])
_NUMBERED = {"group", "roadno", "house", "cell", "floor", "room", "digits", "phase"}


class AddressFeatures:
    """``places`` are the names of divisions, each with its level; ``stems`` those of towns without their kind; ``codes`` and
    ``stem_codes`` the GB/T 2260 codes that each may stand for."""

    def __init__(
        self,
        places: Lexicon,
        stems: Lexicon,
        everyday: Words,
        codes: Mapping[str, Sequence[str]],
        stem_codes: Mapping[str, Sequence[str]],
    ) -> None:
        self._codes = codes
        self._stem_codes = stem_codes
        self._everyday = everyday
        tails = Lexicon((word, tag) for tag, words in _TAILS.items() for word in words.split())
        self._lexica = Lexica({"place": places, "stem": stems, "tail": tails})

    def __call__(self, reading: Reading) -> NDArray[np.uint32]:
        """One row a character, one number a template."""
        return TEMPLATES(self.columns(reading))

    def columns(self, reading: Reading) -> dict[str, list[str] | Column]:
        """One symbol for each character in each column; an empty one where there is nothing to say."""
        text, n = reading.text, len(reading.text)
        columns = {"char": ["0" if c.isdigit() else c for c in text]}
        columns["gap"] = ["y" if gap and not reading.spaced else "" for gap in reading.gap]
        columns["last"] = ["z" if i == n - 1 else "a" if i == 0 else "-" for i in range(n)]
        found = self._lexica.matches(text)
        self._divisions(text, found["place"], columns)
        columns["stem"] = tags(n, found["stem"], "")
        ends = _units(text, found["tail"], columns)
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

    def _divisions(self, text: str, matches: Sequence[Match], columns: dict[str, list[str]]) -> None:
        n = len(text)
        places, again, before = ["O"] * n, [""] * n, ["-"] * n
        seen: set[str] = set()
        last, at = "-", 0
        for a, b, tag in matches:
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
        self._fitting(text, matches, columns)
        columns |= {"place": places, "again": again, "place_before": before}

    def _fitting(self, text: str, matches: Sequence[Match], columns: dict[str, list[str]]) -> None:
        """``fits``: whether a division lies in one named before ("down"), contains one ("up"), is one of them ("same") or does not
        fit ("odd"); ``ahead`` and ``behind`` what it stands between; ``stem_fits`` a town without its kind, where one may be."""
        n = len(text)
        fits, ahead, behind, stem_fits = [""] * n, [""] * n, [""] * n, [""] * n
        starts, ends = {a: tag for a, _, tag in matches}, {b for _, b, _ in matches}
        held: Sequence[str] = ()  # codes that the last of the divisions one within the other may have
        told: set[str] = set()
        for a, b, _ in matches:
            size = b - a
            codes = self._codes.get(text[a:b], ())
            if not held:
                relation, held = "first", codes
            elif inner := [c for c in codes for h in held if len(c) > len(h) and c.startswith(h)]:
                relation, held = "down" if told.isdisjoint(inner) else "same", inner
            elif not told.isdisjoint(codes):
                relation = "same"
            else:
                relation = "up" if any(h.startswith(c) for c in codes for h in held) else "odd"
            told.update(codes if relation in ("first", "odd") else held)
            fits[a:b] = ["B" + relation, *["I" + relation] * (size - 1)]
            ahead[a:b] = ["s" if a == 0 else "p" if a in ends else _class(text[a - 1])] * size
            behind[a:b] = ["e" if b == n else "p" if b in starts else _class(text[b])] * size
            if starts.get(b, "~")[-1] == "~":
                self._stem_at(text, b, held, stem_fits)
        columns |= {"fits": fits, "ahead": ahead, "behind": behind, "stem_fits": stem_fits}
        columns["told"] = self._told(text, matches)

    def _stem_at(self, text: str, at: int, held: Sequence[str], column: list[str]) -> None:
        """Marks a town of the divisions ``held`` that is named at ``at`` without its kind: "d" where the district is known, else "c"."""
        for length in (5, 4, 3, 2):
            stem = text[at : at + length]
            if len(stem) == length and any(c.startswith(h) for c in self._stem_codes.get(stem, ()) for h in held):
                deep = "d" if any(len(h) >= 6 for h in held) else "c"
                column[at : at + length] = ["B" + deep, *["I" + deep] * (length - 1)]
                return

    def _told(self, text: str, matches: Sequence[Match]) -> list[str]:
        """Of a division that is named more than once: at first or again, and whether it is then among more of them than elsewhere."""
        told = [""] * len(text)
        codes = [set(self._codes.get(text[a:b], ())) for a, b, _ in matches]
        runs: list[
            int
        ] = []  # number of the run that each division is in: of names one within the other, nothing but marks between
        run, last, depth = 0, 0, 9
        for (a, b, _), known in zip(matches, codes, strict=True):
            deep = max(map(len, known), default=9)
            run += bool(deep <= depth or text[last:a].strip("-_,.、/*()"))
            runs.append(run)
            last, depth = b, deep
        for n, (a, b, _) in enumerate(matches):
            twins = [m for m, known in enumerate(codes) if m != n and known & codes[n]]
            if not twins:
                continue
            own, other = runs.count(runs[n]), max(runs.count(runs[m]) for m in twins)
            sign = ("1" if n < twins[0] else "2") + ("<" if own < other else "=" if own == other else ">")
            told[a:b] = ["B" + sign, *["I" + sign] * (b - a - 1)]
        return told

    def _likely(self, text: str) -> dict[str, Column]:
        """Columns about the likely word that each character is in; ``edge`` has the word itself where it is short."""
        made = likely_words(text, self._everyday, edges=True)
        made["kind_of_word"] = made.pop("kind")
        return made


@lru_cache(maxsize=1)
def address_features() -> AddressFeatures:
    """Over the shipped table of divisions, former ones among them, and the shipped dictionary."""
    table = divisions()
    now = [(name, _tag(name, tag)) for name, tag in table.lexicon()]
    known = {name for name, _ in now}
    gone = [(name, "dist~" if is_bare(name, table.former) else "dist") for name in table.former if name not in known]
    stems: dict[str, list[str]] = {}
    for code, division in table.by_code.items():
        if division.level == "town":
            stems.setdefault(_KIND_OF_TOWN.sub("", division.name), []).append(code)
    codes = {
        name: [*table.by_name.get(name, ()), *table.former.get(name, ())] for name in {*table.by_name, *table.former}
    }
    return AddressFeatures(
        Lexicon([*now, *gone, *_BEYOND]),
        Lexicon((stem, "town") for stem in sorted(stems) if len(stem) >= 2),
        words(),
        codes,
        stems,
    )


def _tag(name: str, tag: str) -> str:
    """Municipalities are cities by the labels, and development zones that have a code of their own are no towns."""
    if tag.startswith("prov") and name.removesuffix("市") in _MUNICIPALITIES:
        return "muni"
    return "zone" if tag == "town" and _ZONE.search(name) else tag


def _class(c: str) -> str:
    return "d" if c.isdigit() else "m" if not c.isalnum() else "w"


def _piece(piece: str) -> str:
    """A run of letters and figures in short: a1501 is l1d4."""
    if not piece.isalnum():
        return piece
    return "".join(("d" if c[0].isdigit() else "l") + str(min(5, len(c))) for c in re.findall(r"\d+|[a-z]+", piece))


def _sides(n: int, ends: list[tuple[int, str]], columns: dict[str, list[str]]) -> None:
    """Columns about what ended before a character (and how far back) and what ends next behind it."""
    names = ("before", "before2", "since", "following", "following2", "far", "kind_before", "kind_next")
    made: dict[str, list[str]] = {name: [] for name in names}
    kinds = ["-", "-", *(kind for _, kind in ends), "-", "-"]
    coming = ["-"] * (len(ends) + 2)  # the number that ends next, from each end on
    for k in range(len(ends) - 1, -1, -1):
        coming[k] = ends[k][1] if ends[k][1] in _NUMBERED else coming[k + 1]
    start, last = 0, "-"
    for k in range(len(ends) + 1):
        stop = ends[k][0] + 1 if k < len(ends) else n
        size = stop - start
        made["before2"] += [kinds[k]] * size
        made["before"] += [kinds[k + 1]] * size
        made["following"] += [kinds[k + 2]] * size
        made["following2"] += [kinds[k + 3] if k < len(ends) else "-"] * size
        made["since"] += _SINCE[:size] + [_BUCKET[-1]] * (size - len(_SINCE)) if k else ["-"] * size
        far = _BUCKET[size - 1 :: -1] if size <= len(_BUCKET) else _BUCKET[-1] * (size - len(_BUCKET)) + _BUCKET[::-1]
        made["far"] += far if k < len(ends) else ["-"] * size
        made["kind_before"] += [last] * size
        own = coming[k + 1]
        made["kind_next"] += [coming[k] if kind == "O" else own for kind in columns["kind"][start:stop]]
        if k < len(ends) and ends[k][1] in _NUMBERED:
            last = ends[k][1]
        start = stop
    _passed(n, ends, columns, made)
    columns |= made


_STAGES = {"road": 1, "roadno": 2, "group": 2, "house": 3, "cell": 4, "floor": 4, "room": 4}
_PLACE_ENDS = {"quarter", "poi", "shop", "inside", "zone"}


def _passed(n: int, ends: list[tuple[int, str]], columns: dict[str, list[str]], made: dict[str, list[str]]) -> None:
    """``had``: how deep the numbers have led, and how many places of interest ended since; ``left``: how many end before the next
    number, and which that is."""
    places = columns["place"]
    marked = [(at, kind) for at, kind in ends if kind in _STAGES or (kind in _PLACE_ENDS and places[at] == "O")]
    had, left = ["0.0"] * n, ["0-"] * n
    stage, count, start = 0, 0, 0
    for at, kind in marked:
        had[start : at + 1] = [f"{stage}.{min(2, count)}"] * (at + 1 - start)
        start = at + 1
        if kind in _PLACE_ENDS:
            count += 1
        elif _STAGES[kind] >= stage:
            stage, count = _STAGES[kind], 0
    had[start:n] = [f"{stage}.{min(2, count)}"] * (n - start)
    count, stop, start = 0, "-", n
    for at, kind in reversed(marked):
        left[at + 1 : start] = [f"{min(3, count)}{stop}"] * (start - at - 1)
        start = at + 1
        if kind in _PLACE_ENDS:
            count += 1
        else:
            count, stop = 0, kind
    left[:start] = [f"{min(3, count)}{stop}"] * start
    made |= {"had": had, "left": left}


def _units(text: str, matches: Sequence[Match], columns: dict[str, list[str]]) -> list[tuple[int, str]]:
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
    for a, b, tag in matches:
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
    shape, run = [""] * n, [""] * n
    for match in _RUNS.finditer(text):
        words = match.group()
        made = "".join(_piece(piece) for piece in re.split(r"([-_/—－.~、#])", words))
        a, b = match.span()
        after = text[b] if b < n else "$"
        shape[a:b] = [f"{made}{after}{i}" for i in range(b - a)]
        for piece in re.finditer(r"[0-9a-z]+", words):
            last = a + piece.end()
            sign = _piece(piece.group()) + (text[last] if last < n else "$")
            run[a + piece.start() : last] = ["B" + sign, *["I" + sign] * (piece.end() - piece.start() - 1)]
    columns |= {"shape": shape, "run": run}
    columns |= {"kind": kinds, "tail": tails, "joined": joined, "size": size}
    return sorted(ends.items())
