"""Invented addresses in real divisions: from the province or only from the building, city, village or shop, written or spoken."""

from __future__ import annotations

import random
from collections.abc import Callable
from functools import lru_cache

from nlu.corpus.grammar import Grammar
from nlu.corpus.slots import spoken_number, spoken_run
from nlu.places import Divisions, divisions, short_names

Number = Callable[..., str]  # an amount as a figure or in words
Part = tuple[
    str, str
]  # text, kind of part as the address labels name it (prov, city, district, town, road, roadno, ...)


@lru_cache(maxsize=1)
def _codes() -> tuple[list[str], list[str]]:
    table = divisions().by_code
    return [c for c in table if len(c) == 6 and c[0] != "8"], [c for c in table if len(c) == 9]


def address(rng: random.Random, grammar: Grammar, *, spoken: bool) -> list[Part]:
    """The parts of one address, in order."""

    def bank(name: str) -> str:
        return "".join(text for text, _ in grammar.expand(name, rng, lambda *_: ()))

    def number(n: int, *, one_by_one: bool = False) -> str:
        if not spoken:
            return spoken_number(n) if rng.random() < 0.05 else str(n)
        return spoken_run(str(n), rng) if one_by_one or (n > 100 and rng.random() < 0.45) else spoken_number(n)

    parts = _admin(rng, divisions())
    kind = rng.choices(["road", "estate", "village", "place", "lane"], [8, 8, 2.6, 4, 0.8])[0]
    if kind == "village":
        if not any(k == "town" for _, k in parts) and rng.random() < 0.7:
            parts.append((bank("village_stem")[:3] + rng.choice(["镇", "乡", "街道", "镇"]), "town"))
        parts.append(
            (
                bank("village_stem")
                + rng.choice(["村", "村", "村", "庄村", "社区", "庄", "屯", "嘎查", "大队", "自然村"]),
                "community",
            )
        )
        if rng.random() < 0.55:
            parts.append((number(rng.randint(1, 15)) + rng.choice(["组", "组", "队", "社", "巷"]), "road"))
        if rng.random() < 0.45:
            parts.append((number(rng.randint(1, 260)) + "号", "roadno"))
        if rng.random() < 0.15:
            parts.append(
                (rng.choice(["村口小卖部", "村委会", "东头第一家", "大队部旁边", "卫生室", "小学", "桥头"]), "poi")
            )
        return parts
    if kind == "lane":
        parts.append((bank("lane"), "road"))
        parts.append((number(rng.randint(1, 200)) + rng.choice(["号", "号", "弄", "号院"]), "roadno"))
        return parts + _room(rng, number, 0.6)
    if kind == "road" or rng.random() < 0.5:
        parts.append((bank("road_stem") + bank("road_kind"), "road"))
        if rng.random() < 0.07:
            parts.append(
                (
                    rng.choice(["与", "和", "跟"])
                    + bank("road_stem")
                    + bank("road_kind")
                    + rng.choice(["交叉口", "路口", "交汇处"])
                    + rng.choice(["东南角", "往北一百米", ""]),
                    "assist",
                )
            )
        elif kind == "road" or rng.random() < 0.5:
            parts.append(
                (
                    rng.choice(["", "", "", "甲" if rng.random() < 0.2 else "", "附" if rng.random() < 0.2 else ""])
                    + number(rng.randint(1, 1200))
                    + rng.choice(
                        [
                            "号",
                            "号",
                            "号",
                            "号",
                            "号院",
                            "弄",
                            "号附" + number(rng.randint(1, 9)) + "号" if rng.random() < 0.3 else "号",
                            "-" + number(rng.randint(1, 9)) + "号" if not spoken and rng.random() < 0.3 else "号",
                        ]
                    ),
                    "roadno",
                )
            )
    if kind == "estate":
        parts.append(
            (
                bank("estate_head") + (bank("estate_head")[:2] if rng.random() < 0.08 else "") + bank("estate_tail"),
                "poi",
            )
        )
        return parts + _room(rng, number, 1.0)
    if kind == "place" or rng.random() < 0.5:
        parts.append(
            (
                bank(rng.choice(["building_name", "building_name", "shop", "estate_head"]))
                + ("店" if rng.random() < 0.03 else ""),
                "poi",
            )
        )
        roll = rng.random()
        if roll < 0.4:
            parts += _office(rng, number)
        elif roll < 0.6:
            parts.append((bank("landmark"), "assist"))
            if rng.random() < 0.5:
                parts.append((rng.choice(["的", ""]) + bank("shop"), "poi"))
        elif roll < 0.7:
            parts.append((bank("shop"), "subpoi"))
        return parts
    roll = rng.random()
    if roll < 0.45:
        return parts + _room(rng, number, 0.9)
    if roll < 0.6:
        return parts + _office(rng, number)
    if roll < 0.8:
        parts.append((bank(rng.choice(["shop", "building_name", "building_name"])), "poi"))
    elif roll < 0.87:
        parts.append((bank("landmark"), "assist"))
    return parts


