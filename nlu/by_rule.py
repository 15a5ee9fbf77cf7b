"""Rules for edges of times, symptoms, addresses and codes, for names, brands and misheard devices, after the model has spoken."""

from __future__ import annotations

import re
from functools import lru_cache

from nlu.catalogue import shipped
from nlu.pipeline.characters import Reading, read, symbol
from nlu.pipeline.features import SURNAMES
from nlu.pipeline.lexicon import Lexicon
from nlu.pipeline.shapes import TIME
from nlu.pipeline.sounds import SoundLexicon
from nlu.pipeline.vocabulary import reading_form
from nlu.places import divisions

Found = tuple[int, int, str, float, str]  # start, end, field, confidence, component
_WANTED_AFTER = re.compile(
    r"(?:再|才|就|都|左右|吧)?(?:过来|上门|来(?![的了过])|有人|在家|行[吗不吧]|可以|能(?:来|到|不能|安排|派)|派人|有空|方便|有时间|务必|必须|给我(?:回|打)|回[我个]?电|打我|到场|安排)"
)
_WANTED_BEFORE = re.compile(
    r"(?:改到|改成|改为|改在|改|推到|挪到|挪|换到|换成|延到|顺延到|推迟到|提前到|约在|定在|最好|希望|请于|请在|务必|安排在|期望|争取|时间[是:：]?)\s*$"
)
_OFFERED = re.compile(
    r"[日号点0](?:至|到|-|~|、|或者?|和)[ ]?(?:[0-9一二三四五六七八九十]|下?周|上午|下午)|周.(?:至|到|或者?|、|和)下?周?[一二三四五六日]"
)
_PAST_BEFORE = re.compile(
    r"(?:昨|前天|上周|上个|从|自|打|自从|原定|原来|本来|约的|约了|说好|说|每|之前|原|刚才|今早|到了|一到|等到|答应|才|已经)\S{0,2}$"
)
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


@lru_cache(maxsize=1)
def _sounds() -> SoundLexicon:
    return SoundLexicon((reading_form(n), "d") for d in shipped().devices for n in d.names)


def by_rule(text: str, found: list[Found]) -> list[Found]:
    """Sorted, without overlaps."""
    reading = read(text)
    found = [_with_surname(text, f) if f[2] == "contact_name" else f for f in found]
    found = [f for f in found if f[2] != "contact_name" or _a_name(text, f)]
    found = [f for f in found if f[2] != "address" or _a_place_to_go(text, f)]
    found = _whole_times(text, reading, _faults(text, reading, found))
    found = _plain_symptoms(text, found)
    found = _brands(reading, _announced(text, _heard_devices(reading, found)))
    return sorted([*found, *_names_by_place(text, found)])


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


_PLAIN = re.compile(
    r"[ ,，]?(?:它|又|也|还|老|总|都|就|突然|一直|现在|还是|完全|根本){0,3}"
    r"((?:不(?:太)?(?:制冷|制热|制冰|脱水|排水|进水|出水|出热水|加热|启动|通电|工作|打火|点火|吸尘|升温|降温|上水|下水|烘干)"
    r"|没(?:有)?(?:反应|声音|图像|信号|热水|冷气)|漏(?:水|油|气|电|氟)|滴水|冒烟|冒火|跳闸|黑屏|花屏|死机|卡纸|异响|结冰|结霜"
    r"|(?:开|关)不了机|(?:点|打)不着火|启动不了)"
    r"|(?:不(?:太)?(?:转|动|亮|显示|洗|响|走)|没(?:有)?(?:电|风)|(?:开|关|启动|点|打|连|充|锁|装)不(?:了|上|着|起来|进去|动))"
    r"(?![^了啦呢啊呀哦哈嘛吧嘞,，。 \n]))"
)


def _plain_symptoms(text: str, found: list[Found]) -> list[Found]:
    """The commonest symptoms, said plainly right behind the device: 空调不制冷."""
    out = list(found)
    taken = bytearray(len(text))
    for start, end, *_ in found:
        taken[start:end] = b"\1" * (end - start)
    for device in found:
        match = _PLAIN.match(text, device[1]) if device[2] == "device" else None
        if match and not any(taken[match.start(1) : match.end(1)]):
            out.append((match.start(1), match.end(1), "fault", 0.75, "symptoms"))
    return out


