"""No word of an address is lost: names in streets and landmarks stay, names of former divisions lead to today's or stay."""

from __future__ import annotations

import pytest

from nlu.former import _CITIES_ONCE, is_bare, is_wider
from nlu.places import divisions
from nlu.resolve.address import AddressResolver


@pytest.fixture(scope="module")
def resolver() -> AddressResolver:
    return AddressResolver()


def told(resolver: AddressResolver, address: str) -> tuple[str, str]:
    best = resolver.candidates(address, "")[0]
    return best.value, best.details["code"]


@pytest.mark.parametrize(
    ("address", "value", "code"),
    [
        ("北京市宣武门外大街10号", "北京市宣武门外大街10号", "110000"),
        ("北京市西城区宣武门外大街10号", "北京市西城区宣武门外大街10号", "110102"),
        ("北京市东城区崇文门内大街5号", "北京市东城区崇文门内大街5号", "110101"),
        ("厦门杏林湾路472号", "福建省厦门市杏林湾路472号", "350200"),
        ("无锡市崇安寺步行街", "江苏省无锡市崇安寺步行街", "320200"),
        ("徐州市九里山", "江苏省徐州市九里山", "320300"),
        ("广州市东山口", "广东省广州市东山口", "440100"),
        ("贵阳市小河镇", "贵州省贵阳市小河镇", "520100"),
        ("南京市大厂镇", "江苏省南京市大厂镇", "320100"),
        ("上海浦东国际机场", "上海市浦东国际机场", "310000"),
        ("上海闸北区闸北公园", "上海市静安区闸北公园", "310106"),
        ("上海市黄浦区南市发电厂", "上海市黄浦区南市发电厂", "310101"),
        ("伊春红星林业局", "黑龙江省伊春市红星林业局", "230700"),
        ("哈尔滨市太平国际机场", "黑龙江省哈尔滨市太平国际机场", "230100"),
        ("乌鲁木齐东山公墓", "新疆维吾尔自治区乌鲁木齐市东山公墓", "650100"),
        ("无锡县前街", "江苏省无锡市县前街", "320200"),
        ("黑龙江伊春", "黑龙江省伊春市", "230700"),
    ],
)
def test_a_former_name_within_another_name_stays(
    resolver: AddressResolver, address: str, value: str, code: str
) -> None:
    assert told(resolver, address) == (value, code)


@pytest.mark.parametrize(
    ("address", "code", "rest"),
    [
        ("上海闸北", "310106", ""),
        ("上海市闸北，民丰路1号", "310106", "民丰路1号"),
        ("上海市闸北12号", "310106", "12号"),
        ("上海闸北共和新路1号", "310106", "共和新路1号"),  # today's district has a street office of this name
        ("厦门思明湖滨南路", "350203", "湖滨南路"),
    ],
)
def test_a_short_name_with_nothing_joined_to_it_is_a_division(
    resolver: AddressResolver, address: str, code: str, rest: str
) -> None:
    best = resolver.candidates(address, "")[0]
    assert (best.details["code"], best.details.get("rest", "")) == (code, rest)


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("海口市龙华区龙华路", "海南省海口市龙华区龙华路"),
        ("上海市上海路1号", "上海市上海路1号"),
        ("上海市静安区静安寺", "上海市静安区静安寺"),
        ("北京市朝阳区朝阳公园", "北京市朝阳区朝阳公园"),
        ("西安市长安区长安大学", "陕西省西安市长安区长安大学"),
        ("北京市北京西站", "北京市北京西站"),
        ("南京市江宁区江宁镇", "江苏省南京市江宁区江宁镇"),
        ("上海市徐汇区上海市第六人民医院", "上海市徐汇区上海市第六人民医院"),
        ("上海市徐汇区徐汇区中心医院", "上海市徐汇区徐汇区中心医院"),
        # what is really only said twice
        ("上海市上海浦东新区张江镇", "上海市浦东新区张江镇"),
        ("杭州市杭州余杭区文一西路9号", "浙江省杭州市余杭区文一西路9号"),
        ("杭州市余杭区杭州市余杭区文一西路9号", "浙江省杭州市余杭区文一西路9号"),
        ("无锡市北塘区无锡市北塘区民丰路", "江苏省无锡市梁溪区民丰路"),
        ("北京市海淀区，北京", "北京市海淀区"),
    ],
)
def test_only_a_division_that_is_named_again_is_told_once(resolver: AddressResolver, address: str, value: str) -> None:
    assert told(resolver, address)[0] == value


