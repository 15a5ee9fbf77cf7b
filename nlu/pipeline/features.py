"""What the entity model sees of each character: its neighbours, known words around it, shapes, and what was announced before."""

from __future__ import annotations

import re
from collections.abc import Set
from itertools import pairwise

from nlu.pipeline.characters import Reading
from nlu.pipeline.cues import MARKS, announce_lexicon, cue_lexicon
from nlu.pipeline.lexicon import Lexicon
from nlu.pipeline.shapes import shapes
from nlu.pipeline.sounds import SoundLexicon
from nlu.pipeline.words import Words

SURNAMES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫经房裘缪干解应宗丁宣邓郁单杭洪包诸左石崔吉钮龚程邢裴陆荣翁荀羊惠甄曲家封芮储靳汲邴糜松井段富巫乌焦巴弓牧隗山谷车侯宓蓬全郗班仰秋仲伊宫宁仇栾暴甘厉戎祖武符刘景詹束龙叶幸司韶郜黎薄印宿白怀蒲从鄂索咸籍赖卓蔺屠蒙池乔阴胥能苍双闻莘党翟谭贡劳逄姬申扶堵冉宰郦雍桑桂濮牛寿通边扈燕冀浦尚农温别庄晏柴瞿阎充慕连茹习宦艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广禄阙东欧殳沃利蔚越隆师巩厍聂晁勾敖融冷辛阚那简饶空曾毋沙养鞠须丰巢关相查荆红游权盖益桓公仉督岳帅缑亢况郈有琴归海晋楚闫法涂岳逯仝尉迟佟隋肖覃韦农蓝植麦区冼岑"
)
COMPOUND_SURNAMES = frozenset(
    [
        "欧阳",
        "上官",
        "司马",
        "诸葛",
        "皇甫",
        "令狐",
        "尉迟",
        "长孙",
        "慕容",
        "宇文",
        "司徒",
        "端木",
        "独孤",
        "南宫",
        "夏侯",
        "东方",
        "公孙",
        "西门",
        "呼延",
        "轩辕",
        "澹台",
        "申屠",
        "闻人",
        "钟离",
        "司空",
        "鲜于",
        "太史",
        "赫连",
        "拓跋",
        "万俟",
        "百里",
        "淳于",
        "濮阳",
        "公冶",
        "宗政",
        "单于",
        "东郭",
        "第五",
        "纳兰",
        "完颜",
        "爱新",
        "叶赫",
    ]
)
_TITLES = Lexicon(
    (w, "title")
    for w in [
        "先生",
        "女士",
        "小姐",
        "师傅",
        "阿姨",
        "大爷",
        "叔叔",
        "大姐",
        "老师",
        "经理",
        "主任",
        "店长",
        "老板",
        "工",
        "总",
        "医生",
        "护士",
        "院长",
        "校长",
        "大哥",
        "大妈",
        "奶奶",
        "爷爷",
        "主管",
        "队长",
        "班长",
        "科长",
        "处长",
        "站长",
        "厂长",
        "教授",
        "博士",
        "同学",
        "婶",
        "叔",
        "姐",
        "哥",
        "嫂",
        "保安",
        "会计",
        "书记",
        "护士长",
        "园长",
        "所长",
        "工程师",
        "师",
        "太太",
        "伯",
        "总监",
        "管家",
    ]
)


