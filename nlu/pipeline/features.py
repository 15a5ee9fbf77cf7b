"""What the entity model sees of each character: its neighbours, known words around it, shapes, and what was announced before."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nlu.pipeline.characters import Reading
from nlu.pipeline.columns import likely_words, tag_numbers
from nlu.pipeline.cues import MARKS, announce_lexicon, cue_lexicon
from nlu.pipeline.lexicon import Lexica, Lexicon, Match
from nlu.pipeline.network import Input
from nlu.pipeline.shapes import shapes
from nlu.pipeline.sounds import SoundLexicon
from nlu.pipeline.symbols import NUMBERS, Column, column, number, points
from nlu.pipeline.templates import Part, Templates
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
_SPEC: list[list[Part]] = [
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
TEMPLATES = Templates(_SPEC)


def _input(*parts: Part, width: int, rarest: int = 1, hidden: float = 0.0) -> Input:
    return Input(template=_SPEC.index(list(parts)), width=width, rarest=rarest, hidden=hidden)


# What the network reads of them: single symbols, for it sees the neighbours by itself.
INPUTS = (
    _input(("char", 0), width=64, rarest=2, hidden=0.06),
    _input(("char", 0), ("char", 1), width=48, rarest=6, hidden=0.3),
    _input(("word", 0), width=32, rarest=3, hidden=0.3),
    _input(("left", 0), width=16),
    _input(("right", 0), width=16),
    _input(("known", 0), width=12, hidden=0.05),
    _input(("before", 0), width=12),
    _input(("shape", 0), width=12),
    _input(("value", 0), width=8, rarest=4, hidden=0.2),
    _input(("cue", 0), width=8),
    _input(("kind", 0), ("in_word", 0), width=8),
    _input(("place", 0), width=8),
    _input(("line", 0), width=8),
    _input(("heard", 0), width=4),
    _input(("key", 0), width=4),
    _input(("repeat", 0), width=4),
    _input(("gap", 0), width=4),
    _input(("surname", 0), ("line", 0), width=4),
    _input(("surname2", 0), width=4),
    _input(("title", 0), ("surname", -1), width=4),
)


class FeatureMaker:
    """``words`` are the known devices and brands, ``places`` the names of divisions. ``hidden`` plays ignorance in training."""

    def __init__(self, words: Lexicon, places: Lexicon, sounds: SoundLexicon, everyday: Words) -> None:
        self._lexica = Lexica(
            {"known": words, "place": places, "cue": cue_lexicon, "announced": announce_lexicon, "title": _TITLES}
        )
        self._everyday = everyday
        self._sounds = sounds

    def __call__(self, reading: Reading, hidden: Set[str] = frozenset()) -> NDArray[np.uint32]:
        """One row a character, one number a template."""
        return TEMPLATES(self.columns(reading, hidden))

    def columns(self, reading: Reading, hidden: Set[str] = frozenset()) -> dict[str, Column]:
        """The number of one symbol for each character in each column; 0 where there is nothing to say."""
        text, n = reading.text, len(reading.text)
        found = self._lexica.matches(text, hidden, {"known", "place"})
        points_ = points(text)
        kinds = _KIND_OF_CHARACTER.take(points_, mode="clip")
        breath = np.array(reading.gap) if not reading.spaced else np.zeros(n, dtype=bool)
        titles = np.zeros(n, dtype=np.uint64)
        titles[[a for a, _, _ in found["title"]]] = _TITLE
        compound = np.zeros(n, dtype=np.uint64)
        compound[[match.start() for match in _COMPOUND.finditer(text)]] = _SURNAME
        cues = np.zeros(n, dtype=np.int64)
        for a, b, tag in found["cue"]:
            cues[a:b] = _CUE_NUMBER[tag]
        columns = {
            "char": column(text),
            "repeat": _repeats(points_),
            "gap": np.where(breath, _GAP, _NOTHING),
            "known": tag_numbers(n, found["known"]),
            "place": tag_numbers(n, found["place"]),
            "heard": tag_numbers(n, self._sounds.matches(text, hidden), ""),
            "shape": tag_numbers(n, shapes(text)),
            "cue": _CUES.take(cues),
            "before": _announced(n, found["announced"]),
            "key": _keys(text, found["announced"]),
            "mark": _MARKS.take(kinds),
            "value": _values(text),
            "line": _lines(text),
            "surname": _SURNAMES.take(kinds),
            "surname2": compound,
            "title": titles,
        }
        columns |= likely_words(text, self._everyday)
        _clauses((kinds > 0) & (kinds <= len(_MARK_KINDS)), breath, cues, columns)
        return columns


_NOTHING, _GAP, _TITLE, _SURNAME = column(["", "y", "t", "s"])
_COMPOUND = re.compile("|".join(sorted(COMPOUND_SURNAMES)))

# Kinds of characters: none, the marks, surnames.
_MARK_KINDS = sorted(set(MARKS.values()))
_KIND_OF_CHARACTER = np.zeros(0x10000, dtype=np.uint8)
for _character in SURNAMES:
    _KIND_OF_CHARACTER[ord(_character)] = len(_MARK_KINDS) + 1
for _character, _kind in MARKS.items():
    _KIND_OF_CHARACTER[ord(_character)] = _MARK_KINDS.index(_kind) + 1
_MARKS = column(["-", *_MARK_KINDS, "-"])
_SURNAMES = column(["", *("" for _ in _MARK_KINDS), "s"])

_EQUAL, _AFTER, _AWAY = column("=>~")


def _repeats(points_: NDArray[np.uint32]) -> Column:
    """Whether a character is that before it, behind it, or one away: 嗡嗡, 一闪一闪."""
    c = np.concatenate([np.array([0, 1], dtype=np.uint32), points_, np.array([2, 3], dtype=np.uint32)])
    next_, away = c[1:] == c[:-1], c[2:] == c[:-2]
    found: Column = np.where(away[:-2] | away[2:], _AWAY, _NOTHING)
    found[next_[2:-1]] = _AFTER
    found[next_[1:-2]] = _EQUAL
    return found


_REACH = 21  # characters behind an announcing word
_DISTANCES = "0" + "1" * 2 + "2" * 5 + "3" * 13


@lru_cache(maxsize=64)
def _behind(tag: str) -> Column:
    return column([tag + distance for distance in _DISTANCES])


def _announced(n: int, found: Sequence[Match]) -> Column:
    """For each character the last announcing word before it with its distance."""
    before = np.full(n, _NONE)
    for _, end, tag in found:
        before[end : end + _REACH] = _behind(tag)[: n - end]
        before[end + _REACH :] = _NONE
    return before


def _keys(text: str, found: Sequence[Match]) -> Column:
    """For each character the key of its "key: value" line."""
    keys = np.full(len(text), _NONE)
    if ":" in text or "=" in text:
        starts = {end: tag for _, end, tag in found}
        for match in _KEY_ENDS.finditer(text):
            at = match.start()
            keys[at:] = NUMBERS[starts.get(at, "?")] if match.group() in ":=" else _NONE
    return keys


_KEY_ENDS = re.compile("[⏎|;:=]")
_KEY = re.compile(r"(?:^|(?<=[⏎|/;,。]))[ ]?([^⏎|/;,。:=]{1,10})[:=]((?:(?!/[^⏎|/:=]{1,8}[:=])[^⏎|;])+)")
_NONE = column("-")[0]


def _values(text: str) -> Column:
    """For each character of a "key: value" line the key's last four characters, and whether the value begins or ends there."""
    out = np.full(len(text), _NONE)
    for match in _KEY.finditer(text):
        key, start, end = match[1][-4:], *match.span(2)
        if end - start == 1:
            out[start] = number(key + "BE")
        else:
            out[start:end] = number(key)
            out[start] = number(key + "B")
            out[end - 1] = number(key + "E")
    return out