def _admin(rng: random.Random, table: Divisions) -> list[Part]:
    districts, towns = _codes()
    if rng.random() < 0.1:
        return []
    code = rng.choice(towns) if rng.random() < 0.3 else rng.choice(districts)
    labels = {"province": "prov", "city": "city", "district": "district", "town": "town"}
    chain = table.chain(code)
    levels = [d.level for d in chain]
    roll = rng.random()
    if roll < 0.26:
        keep = set(levels)
    elif roll < 0.62:
        keep = set(levels) - {"province"}
    elif roll < 0.9:
        keep = {"district", "town"}
    elif roll < 0.96:
        keep = {"town"}
    else:
        keep = {"city", "province"}
    parts: list[Part] = []
    for division in chain:
        if division.level not in keep:
            continue
        names = short_names(division.name, division.level)
        if not names:
            continue
        name = names[0]
        if division.level in ("province", "city") and len(names) > 1 and rng.random() < 0.45:
            name = rng.choice(names[1:])
        if division.level == "district" and len(names) > 1 and rng.random() < 0.08:
            name = names[-1]
        if division.level == "town" and rng.random() < 0.05:
            name = name.removesuffix("街道").removesuffix("办事处")
        if parts and parts[-1][0] == name:
            continue
        parts.append((name, labels[division.level]))
    if parts and rng.random() < 0.06:
        zone = rng.choice(
            [
                "高新区",
                "经开区",
                "开发区",
                "经济技术开发区",
                "新区",
                "工业园区",
                "高新技术产业开发区",
                "保税区",
                "度假区",
                "产业集聚区",
            ]
        )
        parts = [p for p in parts if p[1] in ("prov", "city")] + [(zone, "devzone")]
    return parts


def _office(rng: random.Random, number: Number) -> list[Part]:
    n = number
    floors: list[Callable[[], str]] = [
        lambda: n(rng.randint(2, 33)) + rng.choice(["楼", "层", "F"]),
        lambda: rng.choice(["负一楼", "一楼", "首层", "B1", "B2层", "地下一层", "1楼", "二楼", "负1层", "顶楼"]),
        lambda: (
            rng.choice(
                [
                    "A座",
                    "B座",
                    "C栋",
                    "1号楼",
                    "东座",
                    "甲座",
                    "2栋",
                    "T2塔楼",
                    "南楼",
                    "门诊楼",
                    "住院部",
                    "教学楼",
                    "行政楼",
                ]
            )
            + n(rng.randint(2, 30))
            + rng.choice(["楼", "层", "F"])
        ),
    ]
    floor = rng.choice(floors)()
    parts = [(floor, "floorno")]
    if rng.random() < 0.55:
        room = rng.choice(["室", "", "号铺", "号", "单元", "房", "商铺"])
        parts.append(
            (
                rng.choice(["", "", "A", "L1-", "B", "B1-"])
                + n(rng.randint(1, 35) * 100 + rng.randint(1, 30), one_by_one=True)
                + room,
                "roomno",
            )
        )
    elif rng.random() < 0.3:
        parts.append(
            (
                rng.choice(
                    [
                        "茶水间",
                        "会议室",
                        "机房",
                        "前台",
                        "后厨",
                        "手术室",
                        "实验室",
                        "配电间",
                        "大厅",
                        "影像科",
                        "检验科",
                        "财务室",
                        "母婴室",
                        "护士站",
                    ]
                ),
                "poi",
            )
        )
    return parts


