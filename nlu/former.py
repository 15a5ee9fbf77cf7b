"""Divisions that are no more, as people still name them: each with the division that its place belongs to today.

Written from general knowledge of the State Council's approvals, which the Ministry of Civil Affairs publishes (xzqh.mca.gov.cn); a
division that was shared out has only its city, a prefecture that was has its cities. Those that only changed their kind, 上虞市 to 上虞区, 宁乡县 to 宁乡市, need no entry:
see ``changed_suffixes``.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping

# City (or province, for those of a municipality): former name > present name within it, "" where only the city is sure.
_FORMER = """
北京市 崇文区>东城区 宣武区>西城区 通县>通州区
天津市 塘沽区>滨海新区 汉沽区>滨海新区 大港区>滨海新区 蓟县>蓟州区
上海市 卢湾区>黄浦区 南汇区>浦东新区 南市区>黄浦区 闸北区>静安区
重庆市 万盛区>綦江区 双桥区>大足区 开县>开州区
石家庄市 桥东区>
邯郸市 邯郸县>
邢台市 桥东区>襄都区 桥西区>信都区 邢台县>信都区 任县>任泽区
保定市 新市区>竞秀区 北市区>莲池区 南市区>莲池区
唐山市 唐海县>曹妃甸区
大同市 城区>平城区 矿区>云冈区 南郊区>云冈区 大同县>云州区
长治市 城区>潞州区 郊区>潞州区 长治县>上党区
沈阳市 东陵区>浑南区 新城子区>沈北新区
白山市 八道江区>浑江区
哈尔滨市 动力区>香坊区 太平区>道外区
伊春市 伊春区>伊美区 美溪区>伊美区 西林区>金林区 金山屯区>金林区 上甘岭区>友好区 乌马河区>乌翠区 翠峦区>乌翠区 新青区>丰林县 红星区>丰林县 五营区>丰林县 汤旺河区>汤旺县 带岭区>大箐山县 乌伊岭区>汤旺县
南京市 白下区>秦淮区 下关区>鼓楼区 江浦县>浦口区 大厂区>六合区
无锡市 崇安区>梁溪区 南长区>梁溪区 北塘区>梁溪区
徐州市 九里区>
常州市 戚墅堰区>武进区
苏州市 平江区>姑苏区 沧浪区>姑苏区 金阊区>姑苏区 吴县市>
南通市 港闸区>崇川区 通州市>通州区
连云港市 新浦区>海州区
淮安市 楚州区>淮安区 清河区>清江浦区 清浦区>清江浦区
扬州市 维扬区>邗江区
杭州市 下城区>拱墅区 江干区>上城区
宁波市 江东区>鄞州区 鄞县>鄞州区
绍兴市 绍兴县>柯桥区
金华市 金华县>
衢州市 衢县>衢江区
芜湖市 芜湖县>湾沚区 三山区>弋江区 新芜区>镜湖区 马塘区>弋江区
马鞍山市 金家庄区>花山区
铜陵市 铜官山区>铜官区 狮子山区>铜官区 铜陵县>义安区
合肥市 东市区>瑶海区 西市区>蜀山区 中市区>庐阳区 居巢区>巢湖市
厦门市 开元区>思明区 鼓浪屿区>思明区 杏林区>
三明市 梅列区>三元区
九江市 九江县>柴桑区 庐山区>濂溪区 星子县>庐山市
上饶市 上饶县>广信区
南昌市 湾里区>新建区
济南市 莱城区>莱芜区 历城县>历城区
青岛市 四方区>市北区 胶南市>黄岛区
济宁市 市中区>任城区
烟台市 长岛县>蓬莱区
德州市 陵县>陵城区
临沂市 苍山县>兰陵县
开封市 金明区>龙亭区 开封县>祥符区
三门峡市 陕县>陕州区
许昌市 许昌县>建安区
洛阳市 吉利区>孟津区
襄阳市 襄阳县>襄州区 襄阳区>襄州区
十堰市 郧县>郧阳区
株洲市 株洲县>渌口区
长沙市 望城县>望城区
荆州市 沙市市>沙市区
抚州市 临川市>临川区
铁岭市 铁法市>调兵山市
丽江市 丽江县>
迪庆藏族自治州 中甸县>香格里拉市
德宏傣族景颇族自治州 潞西市>芒市
呼伦贝尔市 鄂温克旗>鄂温克族自治旗 莫旗>莫力达瓦达斡尔族自治旗
广州市 东山区>越秀区 芳村区>荔湾区 萝岗区>黄埔区
深圳市 光明新区>光明区 龙华新区>龙华区 坪山新区>坪山区
汕头市 升平区>金平区 金园区>金平区 达濠区>濠江区
茂名市 茂港区>电白区
南宁市 永新区>西乡塘区 城北区>西乡塘区 新城区>青秀区
梧州市 蝶山区>万秀区
成都市 郫县>郫都区
绵阳市 安县>安州区
达州市 达县>达川区
宜宾市 宜宾县>叙州区
贵阳市 小河区>花溪区
遵义市 遵义县>播州区
六盘水市 盘县>盘州市
西安市 户县>鄠邑区
铜川市 耀县>耀州区
渭南市 华县>华州区
宝鸡市 宝鸡县>陈仓区
咸阳市 杨凌区>杨陵区 彬县>彬州市
天水市 秦城区>秦州区 北道区>麦积区
乌鲁木齐市 东山区>米东区 米泉市>米东区
"""
# Former name > present city, or the cities that share it about evenly.
FORMER_CITIES = {
    "襄樊市": "襄阳市", "莱芜市": "济南市", "淮阴市": "淮安市", "大庸市": "张家界市", "锦西市": "葫芦岛市", "荆沙市": "荆州市",
    "哲里木盟": "通辽市", "昭乌达盟": "赤峰市", "伊克昭盟": "鄂尔多斯市", "伊盟": "鄂尔多斯市", "巴彦淖尔盟": "巴彦淖尔市", "巴盟": "巴彦淖尔市",
    "乌兰察布盟": "乌兰察布市", "乌盟": "乌兰察布市", "呼伦贝尔盟": "呼伦贝尔市", "呼盟": "呼伦贝尔市", "锡盟": "锡林郭勒盟", "阿盟": "阿拉善盟",
    "思茅地区": "普洱市", "零陵地区": "永州市", "滁县地区": "滁州市", "宿县地区": "宿州市", "徽州地区": "黄山市 宣城市", "惠民地区": "滨州市",
    "郧阳地区": "十堰市", "雁北地区": "大同市 朔州市",
}  # fmt: skip
# What people call divisions of today: kept here for the names they are short for, but told as no former ones.
ABBREVIATIONS = frozenset({"锡盟", "阿盟", "莫旗", "鄂温克旗"})
# Former cities of the third level that are districts now and have kept their names.
_CITIES_ONCE = (
    "萧山 余杭 富阳 临安 上虞 奉化 黄岩 锡山 武进 江都 姜堰 大丰 海门 金坛 吴江 丹徒 番禺 花都 增城 从化 顺德 南海 三水 高明 新会 潮阳 澄海"
    " 惠阳 高要 南康 合川 江津 永川 南川 即墨 章丘 兖州 文登 蓬莱 普兰店 双城 阿城 九台 鹿泉 藁城 冀州 丰南 潞城 偃师 建阳 长乐 龙海 琼山 宜州 东胜 思茅 榆次 海拉尔 集宁 临河"
)


def level_of(name: str) -> str:
    """The level that a former division had."""
    if name.endswith("省"):
        return "province"
    return "city" if name in FORMER_CITIES or name.endswith(("地区", "盟")) else "district"


def is_bare(name: str, names: Container[str]) -> bool:
    """Whether a former name was shortened, 闸北, 南市; ``names`` are all former names."""
    return name[-1] not in "区县市省盟旗" or name + "区" in names


def is_wider(name: str, code: str) -> bool:
    """Whether today's division is so much wider that it does not tell the place: 石家庄市 for 桥东区, which was shared out."""
    return name == "莱芜市" or (len(code) <= 4 and level_of(name) == "district")