# Numbers of cues: none, those that tell of a clause, the others.
_CUE_NAMES = ("not", "cannot", "bad", "often", "again", "when", "part", "person", "join", "unit", "correct", "filler")
_TELLING = 10
_CUE_NUMBER = {name: at for at, name in enumerate(_CUE_NAMES, 1)}
_CUES = column(["O", *_CUE_NAMES])
_BUCKET = "012334444555" + "6"
_BUCKETS = 7
_BUCKET_OF = np.array([int(bucket) for bucket in _BUCKET], dtype=np.int64)


def _clause_symbols(edge: str, *, far: bool) -> tuple[Column, Column]:
    """Symbols of a clause's side, numbered by bucket of the distance to its end, word ("" = ``edge``), bucket of that to the word."""
    words = [edge, *_CUE_NAMES[:_TELLING]]
    near = [f"{word}{bucket}" if far else word for word in words for bucket in range(_BUCKETS)]
    return column(near), column(
        [f"{since}{word}{bucket}" for since in range(_BUCKETS) for word in words for bucket in range(_BUCKETS)]
    )


_NEAR_LEFT, _LEFT = _clause_symbols("<", far=False)
_NEAR_RIGHT, _RIGHT = _clause_symbols(">", far=True)


def _clauses(
    marks: NDArray[np.bool_], breath: NDArray[np.bool_], cues: NDArray[np.int64], columns: dict[str, Column]
) -> None:
    """Columns about the clause: how far its ends are, and the nearest telling words before and behind the character."""
    since, near = _side(marks | breath, cues)
    columns["near_left"], columns["left"] = _NEAR_LEFT.take(near), _LEFT.take(since + near)
    breaks = marks.copy()
    breaks[:-1] |= breath[1:]
    since, near = _side(breaks[::-1], cues[::-1])
    columns["near_right"], columns["right"] = _NEAR_RIGHT.take(near)[::-1], _RIGHT.take(since + near)[::-1]


def _side(breaks: NDArray[np.bool_], cues: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """What stands before each character in its clause, which begins at the last of ``breaks``: the parts of a symbol's number."""
    n = len(cues)
    at = np.arange(n)
    start = np.maximum.accumulate(np.where(breaks, at, 0))
    last = np.empty(n, dtype=np.int64)
    last[0] = -1
    last[1:] = np.maximum.accumulate(np.where((cues > 0) & (cues <= _TELLING), at, -1))[:-1]
    within = last >= start
    word = np.where(within, cues.take(last), 0)
    since = _BUCKET_OF.take(at - start, mode="clip")
    near = _BUCKET_OF.take(np.where(within, at - last - 1, at - start), mode="clip")
    return since * ((_TELLING + 1) * _BUCKETS), word * _BUCKETS + near


def _lines(text: str) -> Column:
    """How long the line (or space-free clause) is that a character stands in, where in it, and whether it is among the last."""
    out = np.full(len(text), _LINE_END)
    parts = text.split("⏎")
    count = len(parts)
    begin = 0
    for at, part in enumerate(parts):
        n = len(part)
        size = "1" if n <= 1 else "4" if n <= 4 else "8" if n <= 8 else "L"
        place = size + ("s" if count == 1 else "z" if at >= count - 3 else "a" if at == 0 else "m")
        if n:
            out[begin : begin + n] = NUMBERS[place if size != "L" else place + "-"]
            out[begin + n - 1] = NUMBERS[place + "9"]
            out[begin] = NUMBERS[place + "0"]
        begin += n + 1
    return out


_LINE_END = column("N")[0]