def _room(rng: random.Random, number: Number, chance: float) -> list[Part]:
    """Building, unit, floor, room in one of the ways people give them."""
    if rng.random() > chance:
        return []
    n = number
    building, unit, floor, flat = rng.randint(1, 48), rng.randint(1, 6), rng.randint(1, 33), rng.randint(1, 4)
    room = f"{floor}{flat:02d}"
    kind = rng.choices(["units", "dashes", "named", "floor", "short", "house"], [10, 4, 3, 3, 2.5, 1.2])[0]
    if kind == "dashes":
        dash = rng.choice(["-", "-", "-", "－", "/"])
        joined = f"{building}{dash}{unit}{dash}{room}" if rng.random() < 0.8 else f"{building}{dash}{room}"
        text = joined if n(1234) == "1234" else spoken_joined(building, unit, room, rng)
        return [(text, "houseno")]
    house = (
        (rng.choice(["", "", "", "", "甲", "乙", "东", "西"]) if rng.random() < 0.2 else "")
        + n(building)
        + rng.choice(
            ["号楼", "号楼", "号楼", "栋", "幢", "栋", "座", "#楼", "#"]
            if n(1234) == "1234"
            else ["号楼", "号楼", "栋", "幢", "栋", "座"]
        )
    )
    if kind == "named":
        house = rng.choice(["A座", "B座", "C座", "A栋", "D栋", "东楼", "塔楼", "南楼", "A1栋", "E2栋", "北塔"])
    parts: list[Part] = [(house, "houseno")]
    spoken_room = n(int(room), one_by_one=True)
    if kind == "house":
        return [(n(rng.randint(1, 30)) + "排" + n(rng.randint(1, 30)) + "号", "houseno")]
    if kind == "floor":
        if rng.random() < 0.5:
            parts.append((n(unit) + rng.choice(["单元", "单元", "门", "门栋"]), "cellno"))
        parts.append((n(floor) + rng.choice(["楼", "层"]), "floorno"))
        if rng.random() < 0.7:
            parts.append(
                (
                    rng.choice(
                        [
                            n(flat) + "号",
                            "东户",
                            "西户",
                            "左手",
                            "中户",
                            n(flat) + "室",
                            spoken_room,
                            spoken_room + "室",
                            "东门",
                            "对门",
                        ]
                    ),
                    "roomno",
                )
            )
        return parts
    if kind in ("units", "named") and rng.random() < 0.85:
        parts.append(
            (
                rng.choice(["东", "西", n(unit), n(unit), n(unit), n(unit), n(unit), n(unit)])
                + rng.choice(["单元", "单元", "单元", "单元", "门"]),
                "cellno",
            )
        )
    parts.append((spoken_room + rng.choice(["", "", "室", "室", "号", "房"]), "roomno"))
    return parts


def spoken_joined(building: int, unit: int, room: str, rng: random.Random) -> str:
    dash = rng.choice(["杠", "杠", "", " "])
    return dash.join([spoken_number(building), spoken_number(unit), spoken_run(room, rng)])


def say(parts: list[Part], rng: random.Random, *, spoken: bool) -> str:
    """The parts as one stretch of text; spoken ones with hesitations and corrections."""
    words = [text for text, _ in parts]
    if spoken and len(words) > 2 and rng.random() < 0.1:
        at = rng.randrange(1, len(words))
        words[at] = rng.choice(["那个", "呃", "嗯", "啊", "就是"]) + words[at]
    kinds = [kind for _, kind in parts]
    if spoken and rng.random() < 0.05:
        for kind in ("houseno", "roadno", "roomno"):
            if kind in kinds:
                at = kinds.index(kind)
                wrong = "".join(rng.choice("一二三四五六七八九") if c in "一二三四五六七八九" else c for c in words[at])
                words[at] = (
                    wrong + rng.choice(["不对", "不对不对", "哦不", "错了", "不是", "啊不对", "说错了"]) + words[at]
                )
                break
    glue = ""
    if not spoken:
        glue = rng.choices(["", " ", "，"], [30, 1.2, 0.3])[0]
    return glue.join(words)