def test_names_that_many_divisions_have_keep_what_is_behind_them(resolver: AddressResolver) -> None:
    for address in ("朝阳区朝阳公园", "长安区长安大学"):
        found = resolver.candidates(address, "")
        assert len(found) > 1
        assert all(c.value.endswith(address) for c in found)


@pytest.mark.parametrize(
    ("address", "value", "code", "sure"),
    [
        ("上海市漕溪北路徐汇区中心医院旁", "上海市徐汇区漕溪北路徐汇区中心医院旁", "310104", False),
        ("杭州某某公司余杭区文一西路9号", "浙江省杭州市余杭区某某公司文一西路9号", "330110", False),
        ("我家在青岛市的市南区", "山东省青岛市市南区", "370202", True),
        ("浙江省那个杭州的余杭区文一西路9号", "浙江省杭州市余杭区文一西路9号", "330110", True),
    ],
)
def test_words_between_divisions_stay_and_make_it_less_sure(
    resolver: AddressResolver, address: str, value: str, code: str, sure: bool
) -> None:
    assert told(resolver, address) == (value, code)
    plain = resolver.candidates(value[: value.index("区") + 1], "")[0].score
    score = resolver.candidates(address, "")[0].score
    assert score == plain if sure else score < 0.85 * plain


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("万达广场旁边，上海市黄浦区人民大道1号", "上海市黄浦区人民大道1号（万达广场旁边）"),
        ("我家住在上海市黄浦区人民大道1号", "上海市黄浦区人民大道1号"),
        ("收货地址：上海市黄浦区人民大道1号", "上海市黄浦区人民大道1号"),
        ("人民大道1号，黄浦区，上海市", "上海市黄浦区人民大道1号"),
    ],
)
def test_words_before_the_first_division_are_told_behind(resolver: AddressResolver, address: str, value: str) -> None:
    best = resolver.candidates(address, "")[0]
    assert best.value == value
    assert best.details["road"] == "人民大道"


def test_a_district_joined_to_words_before_it_is_not_taken_out_of_them(resolver: AddressResolver) -> None:
    best = resolver.candidates("阳光国际新城东区12座", "")[0]
    assert best.value == "青海省西宁市城东区阳光国际新城东区12座"
    assert best.score < resolver.candidates("城东区12座", "")[0].score


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("海南省省直辖县级琼海市嘉积镇银海路5号", "海南省琼海市嘉积镇银海路5号"),
        ("湖北省直辖县级仙桃市沔阳大道3号", "湖北省仙桃市沔阳大道3号"),
    ],
)
def test_headings_of_the_list_of_divisions_are_no_words(resolver: AddressResolver, address: str, value: str) -> None:
    assert told(resolver, address)[0] == value


@pytest.mark.parametrize(
    ("address", "value", "former"),
    [
        ("石家庄市桥东区中山路", "河北省石家庄市桥东区中山路", {"former_district": "桥东区"}),
        ("徐州市九里区时代大道", "江苏省徐州市九里区时代大道", {"former_district": "九里区"}),
        ("厦门市杏林区杏林湾路1号", "福建省厦门市杏林区杏林湾路1号", {"former_district": "杏林区"}),
        ("金华市金华县", "浙江省金华市金华县", {"former_district": "金华县"}),
        ("苏州市吴县市人民路", "江苏省苏州市吴县市人民路", {"former_district": "吴县市"}),
        ("莱芜市凤城西大街", "山东省济南市莱芜市凤城西大街", {"former_city": "莱芜市"}),
        # what follows says where it is
        (
            "莱芜市莱城区凤城西大街",
            "山东省济南市莱芜区凤城西大街",
            {"former_city": "莱芜市", "former_district": "莱城区"},
        ),
        ("上海市静安区闸北区共和新路1号", "上海市静安区闸北区共和新路1号", {"former_district": "闸北区"}),
    ],
)
def test_a_former_name_that_today_s_division_does_not_tell_is_kept_in_the_address(
    resolver: AddressResolver, address: str, value: str, former: dict[str, str]
) -> None:
    best = resolver.candidates(address, "")[0]
    assert best.value == value
    assert {k: v for k, v in best.details.items() if k.startswith("former")} == former


