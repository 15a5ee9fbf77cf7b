"""What the entity model sees of each character: its neighbours, known words around it, shapes, and what was announced before."""

from __future__ import annotations

import re
from collections.abc import Set

import numpy as np
from numpy.typing import NDArray

from nlu.pipeline.characters import Reading
from nlu.pipeline.columns import likely_words, tags
from nlu.pipeline.cues import MARKS, announce_lexicon, cue_lexicon
from nlu.pipeline.lexicon import Lexicon
from nlu.pipeline.shapes import shapes
from nlu.pipeline.sounds import SoundLexicon
from nlu.pipeline.templates import Templates
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


# A template's first symbol being empty, it says nothing. Columns: see ``FeatureMaker.columns``.
TEMPLATES = Templates(
    [
        # the characters around
        [("char", 0)],
        [("char", -1)],
        [("char", 1)],
        [("char", -2)],
        [("char", 2)],
        [("char", -1), ("char", 0)],
        [("char", 0), ("char", 1)],
        [("char", -1), ("char", 0), ("char", 1)],
        [("char", -2), ("char", -1), ("char", 0)],
        [("char", 0), ("char", 1), ("char", 2)],
        [("repeat", 0)],
        [("gap", 0)],
        [("gap", 0), ("char", -1)],
        [("gap", 1)],
        # known words, places, sounds
        [("known", 0)],
        [("known", 1)],
        [("known", -1)],
        [("place", 0)],
        [("place", -1), ("place", 1)],
        [("heard", 0)],
        # shapes and cues
        [("shape", 0)],
        [("shape", -1), ("shape", 1)],
        [("cue", 0)],
        [("cue", -1), ("cue", 1)],
        [("cue", -1), ("cue", 0)],
        [("cue", 0), ("cue", 1)],
        [("cue", -1), ("known", 0)],
        # what was announced, lines, clauses
        [("before", 0)],
        [("before", 0), ("shape", 0)],
        [("key", 0)],
        [("key", 0), ("mark", -1)],
        [("value", 0)],
        [("line", 0)],
        [("left", 0)],
        [("right", 0)],
        [("near_left", 0), ("near_right", 0)],
        # the likely words of everyday Chinese: this one, its neighbours, their kinds
        [("word", 0)],
        [("word_left", 0)],
        [("word_right", 0)],
        [("kind_left", 0), ("kind", 0), ("kind_right", 0)],
        [("kind", 0), ("in_word", 0)],
        [("in_word", 0), ("word_left", 0), ("word", 0)],
        [("in_word", 0), ("word", 0), ("word_right", 0)],
        [("in_word", 0), ("kind_left2", 0), ("kind_left", 0), ("kind", 0)],
        [("in_word", 0), ("kind", 0), ("kind_right", 0), ("kind_right2", 0)],
        # names
        [("surname", 0), ("line", 0)],
        [("surname", 0), ("title", 1), ("mark", -1)],
        [("surname2", 0)],
        [("title", 0), ("surname", -1)],
    ]
)


class FeatureMaker:
    """``words`` are the known devices and brands, ``places`` the names of divisions. ``hidden`` plays ignorance in training."""

    def __init__(self, words: Lexicon, places: Lexicon, sounds: SoundLexicon, everyday: Words) -> None:
        self._words = words
        self._everyday = everyday
        self._places = places
        self._sounds = sounds

    def __call__(self, reading: Reading, hidden: Set[str] = frozenset()) -> NDArray[np.uint32]:
        """One row a character, one number a template."""
        return TEMPLATES(self.columns(reading, hidden))

    def columns(self, reading: Reading, hidden: Set[str] = frozenset()) -> dict[str, list[str]]:
        """One symbol for each character in each column; an empty one where there is nothing to say."""
        text, n = reading.text, len(reading.text)
        hide = frozenset(hidden)
        titles = [""] * n
        for a, _, _ in _TITLES.matches(text):
            titles[a] = "t"
        cues = ["O"] * n
        for a, b, tag in cue_lexicon.matches(text):
            cues[a:b] = [tag] * (b - a)
        before, key = _announced(text)
        breath = reading.gap if not reading.spaced else [False] * n
        gapped = any(breath)
        columns = {
            "char": list(text),
            "repeat": _repeats(text),
            "gap": ["y" if gapped and gap else "" for gap in breath],
            "known": tags(n, self._words.matches(text, hide)),
            "place": tags(n, self._places.matches(text, hide)),
            "heard": tags(n, self._sounds.matches(text, hide), ""),
            "shape": shapes(text),
            "cue": cues,
            "before": before,
            "key": key,
            "mark": [MARKS.get(c, "-") for c in text],
            "value": _values(text),
            "line": _lines(text),
            "surname": ["s" if c in SURNAMES else "" for c in text],
            "surname2": ["s" if text[i : i + 2] in COMPOUND_SURNAMES else "" for i in range(n)],
            "title": titles,
        }
        columns |= likely_words(text, self._everyday)
        _clauses(text, breath, cues, columns)
        return columns


def _repeats(text: str) -> list[str]:
    """Whether a character is that before it, behind it, or one away: 嗡嗡, 一闪一闪."""
    c = f"\0\1{text}\2\3"
    return [
        "=" if here == left else ">" if here == right else "~" if here in (left2, right2) else ""
        for left2, left, here, right, right2 in zip(c, c[1:], c[2:], c[3:], c[4:], strict=False)
    ]


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


def _values(text: str) -> list[str]:
    """For each character of a "key: value" line the key's last four characters, and whether the value begins or ends there."""
    out = ["-"] * len(text)
    for match in _KEY.finditer(text):
        key, start, end = match[1][-4:], *match.span(2)
        for i in range(start, end):
            out[i] = key + ("B" if i == start else "") + ("E" if i == end - 1 else "")
    return out


def _clauses(text: str, breath: list[bool], cues: list[str], columns: dict[str, list[str]]) -> None:
    """Columns about the clause: how far its ends are, and the nearest telling words before and behind the character."""
    n = len(text)
    left, right, near_left, near_right = [""] * n, [""] * n, [""] * n, [""] * n
    since, word, near = 0, "<", 0
    for i, c in enumerate(text):
        if c in MARKS or breath[i]:
            since, word, near = 0, "<", 0
        near_left[i] = word
        left[i] = f"{_BUCKET[min(since, 12)]}{word}{_BUCKET[min(near, 12)]}"
        since += 1
        near += 1
        if cues[i] in _TELLING:
            word, near = cues[i], 0
    since, word, near = 0, ">", 0
    for i in range(n - 1, -1, -1):
        if text[i] in MARKS:
            since, word, near = 0, ">", 0
        near_right[i] = f"{word}{_BUCKET[min(near, 12)]}"
        right[i] = f"{_BUCKET[min(since, 12)]}{near_right[i]}"
        since += 1
        near += 1
        if cues[i] in _TELLING:
            word, near = cues[i], 0
        if breath[i]:
            since, word, near = 0, ">", 0
    columns |= {"left": left, "right": right, "near_left": near_left, "near_right": near_right}


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