class FeatureMaker:
    """``words`` are the known devices and brands, ``places`` the names of divisions. ``hidden`` plays ignorance in training."""

    def __init__(self, words: Lexicon, places: Lexicon, sounds: SoundLexicon, everyday: Words) -> None:
        self._words = words
        self._everyday = everyday
        self._places = places
        self._sounds = sounds

    def __call__(self, reading: Reading, hidden: Set[str] = frozenset()) -> list[list[str]]:
        text, n = reading.text, len(reading.text)
        if not n:
            return []
        words, places, cues = ["O"] * n, ["O"] * n, ["O"] * n
        hide = frozenset(hidden)
        for a, b, tag in self._words.matches(text, hide):
            words[a] = "B" + tag
            for i in range(a + 1, b):
                words[i] = "I" + tag
        for a, b, tag in self._places.matches(text, hide):
            places[a] = "B" + tag
            for i in range(a + 1, b):
                places[i] = "I" + tag
        for a, b, tag in cue_lexicon.matches(text):
            for i in range(a, b):
                cues[i] = tag
        heard = [""] * n
        for a, b, tag in self._sounds.matches(text, hide):
            heard[a] = "B" + tag
            for i in range(a + 1, b):
                heard[i] = "I" + tag
        titles = bytearray(n + 1)
        for a, _, _ in _TITLES.matches(text):
            titles[a] = 1
        shape = shapes(text)
        before, key = _announced(text)
        lines = _lines(text)
        c = ["<2", "<1", *text, ">1", ">2"]
        two = [x + y for x, y in pairwise(c)]
        three = [x + y for x, y in zip(c, two[1:], strict=False)]
        w = ["<", *words, ">"]
        cu = ["<", "<", *cues, ">", ">"]
        cu2 = [x + y for x, y in pairwise(cu)]
        columns = [
            ["0" + x for x in text],
            ["a" + x for x in c[1 : n + 1]],
            ["b" + x for x in c[3 : n + 3]],
            ["c" + x for x in c[:n]],
            ["d" + x for x in c[4:]],
            ["e" + x for x in two[1 : n + 1]],
            ["f" + x for x in two[2 : n + 2]],
            ["i" + x for x in three[1 : n + 1]],
            ["j" + x for x in three[:n]],
            ["k" + x for x in three[2:]],
            ["l" + x for x in words],
            ["m" + x for x in w[2:]],
            ["n" + x for x in w[:n]],
            ["o" + x for x in places],
            ["p" + x + y for x, y in zip(["<", *places], [*places[1:], ">"], strict=False)],
            ["q" + x for x in shape],
            ["r" + x + y for x, y in zip(["<", *shape], [*shape[1:], ">"], strict=False)],
            ["s" + x for x in cues],
            ["t" + x + y for x, y in zip(cu[1 : n + 1], cu[3:], strict=False)],
            ["t0" + x for x in cu2[1 : n + 1]],
            ["t1" + x for x in cu2[2 : n + 2]],
            ["t4" + x + y for x, y in zip(cu[1:], words, strict=False)],
            ["u" + x for x in before],
            ["v" + x + y for x, y in zip(before, shape, strict=True)],
            ["w" + x for x in key],
            ["x" + x + MARKS.get(y, "") for x, y in zip(key, c[1:], strict=False)],
            ["A" + x for x in lines],
            *self._likely(text),
            *_clauses(text, reading, cues),
            ["K" + x for x in _keys(text)],
        ]
        rows = [list(row) for row in zip(*columns, strict=True)]
        gapped = any(reading.gap) and not reading.spaced
        for i, row in enumerate(rows):
            p1, c0, n1 = c[i + 1], c[i + 2], c[i + 3]
            if heard[i]:
                row.append("H" + heard[i])
            if c0 == p1:
                row.append("R=")
            elif c0 == n1:
                row.append("R>")
            elif c0 == c[i + 4] or c0 == c[i]:
                row.append("R~")
            if gapped:
                if reading.gap[i]:
                    row.append("y")
                    row.append("yb" + p1)
                if i + 1 < n and reading.gap[i + 1]:
                    row.append("z")
            if c0 in SURNAMES:
                row.append("Sl" + lines[i])
                row.append("S" + ("t" if titles[i + 1] else "") + (MARKS.get(p1, "") if i else "<"))
            if two[i + 2] in COMPOUND_SURNAMES:
                row.append("SS")
            if titles[i]:
                row.append("T" + ("s" if i and text[i - 1] in SURNAMES else ""))
        return rows

    def _likely(self, text: str) -> list[list[str]]:
        """Columns about the likely word that each character is in: itself, its neighbours, their kinds, the character's place in it."""
        cut = self._everyday.cut(text)
        names = ["<", *(text[a:b] for a, b, _ in cut), ">"]
        kinds = ["<", "<", *(kind for _, _, kind in cut), ">", ">"]
        columns: list[list[str]] = [[] for _ in range(9)]
        own, left, right, around, place, lefts, rights, before, after = columns
        for number, (a, b, kind) in enumerate(cut):
            p, w, n = names[number : number + 3]
            k2, k1, _, k3, k4 = kinds[number : number + 5]
            size = b - a
            own += ["Ww" + w] * size
            left += ["Wp" + p] * size
            right += ["Wn" + n] * size
            around += [f"Wk{k1}|{kind}|{k3}"] * size
            for at in _PLACES[size]:
                place.append("Wl" + at + kind)
                lefts.append("Wq" + at + p + w)
                rights.append("Wr" + at + w + n)
                before.append("Wx" + at + k2 + k1 + kind)
                after.append("Wy" + at + kind + k3 + k4)
        return columns