@pytest.mark.parametrize(
    ("address", "value", "code"),
    [
        ("通州市", "江苏省南通市通州区", "320612"),
        ("北京市通县马驹桥镇", "北京市通州区马驹桥镇", "110112109"),
        ("九江市庐山区长虹大道", "江西省九江市濂溪区长虹大道", "360402"),
        ("湖北省恩施地区", "湖北省恩施地区", "420000"),
        ("伊春市带岭区", "黑龙江省伊春市大箐山县", "230725"),
        ("汕头市金园区", "广东省汕头市金平区", "440511"),
        ("南宁市新城区", "广西壮族自治区南宁市青秀区", "450103"),
        ("淮阴市清河区淮海路", "江苏省淮安市清江浦区淮海路", "320812"),
    ],
)
def test_divisions_that_were_renamed_or_joined(resolver: AddressResolver, address: str, value: str, code: str) -> None:
    assert told(resolver, address) == (value, code)


def test_which_names_are_short_and_which_are_wider() -> None:
    table = divisions()
    assert is_bare("闸北", table.former)
    assert is_bare("南市", table.former)  # 市 is not its suffix: 南市区
    assert not is_bare("通州市", table.former)
    assert is_wider("桥东区", "1301")
    assert not is_wider("襄樊市", "4206")
    assert not is_wider("闸北区", "310106")
    # A city of the third level that became a district is one place only.
    assert {name: len(table.former[name + "市"]) for name in _CITIES_ONCE.split()} == dict.fromkeys(
        _CITIES_ONCE.split(), 1
    )
    assert table.former["通州市"] == ["320612"]


@pytest.mark.parametrize(
    ("address", "value"),
    [
        ("内蒙古锡盟锡林浩特市", "内蒙古自治区锡林郭勒盟锡林浩特市"),
        ("内蒙古呼伦贝尔盟海拉尔市", "内蒙古自治区呼伦贝尔市海拉尔区"),
        ("内蒙古莫旗尼尔基镇", "内蒙古自治区呼伦贝尔市莫力达瓦达斡尔族自治旗尼尔基镇"),
        ("湖南长沙望城县", "湖南省长沙市望城区"),
        ("云南省思茅地区景谷县", "云南省普洱市景谷傣族彝族自治县"),
        ("安徽徽州地区歙县", "安徽省黄山市歙县"),
        ("重庆市县忠县", "重庆市忠县"),
    ],
)
def test_leagues_prefectures_and_counties_of_a_municipality(
    resolver: AddressResolver, address: str, value: str
) -> None:
    assert told(resolver, address)[0] == value


@pytest.mark.parametrize(
    ("address", "value", "code"),
    [
        ("雁北地区应县", "山西省朔州市应县", "140622"),
        ("山西雁北地区右玉县新城镇", "山西省朔州市右玉县新城镇", "140623100"),
        ("雁北地区的应县", "山西省朔州市应县", "140622"),
        ("徽州地区绩溪县", "安徽省宣城市绩溪县", "341824"),
        ("徽州地区的旌德县", "安徽省宣城市旌德县", "341825"),
        ("乌盟武川县", "内蒙古自治区呼和浩特市武川县", "150125"),
        ("乌兰察布盟武川县", "内蒙古自治区呼和浩特市武川县", "150125"),
        ("惠民地区广饶县", "山东省东营市广饶县", "370523"),
        ("惠民地区东营市广饶县", "山东省东营市广饶县", "370523"),
        ("淮阴市泗阳县", "江苏省宿迁市泗阳县", "321323"),
        ("荆州地区天门县", "湖北省天门市", "429006"),
        # what still lies in it, and what is only a street
        ("雁北地区浑源县", "山西省大同市浑源县", "140225"),
        ("惠民地区阳信县", "山东省滨州市阳信县", "371622"),
        ("淮阴市泗阳县路1号", "江苏省淮安市泗阳县路1号", "320800"),
    ],
)
def test_a_part_of_a_former_city_that_lies_elsewhere_today_is_where_it_lies(
    resolver: AddressResolver, address: str, value: str, code: str
) -> None:
    found = resolver.candidates(address, "")
    assert (found[0].value, found[0].details["code"]) == (value, code)
    assert len(found) == 1
    assert any(name.startswith("former_city") for name in found[0].details)