_TELLING = re.compile(r"(?:在|住|地址|位置|坐标|定位|送到|搬到|来)[是:：]?\s*$")


def _a_place_to_go(text: str, item: Found) -> bool:
    """A bare name of a town or city tells where to go only when it is said to."""
    surface = re.sub(r"\s|这边|那边|这里|那里", "", text[item[0] : item[1]])
    if len(surface) > 4 or surface not in divisions().by_name:
        return True
    return bool(_TELLING.search(text[max(0, item[0] - 5) : item[0]]))


def _with_surname(text: str, item: Found) -> Found:
    """小飞 behind 阮 at the beginning of a line or clause: the surname belongs to it."""
    start, end, name, confidence, component = item
    if 2 <= end - start <= 3 and start and text[start - 1] in SURNAMES and text[start] not in "先女小老师工经":
        before = text[start - 2 : start - 1]
        if not before or not "\u4e00" <= before <= "\u9fff":
            return start - 1, end, name, confidence, component
    return item


def _a_name(text: str, item: Found) -> bool:
    start, end = item[0], item[1]
    surface = text[start:end].strip()
    if surface in _NOT_NAMES or surface in divisions().by_name:
        return False
    line = text.rfind("\n", 0, start) + 1
    # A salutation: the name alone at a line's beginning with a colon or comma after it, near the top of a mail.
    after = re.match(r"[,，:：]\s*(?:\n|您好|你好|$)|(?:您好|你好)[,，:：!！]", text[end : end + 6])
    return not (after and not text[line:start].strip() and start < 120 and "\n" in text)


def _whole_times(text: str, reading: Reading, found: list[Found]) -> list[Found]:
    """A found time takes the whole expression it stands in; an expression with "come" right behind it is wanted."""
    times = [f for f in found if f[2] == "time"]
    others = [f for f in found if f[2] != "time"]
    out: list[Found] = []
    # Between the words of a written time a space may stand; in a recogniser's output it may stand anywhere.
    source = reading.text if reading.spaced else "".join(map(symbol, text))
    for match in TIME.finditer(source):
        if not match.group().strip():
            continue
        start, end = (reading.at[match.start()], reading.at[match.end() - 1] + 1) if reading.spaced else match.span()
        while text[end - 1] == " ":
            end -= 1
        inside = [f for f in times if f[0] < end and start < f[1]]
        if any(o[0] < end and start < o[1] for o in others):
            continue
        if inside:
            best = max(inside, key=lambda f: f[3])
            if all(
                start <= f[0] and f[1] <= end for f in inside
            ):  # it may know more than the expression, as in 下午没课的时候
                times = [f for f in times if f not in inside]
                out.append((start, end, "time", best[3], best[4]))
        elif len(match.group()) >= 2 and not _PAST_BEFORE.search(text[max(0, start - 5) : start]):
            later = re.sub(r"\s", "", text[end : end + 8])
            offered = _OFFERED.search(match.group()) is not None  # a range of days or hours, or two days to choose from
            if offered or _WANTED_AFTER.match(later) or _WANTED_BEFORE.search(text[max(0, start - 6) : start]):
                out.append((start, end, "time", 0.5, "times"))
    return [*others, *times, *out]


_TITLED = "(?:先生|女士|小姐|老师|师傅|经理|主任|工|总|老板|店长|医生|科长|队长|主管|阿姨|大爷)"
_NAME = rf"(?:[\u4e00-\u9fff]{_TITLED}|[\u4e00-\u9fff]{{2,3}}|[\u4e00-\u9fff]{{2}}[\u4e00-\u9fff]{{2}})"
_SIGNED = re.compile(
    rf"^[ \t]*(?:[^\s,，。:：]{{2,12}}[ \u3000]+)?({_NAME})(?:[（(][^)）\n]{{1,6}}[)）])?(?:[ \u3000]*(?:上|敬上|谨上|留))?(?:[ \u3000/,，]*(?=\+?[0-9(（]))?[ \t]*(?:[-+0-9 ()（）转]{{7,}})?$",
    re.MULTILINE,
)
_BEFORE_NUMBER = re.compile(
    rf"(?:^|[\s,，;；|/:：]|联系人|找)({_NAME})[ \u3000/,，;；|:：]{{0,2}}(?:电话|手机|tel|Tel)?[:： ]?(?=1[3-9][0-9]{{9}}|0[0-9]{{2,3}}-[0-9]{{7}})",
    re.MULTILINE,
)


