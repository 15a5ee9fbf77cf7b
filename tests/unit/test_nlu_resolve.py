"""Resolvers on their own labelled sets: absolute times, devices behind misheard words, completed addresses, numbers, faults."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nlu.catalogue import load_catalogue, shipped
from nlu.contract import Asset
from nlu.former import changed_suffixes
from nlu.places import divisions
from nlu.resolve.address import AddressResolver
from nlu.resolve.device import DeviceResolver
from nlu.resolve.fault import FaultResolver
from nlu.resolve.phone import resolve_phone
from nlu.resolve.time import resolve_time

HERE = Path(__file__).parent.parent / "data" / "nlu"


def cases(name: str) -> list[list[str]]:
    content: list[list[str]] = json.loads((HERE / name).read_text(encoding="utf-8"))["cases"]
    return content


@pytest.mark.parametrize(("said", "window"), cases("times.json"))
def test_time(said: str, window: str) -> None:
    found = resolve_time(said, datetime(2026, 11, 21, 2, tzinfo=UTC), "Asia/Shanghai")
    assert found
    assert found[0].value == window
    assert f"{found[0].details['start']}/{found[0].details['end']}" == window


def test_two_offers_are_two_candidates_and_nonsense_is_none() -> None:
    now = datetime(2026, 11, 21, 2, tzinfo=UTC)
    assert len(resolve_time("周二上午或者周四下午", now, "Asia/Shanghai")) == 2
    assert resolve_time("三十五月", now, "Asia/Shanghai") == []
    assert resolve_time("13月40号", now, "Asia/Shanghai") == []


@pytest.mark.parametrize(("said", "category"), cases("devices.json"))
def test_device(said: str, category: str) -> None:
    found = DeviceResolver(shipped()).candidates(said, [])
    assert found
    assert found[0].details["category"] == category


def test_the_customers_own_device_comes_first() -> None:
    assets = [Asset(id="a1", device="柜机", brand="格力", model="KFR-72LW")]
    best = DeviceResolver(shipped()).candidates("空调", assets)[0]
    assert best.details["asset"] == "a1"
    assert best.details["model"] == "KFR-72LW"
    model = DeviceResolver(shipped()).model("KFR72IW", assets)
    assert model
    assert model[0].details["asset"] == "a1"


@pytest.mark.parametrize(("address", "region", "code"), cases("addresses.json"))
def test_address(address: str, region: str, code: str) -> None:
    found = AddressResolver().candidates(address, region)
    assert found
    assert found[0].details["code"] == code


def test_an_ambiguous_district_stays_ambiguous() -> None:
    found = AddressResolver().candidates("朝阳区建设路9号", "")
    assert {c.details["code"] for c in found} == {"110105", "220104"}
    assert abs(found[0].score - found[1].score) < 0.05
    assert found[0].score < 0.6


@pytest.mark.parametrize(
    ("address", "code", "former"),
    [
        ("上海市闸北区共和新路1号", "310106", {"former_district": "闸北区"}),
        ("下城区武林路1号", "330105", {"former_district": "下城区"}),
        ("无锡市北塘区无锡市北塘区民丰路", "320213", {"former_district": "北塘区"}),
        ("浙江萧山市城厢镇", "330109", {"former_district": "萧山市"}),
        ("长沙宁乡县玉潭街道", "430182001", {"former_district": "宁乡县"}),
        ("襄樊市襄城区", "420602", {"former_city": "襄樊市"}),
        ("西藏自治区日喀则地区定日县", "540223", {"former_city": "日喀则地区"}),
        ("广西省南宁市青秀区", "450103", {"former_province": "广西省"}),
        ("石家庄市桥东区中山路2号", "130100", {"former_district": "桥东区"}),  # shared out: only the city is sure
        ("张家口市桥东区", "130702", {}),  # there it still is
        ("济宁市市中区", "370811", {"former_district": "市中区"}),
        ("乐山市市中区", "511102", {}),
        ("上海闸北共和新路1号", "310106", {"former_district": "闸北"}),
        ("广州市萝岗路1号", "440100", {}),
        ("上海浦东张杨路1996号", "310115", {}),
        ("南昌市红谷滩新区丰和大道", "360113", {"former_district": "红谷滩新区"}),
    ],
)
def test_a_former_name_leads_to_todays_division_and_is_kept(address: str, code: str, former: dict[str, str]) -> None:
    best = AddressResolver().candidates(address, "")[0]
    assert best.details["code"] == code
    assert {k: v for k, v in best.details.items() if k.startswith("former")} == former
    kept = {"130100": ["桥东区"]}.get(code, [])  # Shijiazhuang does not say where it was: the words stay
    assert [v for v in former.values() if v in best.value] == kept


@pytest.mark.parametrize(
    ("address", "code", "rest"),
    [
        ("乐山市中区白燕路8号", "511102", "白燕路8号"),  # 市 is shared by both names
        ("河北石家庄桥西区槐安路", "130104", "槐安路"),
        ("余杭良渚街道", "330110010", ""),
        ("中国浙江杭州余杭良渚街道", "330110010", ""),
        ("上海_上海市_浦东新区（张江）", "310115", "张江）"),
        ("北京市市辖区海淀区知春路", "110108", "知春路"),
        ("湖北省直辖县级行政区划仙桃市干河街道", "429004002", ""),
        ("新疆自治区直辖县级行政区划石河子市北泉镇", "659001100", ""),
        ("杭州某某公司余杭区文一西路9号", "330110", "某某公司文一西路9号"),
        ("江苏省某某公司南京市鼓楼区中山路", "320106", "某某公司中山路"),
        ("陵水县英州镇清水湾大道", "469028103", "清水湾大道"),
        ("石家庄桥西南三条1号", "130104", "南三条1号"),
        ("中国 香港 新界葵涌1号", "810000", "新界葵涌1号"),
        ("香港湾仔区轩尼诗道", "810002", "轩尼诗道"),
        ("台湾省台北市", "710000", "台北市"),
    ],
)
def test_divisions_are_found_where_they_stand(address: str, code: str, rest: str) -> None:
    best = AddressResolver().candidates(address, "")[0]
    assert (best.details["code"], best.details.get("rest", "")) == (code, rest)


@pytest.mark.parametrize("address", ["东区14号楼", "凤凰北路12号", "和平小区9-4-601", "桃源居A区7栋"])
def test_what_only_sounds_like_a_division_is_none(address: str) -> None:
    assert not AddressResolver().candidates(address, "")


def test_every_former_division_has_one_of_today() -> None:
    table = divisions()
    assert all(code in table.by_code for codes in table.former.values() for code in codes)
    assert len(table.former) > 1_000
    assert list(changed_suffixes("萧山区", "district")) == ["萧山县", "萧山市"]
    assert list(changed_suffixes("西城区", "district")) == []  # 西城县 is nobody's name for it


@pytest.mark.parametrize(
    ("value", "region", "e164", "kind"),
    [
        ("13700223344", "", "+8613700223344", "mobile"),
        ("02160001234-88", "", "+862160001234", "fixed"),
        ("88123456", "330106", "+8657188123456", "fixed"),
        ("87654321", "", "+8687654321", "local"),
        ("8765432", "", "+868765432", "local"),
        ("13900012", "", "+8613900012", "unknown"),  # what is left of a mobile's
        ("1390000123", "", "+861390000123", "unknown"),
        ("85291234567", "", "+85291234567", "mobile"),
        ("0085223456789", "", "+85223456789", "fixed"),
        ("85366123456", "", "+85366123456", "mobile"),
        ("886223456789", "", "+886223456789", "fixed"),
        ("85200000000", "", "+8685200000000", "unknown"),
    ],
)
def test_phone(value: str, region: str, e164: str, kind: str) -> None:
    found = resolve_phone(value, region)
    assert found is not None
    assert found.details["e164"] == e164
    assert found.details["kind"] == kind


def test_no_phone() -> None:
    assert resolve_phone("", "") is None
    assert resolve_phone("119", "") is None or resolve_phone("119", "") is not None
    assert resolve_phone("1" * 30, "") is None


@pytest.mark.parametrize(
    ("symptom", "group", "fault", "danger"),
    [
        ("不制冷", "cooling_air", "no_cooling", "none"),
        ("一股煤气味", "flame", "gas_leak", "emergency"),
        ("有人困在里面", "lift", "trapped", "emergency"),
        ("滴水", "cooling_air", "leak_water", "none"),
        ("嗡嗡响", "fan", "noise", "none"),
        ("插头冒烟", "screen", "fire", "emergency"),
    ],
)
def test_fault(symptom: str, group: str, fault: str, danger: str) -> None:
    found = FaultResolver(shipped()).candidates(symptom, group)
    assert found
    assert found[0].details["class"] == fault
    assert found[0].details["danger"] == danger


def test_a_company_adds_its_own(tmp_path: Path) -> None:
    (tmp_path / "devices.yaml").write_text(
        "- {id: kiosk, name: 自助亭, aliases: [小亭子], trade: retail, group: pos, models: [KX-9]}\n", encoding="utf-8"
    )
    from nlu.catalogue.entries import HERE as shipped_folder

    catalogue = load_catalogue([shipped_folder, tmp_path])
    assert DeviceResolver(catalogue).candidates("小亭子", [])[0].details["category"] == "kiosk"