_PLACES = {1: "S", 2: "BE", 3: "BIE", 4: "BIIE"}


def _announced(text: str) -> tuple[list[str], list[str]]:
    """For each character the last announcing word before it with its distance, and the key of its "key: value" line."""
    n = len(text)
    last, at = "-", 0
    before = ["-"] * n
    found = list(announce_lexicon.matches(text))
    position = 0
    for i in range(n):
        while position < len(found) and found[position][1] <= i:
            last, at = found[position][2], found[position][1]
            position += 1
        distance = i - at
        before[i] = (
            "-"
            if last == "-" or distance > 20
            else f"{last}{0 if distance == 0 else 1 if distance < 3 else 2 if distance < 8 else 3}"
        )
    key = ["-"] * n
    starts = {b: tag for _, b, tag in found}
    current = "-"
    for i, c in enumerate(text):
        if c in "⏎|;":
            current = "-"
        elif c in ":=":
            current = starts.get(i, "?")
        elif i in starts and (i + 1 >= n or text[i] not in ":="):
            pass
        key[i] = current
    return before, key


def _keys(text: str) -> list[str]:
    """For each character of a "key: value" line the key's last four characters, and whether the value begins or ends there."""
    out = ["-"] * len(text)
    for match in _KEY.finditer(text):
        key, start, end = match[1][-4:], *match.span(2)
        for i in range(start, end):
            out[i] = key + ("B" if i == start else "") + ("E" if i == end - 1 else "")
    return out


def _clauses(text: str, reading: Reading, cues: list[str]) -> list[list[str]]:
    """Columns about the clause: how far its ends are, and the nearest telling words before and behind the character."""
    n = len(text)
    breath = reading.gap if not reading.spaced else [False] * n
    left, right = [""] * n, [""] * n
    since, word, near = 0, "<", 0
    for i, c in enumerate(text):
        if c in MARKS or breath[i]:
            since, word, near = 0, "<", 0
        left[i] = f"{_BUCKET[min(since, 12)]}{word}{_BUCKET[min(near, 12)]}"
        since += 1
        near += 1
        if cues[i] in _TELLING:
            word, near = cues[i], 0
    since, word, near = 0, ">", 0
    for i in range(n - 1, -1, -1):
        if text[i] in MARKS:
            since, word, near = 0, ">", 0
        right[i] = f"{_BUCKET[min(since, 12)]}{word}{_BUCKET[min(near, 12)]}"
        since += 1
        near += 1
        if cues[i] in _TELLING:
            word, near = cues[i], 0
        if breath[i]:
            since, word, near = 0, ">", 0
    return [
        ["C<" + x for x in left],
        ["C>" + x for x in right],
        ["C=" + x[1:-1] + "|" + y for x, y in zip(left, right, strict=True)],
    ]


_KEY = re.compile(r"(?:^|(?<=[⏎|/;,。]))[ ]?([^⏎|/;,。:=]{1,10})[:=]((?:(?!/[^⏎|/:=]{1,8}[:=])[^⏎|;])+)")
_TELLING = frozenset(["not", "cannot", "bad", "often", "again", "when", "part", "person", "join", "unit"])
_BUCKET = "012334444555" + "6"


def _lines(text: str) -> list[str]:
    """How long the line (or space-free clause) is that a character stands in, where in it, and whether it is among the last."""
    out: list[str] = []
    parts = text.split("⏎")
    count = len(parts)
    for number, part in enumerate(parts):
        n = len(part)
        size = "1" if n <= 1 else "4" if n <= 4 else "8" if n <= 8 else "L"
        place = "s" if count == 1 else "z" if number >= count - 3 else "a" if number == 0 else "m"
        for i in range(n):
            at = "0" if i == 0 else "9" if i == n - 1 else "" if size != "L" else "-"
            out.append(size + place + at)
        out.append("N")
    return out[: len(text)]
