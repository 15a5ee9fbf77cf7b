"""What the entity model sees of each character: its neighbours, known words around it, shapes, and what was announced before."""

from __future__ import annotations

from collections.abc import Set

from nlu.pipeline.characters import Reading
from nlu.pipeline.cues import MARKS, announce_lexicon, cue_lexicon
from nlu.pipeline.lexicon import Lexicon
from nlu.pipeline.shapes import shapes
from nlu.pipeline.sounds import SoundLexicon

SURNAMES = frozenset(
    "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨朱秦尤许何吕施张孔曹严华金魏陶姜戚谢邹喻柏水窦章云苏潘葛奚范彭郎鲁韦昌马苗凤花方俞任袁柳鲍史唐费廉岑薛雷贺倪汤滕殷罗毕郝邬安常乐于时傅皮卞齐康伍余元卜顾孟平黄穆萧尹姚邵湛汪祁毛禹狄米贝明臧计伏成戴谈宋茅庞熊纪舒屈项祝董梁杜阮蓝闵席季麻强贾路娄危江童颜郭梅盛林刁钟徐邱骆高夏蔡田樊胡凌霍虞万支柯昝管卢莫经房裘缪干解应宗丁宣邓郁单杭洪包诸左石崔吉钮龚程邢裴陆荣翁荀羊惠甄曲家封芮储靳汲邴糜松井段富巫乌焦巴弓牧隗山谷车侯宓蓬全郗班仰秋仲伊宫宁仇栾暴甘厉戎祖武符刘景詹束龙叶幸司韶郜黎薄印宿白怀蒲从鄂索咸籍赖卓蔺屠蒙池乔阴胥能苍双闻莘党翟谭贡劳逄姬申扶堵冉宰郦雍桑桂濮牛寿通边扈燕冀浦尚农温别庄晏柴瞿阎充慕连茹习宦艾鱼容向古易慎戈廖庾终暨居衡步都耿满弘匡国文寇广禄阙东欧殳沃利蔚越隆师巩厍聂晁勾敖融冷辛阚那简饶空曾毋沙养鞠须丰巢关相查荆红游权盖益桓公仉督岳帅缑亢况郈有琴归海晋楚闫法涂岳逯仝尉迟佟隋肖覃韦农蓝植麦区冼岑"
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

    def __init__(self, words: Lexicon, places: Lexicon, sounds: SoundLexicon) -> None:
        self._words = words
        self._places = places
        self._sounds = sounds

    def __call__(self, reading: Reading, hidden: Set[str] = frozenset()) -> list[list[str]]:
        text, n = reading.text, len(reading.text)
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
        gaps = ["" if reading.spaced else "g" if g else "" for g in reading.gap] if any(reading.gap) else [""] * n
        c = ["<2", "<1", *text, ">1", ">2"]
        rows: list[list[str]] = []
        for i in range(n):
            p2, p1, c0, n1, n2 = c[i], c[i + 1], c[i + 2], c[i + 3], c[i + 4]
            w, pl, sh, cu = words[i], places[i], shape[i], cues[i]
            w1 = words[i + 1] if i + 1 < n else ">"
            cu1 = cues[i + 1] if i + 1 < n else ">"
            cu0 = cues[i - 1] if i else "<"
            sh1 = shape[i + 1] if i + 1 < n else ">"
            row = [
                "0" + c0,
                "a" + p1,
                "b" + n1,
                "c" + p2,
                "d" + n2,
                "e" + p1 + c0,
                "f" + c0 + n1,
                "g" + p2 + p1,
                "h" + n1 + n2,
                "i" + p1 + c0 + n1,
                "j" + p2 + p1 + c0,
                "k" + c0 + n1 + n2,
                "l" + w,
                "m" + w1,
                "n" + (words[i - 1] if i else "<"),
                "o" + pl,
                "p" + (places[i - 1] if i else "<") + (places[i + 1] if i + 1 < n else ">"),
                "q" + sh,
                "r" + (shape[i - 1] if i else "<") + sh1,
                "s" + cu,
                "t" + cu0 + cu1,
                "t0" + cu0 + cu,
                "t1" + cu + cu1,
                "t2" + (cues[i - 2] if i > 1 else "<") + cu0,
                "t3" + cu1 + (cues[i + 2] if i + 2 < n else ">"),
                "t4" + cu0 + w,
                "u" + before[i],
                "v" + before[i] + sh,
                "w" + key[i],
                "x" + key[i] + MARKS.get(p1, ""),
                "A" + lines[i],
            ]
            if heard[i]:
                row.append("H" + heard[i])
            if c0 in (n1, p1):
                row.append("R=" if c0 == p1 else "R>")
            elif c0 in (n2, p2):
                row.append("R~")
            if gaps[i]:
                row.append("y")
                row.append("yb" + p1)
            if i + 1 < n and gaps[i + 1]:
                row.append("z")
            if c0 in SURNAMES:
                row.append("Sl" + lines[i])
                row.append("S" + ("t" if titles[i + 1] else "") + (MARKS.get(p1, "") if i else "<"))
            if titles[i]:
                row.append("T" + ("s" if i and text[i - 1] in SURNAMES else ""))
            rows.append(row)
        return rows


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
