"""Rules after the model has spoken: where a symptom begins and ends, what is no name and no place to go, known brands."""

from __future__ import annotations

import re
from functools import lru_cache

from nlu.catalogue import shipped
from nlu.pipeline.characters import Reading, read
from nlu.pipeline.lexicon import Lexicon
from nlu.pipeline.vocabulary import reading_form
from nlu.places import divisions

Found = tuple[int, int, str, float, str]  # start, end, field, confidence, component
_NOT_NAMES = frozenset(
    [
        "姐姐",
        "小姐姐",
        "小哥",
        "老太太",
        "老太",
        "老头",
        "老姐",
        "老婆",
        "老公",
        "老人",
        "师傅",
        "老板",
        "老板娘",
        "客服",
        "小姐",
        "先生",
        "女士",
        "同志",
        "房东",
        "业主",
        "老师",
        "小妹",
        "大姐",
        "阿姨",
        "大哥",
        "老爷子",
        "小伙子",
        "孩子",
        "老地方",
        "老样子",
        "老家",
        "老客户",
        "老用户",
        "业主群",
        "用户",
        "客户",
        "联系人",
        "小店",
        "小区",
    ]
)


def by_rule(text: str, found: list[Found]) -> list[Found]:
    """Sorted, without overlaps."""
    reading = read(text)
    found = [f for f in found if f[2] != "contact_name" or _a_name(text, f)]
    found = [f for f in found if f[2] != "address" or _a_place_to_go(text, f)]
    return sorted(_brands(reading, _faults(text, reading, found)))


_FAULT_HEAD = re.compile(
    r"^(?:又|也|还(?!有)|就|突然|忽然|现在|已经|开始|最近|偶尔|照样|仍然|仍|还是|依然|好像|可能|然后|结果|而且|并且|但是|今早起?|昨晚起?|昨天|今天|夜间|夜里|近一周|近日|有时候|有点儿?|的|是(?!湿|歪)|它|啊|呀|嘛)+"
)
_FAULT_TAIL = re.compile(
    r"(?:了?(?:已经|都)?(?:有|快)?(?:好?几|[一二两三四五六七八九十半\d]+来?)(?:天|个?月|个?星期|个?礼拜|周|年|个?小时|个?钟头|次|回|遍)(?:了|多了)?|好久了?|半天了?|[啊呀嘛呢吧哦哈啦]|的话|然后|还有|而且|现在|我)+$"
)
_FAULT_BREAK = re.compile(r"[\s、，,。；;！!]+")


def _faults(text: str, reading: Reading, found: list[Found]) -> list[Found]:
    """A symptom ends where its writer broke off; time, "again", duration and particles around it are not part of it."""
    out: list[Found] = []
    for start, end, name, confidence, component in found:
        if name != "fault":
            out.append((start, end, name, confidence, component))
            continue
        at = start
        pieces = [(start, end)]
        if not reading.spaced:
            pieces = []
            for gap in _FAULT_BREAK.finditer(text, start, end):
                pieces.append((at, gap.start()))
                at = gap.end()
            pieces.append((at, end))
        for a, b in pieces:
            head = _FAULT_HEAD.match(text[a:b])
            if head and head.end() < b - a - 1:
                a += head.end()
            tail = _FAULT_TAIL.search(text[a:b])
            if tail and tail.start() >= 2:
                b = a + tail.start()
            if b - a >= 2 or (len(pieces) == 1 and b > a):
                out.append((a, b, name, confidence, component))
    return out


_TELLING = re.compile(r"(?:在|住|地址|位置|坐标|定位|送到|搬到|来)[是:：]?\s*$")


def _a_place_to_go(text: str, item: Found) -> bool:
    """A bare name of a town or city tells where to go only when it is said to."""
    surface = re.sub(r"\s|这边|那边|这里|那里", "", text[item[0] : item[1]])
    if len(surface) > 4 or surface not in divisions().by_name:
        return True
    return bool(_TELLING.search(text[max(0, item[0] - 5) : item[0]]))


def _a_name(text: str, item: Found) -> bool:
    start, end = item[0], item[1]
    surface = text[start:end].strip()
    if surface in _NOT_NAMES or surface in divisions().by_name:
        return False
    line = text.rfind("\n", 0, start) + 1
    # A salutation: the name alone at a line's beginning with a colon or comma after it, near the top of a mail.
    after = re.match(r"[,，:：]\s*(?:\n|您好|你好|$)|(?:您好|你好)[,，:：!！]", text[end : end + 6])
    return not (after and not text[line:start].strip() and start < 120 and "\n" in text)


# Brands that are everyday words too: only the model, which sees the context, may call them brands.
_EVERYDAY = frozenset(
    [
        "老板",
        "先锋",
        "荣耀",
        "年代",
        "前锋",
        "立方",
        "坚果",
        "当贝",
        "星星",
        "快意",
        "得力",
        "美团",
        "中控",
        "合力",
        "开山",
        "雪人",
        "苹果",
        "红门",
        "道尔",
        "小牛",
        "九号",
        "石头",
        "小狗",
        "公牛",
        "钻石",
        "远大",
        "重机",
        "小熊",
        "友声",
        "中兴",
        "顶尖",
        "奔腾",
        "盾牌",
        "金牌",
        "我乐",
        "布朗",
        "东方",
        "统帅",
        "巨人",
        "荣事达",
        "威力",
        "现代",
        "长虹",
        "普联",
        "兄弟",
        "百胜",
        "蓝卡",
        "凯丰",
        "香山",
        "大元",
        "开立",
        "万东",
        "富士",
        "新界",
        "连成",
        "天合",
        "罗兰",
        "小森",
        "理光",
        "惠家",
        "依爱",
        "青鸟",
        "松江",
        "海湾",
        "利达",
        "金羚",
        "白雪",
        "雪村",
        "雪莱",
        "飞马",
        "辣妈",
        "乐信",
        "三麦",
        "新麦",
        "高比",
        "步阳",
        "美心",
        "盼盼",
        "王力",
        "全友",
        "顾家",
        "通力",
        "迅达",
        "永大",
        "康力",
        "怡达",
        "菱王",
        "莱茵",
        "正野",
        "飞利浦医疗",
        "樱花",
        "大华",
        "万和",
        "老肯",
        "百特",
    ]
)


@lru_cache(maxsize=1)
def _known_brands() -> Lexicon:
    return Lexicon(
        (reading_form(b), "b") for b in shipped().brands if len(b) >= 2 and b not in _EVERYDAY and not b.isascii()
    )


def _brands(reading: Reading, found: list[Found]) -> list[Found]:
    """Known brands that are no everyday words, where nothing else was found."""
    out = list(found)
    for a, b, _ in _known_brands().matches(reading.text):
        start, end = reading.at[a], reading.at[b - 1] + 1
        if not any(f[0] < end and start < f[1] for f in out):
            out.append((start, end, "brand", 0.6, "catalogue"))
    return out