@pytest.mark.parametrize(("address", "codes"), [("雁北地区", {"140200", "140600"}), ("徽州地区", {"341000", "341800"})])
def test_a_prefecture_that_was_shared_out_has_its_cities(
    resolver: AddressResolver, address: str, codes: set[str]
) -> None:
    found = resolver.candidates(address, "")
    assert {c.details["code"] for c in found} == codes
    assert all(c.score < 0.5 for c in found)


def test_a_part_in_another_province_or_beside_today_s_city_is_less_sure(resolver: AddressResolver) -> None:
    sure = resolver.candidates("雁北地区应县", "")[0].score
    for address, code in (("呼盟加格达奇区", "232761"), ("山西省大同市雁北地区应县", "140622")):
        best = resolver.candidates(address, "")[0]
        assert best.details["code"] == code
        assert best.score < 0.85 * sure
    inside, *others = resolver.candidates("雁北地区城区", "")
    assert inside.details["code"] == "140213"
    assert all(c.score < 0.5 * inside.score for c in others)


@pytest.mark.parametrize(
    ("address", "value", "former"),
    [
        ("杭州萧山市场路", "浙江省杭州市萧山市场路", ""),
        ("抚州临川市场路", "江西省抚州市临川市场路", ""),
        ("荆州沙市市场", "湖北省荆州市沙市市场", ""),
        ("内蒙古呼盟大厦", "内蒙古自治区呼盟大厦", ""),
        ("内蒙古伊盟宾馆", "内蒙古自治区伊盟宾馆", ""),
        ("杭州某公司萧山市场路", "浙江省杭州市某公司萧山市场路", ""),
        ("杭州富阳市场口镇", "浙江省杭州市富阳区场口镇", "富阳市"),
        # the name is shortened, its 市 or 县 belongs to what follows
        ("杭州萧山市区", "浙江省杭州市萧山区市区", ""),
        ("杭州萧山市中心", "浙江省杭州市萧山区市中心", ""),
        ("杭州萧山市民中心", "浙江省杭州市萧山区市民中心", ""),
        ("杭州萧山市政大厦", "浙江省杭州市萧山区市政大厦", ""),
        ("沙市市区", "湖北省荆州市沙市区市区", ""),
        ("望城县城", "湖南省长沙市望城区县城", ""),
        ("遵义县城", "贵州省遵义市播州区县城", "遵义县"),
        ("杭州某公司萧山市区", "浙江省杭州市萧山区某公司市区", ""),
        # here it is its own
        ("杭州萧山市政府", "浙江省杭州市萧山区政府", "萧山市"),
        ("杭州萧山市民主路1号", "浙江省杭州市萧山区民主路1号", "萧山市"),
        ("杭州萧山市政和路", "浙江省杭州市萧山区政和路", "萧山市"),
        ("杭州萧山市中心医院", "浙江省杭州市萧山区中心医院", "萧山市"),
        ("杭州萧山市城厢镇", "浙江省杭州市萧山区城厢镇", "萧山市"),
        ("长沙望城县城南路1号", "湖南省长沙市望城区城南路1号", "望城县"),
        ("成都郫县城区", "四川省成都市郫都区城区", "郫县"),
    ],
)
def test_the_last_character_of_a_former_name_may_begin_another_word(
    resolver: AddressResolver, address: str, value: str, former: str
) -> None:
    best = resolver.candidates(address, "")[0]
    assert (best.value, best.details.get("former_district", "")) == (value, former)
    assert "former_city" not in best.details


@pytest.mark.parametrize(
    "address",
    [
        "沙市市场",
        "海拉尔市场街3号",
        "临河市场",
        "集宁市场",
        "榆次市场",
        "襄樊市场",
        "呼盟大厦",
        "伊盟宾馆",
        "呼盟路1号",
        "莫旗大厦",
    ],
)
def test_a_market_or_a_landmark_is_no_division(resolver: AddressResolver, address: str) -> None:
    assert not resolver.candidates(address, "")


@pytest.mark.parametrize(
    ("address", "code"),
    [("锡盟锡林浩特市", "152502"), ("阿盟", "152900"), ("内蒙古莫旗", "150722"), ("内蒙古某公司鄂温克旗", "150724")],
)
def test_an_abbreviation_of_a_division_of_today_is_no_former_name(
    resolver: AddressResolver, address: str, code: str
) -> None:
    best = resolver.candidates(address, "")[0]
    assert best.details["code"] == code
    assert not [name for name in best.details if name.startswith("former")]
