"""Values as the labelling guidelines define them."""

from __future__ import annotations

import pytest

from nlu.values import value_of

CASES = [
    ("phone", "幺三七 零零 二二 三三 四四五", "13700223344" + "5"),
    ("phone", "0571-8812 3456转201", "057188123456-201"),
    ("phone", "(021)60001234-88", "02160001234-88"),
    ("phone", "+86 137-0022-3344", "13700223344"),
    ("phone", "幺三七零零幺不对幺三七零零二二三三四四", "13700223344"),
    ("phone", "一三七零零二二三三四四不是四四是四五", "13700223345"),
    ("address", "鼓楼区中山路十八号三号楼二单元幺零四", "鼓楼区中山路18号3号楼2单元104"),
    ("address", "开发区三号路十六号", "开发区三号路16号"),
    ("address", "滨江一号公馆二栋", "滨江一号公馆2栋"),
    ("address", "郎德千户苗寨七组", "郎德千户苗寨7组"),
    ("address", "柳河村西二排四号", "柳河村西二排4号"),
    ("address", "丈八东路五号院六栋", "丈八东路5号院6栋"),
    ("address", "七里一村三号楼 不对 五号楼二零一", "七里一村5号楼201"),
    ("address", "王家村四组", "王家村4组"),
    ("model", "kfr杠三五gw", "KFR-35GW"),
    ("model", "l三二五零", "L3250"),
    ("fault_code", "H六", "H6"),
    ("order", "w x 二零二六零幺零八零零三", "WX20260108003"),
    ("fault", "不 制冷", "不制冷"),
    ("device", "烤箱不对蒸箱", "蒸箱"),
    ("contact_name", "李 建国", "李建国"),
    ("time", "明天下午", "明天下午"),
]


@pytest.mark.parametrize(("name", "surface", "value"), CASES)
def test_value(name: str, surface: str, value: str) -> None:
    assert value_of(name, surface) == value