_OTHER_WORD = re.compile(
    r"市(?:区|政(?=[路街]|大厦|大楼|广场|公司|工程|设施|公园|小区|\W|$)"
    r"|民(?=[路街]|中心|之家|广场|公园|服务|大厦|文化|活动|\W|$)|中心(?=的|附近|旁|区|商|步行|\W|\d|$))"
    r"|县城(?![东南西北中上下内外关厢郊隍区镇步站])"
)


def shares_suffix(text: str, end: int) -> bool:
    """Whether the 市 or 县 of a name that ends at ``end`` begins another word: 萧山市区, 望城县城; not 萧山市政府, 望城县城南路."""
    return _OTHER_WORD.match(text, end - 1) is not None


def former(present: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    """(former name, in full and short, code of today's division) of each; ``present`` is code -> name of the first three levels."""
    cities = {name: code for code, name in present.items() if len(code) in (2, 4)}
    for line in _FORMER.split("\n"):
        if not line:
            continue
        city, *changes = line.split()
        within = {n: c for c, n in present.items() if len(c) == 6 and c.startswith(cities[city])}
        for change in changes:
            old, _, new = change.partition(">")
            code = within[new] if new else cities[city]
            yield old, code
            if len(old) > 2 and old[-1] == "区":
                yield old[:-1], code
    for old, successors in FORMER_CITIES.items():
        for city in successors.split():
            yield old, cities[city]


def changed_suffixes(name: str, level: str) -> Iterator[str]:
    """Other suffixes that the name of a division had: 溧水区 溧水县, 宁乡市 宁乡县, 萧山区 萧山市, 日喀则市 日喀则地区, 广西 广西省,
    红谷滩区 红谷滩新区; and 浦东 of 浦东新区."""
    core, suffix = name[:-1], name[-1]
    if level == "city" and suffix == "市":
        yield core + "地区"
    if level == "province" and name.endswith("自治区"):
        yield name[: 3 if name.startswith("内") else 2] + "省"
    if level != "district":
        return
    if name.endswith("新区"):
        yield name[:-2]
    elif suffix == "区" and len(core) >= 3:
        yield core + "新区"
    if len(core) >= 2 and suffix in "区市" and not core.endswith(("新", "城", "县")):
        yield core + "县"
    if suffix == "区" and core in _CITIES_ONCE.split():
        yield core + "市"