_FAMILIAR = re.compile(
    r"(?:我是|我叫|叫我|找|喊|打给|联系|(?:[部店房楼处班室长队区栋]|门岗|物业|的)的?|^|[\s，,。！!；;])([老小阿][\u4e00-\u9fff])(?=$|[\s，,。；;！!、（(]|打|在|就|微信|电话|手机|你们|[0-9])",
    re.MULTILINE,
)


def _names_by_place(text: str, found: list[Found]) -> list[Found]:
    """Names that stand where names stand: signed alone near the end of a written text, or right before a number."""
    out: list[Found] = []
    end = len(text.rstrip())
    lines = text[:end].count("\n")
    tail = 0
    if lines >= 3:
        at = end
        for _ in range(3):
            at = text.rfind("\n", 0, at)
        tail = max(at, 0)
    for match in _FAMILIAR.finditer(text, 0, min(end, 3_000)):
        a, b = match.span(1)
        if (
            not any(f[0] < b and a < f[1] for f in found)
            and text[a:b] not in _NOT_NAMES
            and match.group(1)[1] in SURNAMES
        ):
            out.append((a, b, "contact_name", 0.55, "names"))
    for pattern, begin in ((_SIGNED, tail), (_BEFORE_NUMBER, 0)):
        if pattern is _SIGNED and lines < 3:
            continue
        for match in pattern.finditer(text, begin, end):
            a, b = match.span(1)
            name = text[a:b]
            taken = any(f[0] < b and a < f[1] for f in [*found, *out])
            if (
                taken
                or name[0] not in SURNAMES
                or name in divisions().by_name
                or name in _NOT_NAMES
                or _NO_NAME.search(name)
            ):
                continue
            out.append((a, b, "contact_name", 0.6, "names"))
    return out


_NO_NAME = re.compile(r"[的了是不在请谢您你我他电话手机地址型号单公司部组店谢辛苦急]|祝好|顺祝|多谢|盼复")


_KEYS = {
    "serial": re.compile(r"(?:序列号|机身码|机身号|机器码|机号|出厂编号|设备编号|条码|条形码|SN|sn|S/N)[码]?(?:上面)?(?:是|为|写的是|写着)?[:：= 是]{0,2}$"),
    "order": re.compile(r"(?:订单|工单|单号|订单号|工单号|合同号|合同编号|受理号|流水号|报修单|服务单|预约号|维修单|关联工单)(?:编号)?(?:是|为|尾号)?[:：= 是]{0,2}$"),
    "model": re.compile(r"(?:型号|机型|规格型号|款号)(?:是|为|写的是|写着)?[:：= 是]{0,2}$"),
    "fault_code": re.compile(r"(?:故障码|故障代码|错误代码|报错代码|代码)(?:是|为|显示)?[:：= 是]{0,2}$"),
}  # fmt: skip


def _announced(text: str, found: list[Found]) -> list[Found]:
    """A code right behind the word for its kind is of that kind."""
    out: list[Found] = []
    for item in found:
        start, end, name, confidence, component = item
        if name in _KEYS:
            before = text[max(0, start - 14) : start]
            said = next((kind for kind, key in _KEYS.items() if key.search(before)), name)
            if said != name:
                item = (start, end, said, confidence, component)
        out.append(item)
    return out


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


def _heard_devices(reading: Reading, found: list[Found]) -> list[Found]:
    """A stretch of three syllables or more that sounds like a known device, is written otherwise and belongs to nothing else."""
    for a, b, tag in _sounds().matches(reading.text):
        if not tag.endswith("~") or b - a < 3:
            continue
        start, end = reading.at[a], reading.at[b - 1] + 1
        if not any(f[0] < end and start < f[1] for f in found):
            found = [*found, (start, end, "device", 0.6, "sounds")]
    return found
