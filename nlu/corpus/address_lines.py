"""Written address lines with their parts: training material of the address parser, with the habits of delivery labels."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from nlu.corpus import addresses
from nlu.corpus.addresses import Part
from nlu.corpus.grammar import Grammar

_COMPANY = (
    "有限公司",
    "科技有限公司",
    "电子商务有限公司",
    "分公司",
    "厂",
    "贸易公司",
    "服饰",
    "工作室",
    "电器",
    "五金",
    "集团",
    "实业",
    "卫浴",
    "建材",
    "模具厂",
    "经营部",
    "物流",
    "汽配",
    "装饰",
    "家纺",
    "鞋业",
    "针织厂",
)
_DEPARTMENTS = (
    "财务部",
    "人事部",
    "前台",
    "门卫",
    "传达室",
    "收发室",
    "行政部",
    "仓库",
    "保安室",
    "服务台",
    "菜鸟驿站",
    "快递柜",
    "代收点",
    "物业",
    "办公室",
    "车间",
    "食堂",
    "宿舍楼",
    "教学楼",
    "门诊部",
)


_TOLD = ("电话联系", "电联", "转", "收", "请送上楼", "放门卫", "周末送", "工作日送", "自提", "勿放柜子")
_MUNICIPALITIES = ("北京", "上海", "天津", "重庆")
_CROSSING = re.compile(r"([与和跟])(.+?)((?:交叉口|路口|交汇处).*|)")


def address_line(rng: random.Random, grammar: Grammar) -> list[Part]:
    def bank(name: str) -> str:
        return "".join(text for text, _ in grammar.expand(name, rng, lambda *_: ()))

    parts: list[Part] = []
    for text, kind in addresses.address(rng, grammar, spoken=False):
        parts.extend(_refined(text, kind, rng, parts))
    kinds = [k for _, k in parts]
    if "road" in kinds and rng.random() < 0.2:
        at = kinds.index("road")
        if not parts[at][0][:-1].isdigit():
            parts[at] = (bank("real_road"), "road")
    if "district" in kinds and rng.random() < 0.05:
        zone = bank("road_stem") + rng.choice(["开发区", "经济开发区", "经济技术开发区", "高新区", "新区"])
        parts.insert(kinds.index("district") + 1, (zone, "devzone"))
    if kinds and kinds[-1] == "poi" and rng.random() < 0.08:
        parts[-1] = (parts[-1][0] + rng.choice("一二三四") + "期", "poi")
    tail = rng.random()
    if kinds and kinds[-1] in ("roadno", "road", "community") and tail < 0.45:
        parts.append((_place(bank, rng), "poi"))
        parts.extend(_inside(rng))
    elif kinds and kinds[-1] == "poi" and tail < 0.5:
        if rng.random() < 0.3:
            parts.append(
                (
                    rng.choice(
                        [
                            bank("shop"),
                            rng.choice(_DEPARTMENTS),
                            rng.choice("ABCDEF") + rng.choice(["区", "馆", "座"]),
                            rng.choice("东西南北") + rng.choice(["区", "门", "楼", "苑"]),
                        ]
                    ),
                    "subpoi",
                )
            )
        parts.extend(_inside(rng))
    if parts and parts[-1][1] in ("houseno", "cellno", "floorno", "roomno"):  # who is inside a building
        if rng.random() < 0.22:
            parts.append((_place(bank, rng) if rng.random() < 0.6 else rng.choice(_DEPARTMENTS), "person"))
    elif parts and parts[-1][1] == "poi" and rng.random() < 0.08:
        parts.append((bank("shop") if rng.random() < 0.5 else rng.choice(_DEPARTMENTS), "subpoi"))
    kinds = [k for _, k in parts]
    if rng.random() < 0.08 and "road" in kinds:
        at = kinds.index("road")
        second: list[Part] = [(bank("road_stem") + rng.choice(["路", "巷", "弄", "支路", "大道"]), "subroad")]
        if at + 1 < len(parts) and kinds[at + 1] == "roadno":
            second.append((parts.pop(at + 1)[0], "subroadno"))
        parts[at + 1 : at + 1] = second
    if rng.random() < 0.06:
        parts.append(
            (
                rng.choice(
                    [
                        "附近",
                        "旁边",
                        "对面",
                        "隔壁",
                        "斜对面",
                        "后面",
                        "门口",
                        "旁",
                        "楼下",
                        "往东50米",
                        "内",
                        "红绿灯旁",
                        "大门口",
                        "东侧",
                    ]
                ),
                "assist",
            )
        )
    if rng.random() < 0.05:
        parts.append(note(grammar, rng))
    if rng.random() < 0.16:
        parts = _repeated(parts, rng)
    if rng.random() < 0.015:
        parts.insert(0, ("中国", "country"))
    return _separated(_whole_numbers(parts), rng)


def note(grammar: Grammar, rng: random.Random) -> Part:
    """A recipient, or what is told to the courier."""

    def bank(name: str) -> str:
        return "".join(text for text, _ in grammar.expand(name, rng, lambda *_: ()))

    name = bank("surname") + rng.choice(["先生", "女士", "小姐", "师傅", "老师", *[bank("given")] * 5])
    return rng.choice([name, name, name, name + "收", *_TOLD]), "redundant"


def _whole_numbers(parts: list[Part]) -> list[Part]:
    """5组6号 and 8号附2号 are one house number."""
    out: list[Part] = []
    for text, kind in parts:
        if out and kind == "roadno" and out[-1][1] == "road" and out[-1][0][-1] in "组社队":
            out[-1] = (out[-1][0] + text, "roadno")
        else:
            out.append((text, kind))
    return out


def _place(bank: Callable[[str], str], rng: random.Random) -> str:
    make = bank
    kind = rng.randrange(7)
    if kind > 4:
        return make("real_place")
    if kind == 0:
        return make("estate_head") + make("estate_tail")
    if kind == 1:
        return make("building_name")
    if kind == 2:
        return make("road_stem") + rng.choice(_COMPANY)
    if kind == 3:
        return make("shop")
    return make("estate_head") + rng.choice(_COMPANY)


def _inside(rng: random.Random) -> list[Part]:
    out: list[Part] = []
    n = rng.randint(1, 60)
    if rng.random() < 0.5:
        out.append((f"{n}{rng.choice(['幢', '号楼', '栋', '号', '座', '号', '#'])}", "houseno"))
        if rng.random() < 0.4:
            out.append((f"{rng.randint(1, 5)}单元", "cellno"))
        elif out[0][0][-1] in "幢栋座" and rng.random() < 0.3:
            out.append((f"{rng.randint(1, 30)}号", "cellno"))
    if rng.random() < 0.35:
        out.append((f"{rng.randint(1, 28)}{rng.choice(['楼', '层', '楼', 'F'])}", "floorno"))
    if rng.random() < 0.5:
        out.append(
            (
                f"{rng.randint(1, 30)}{rng.randint(0, 2)}{rng.randint(1, 9)}{rng.choice(['', '室', '室', '号', '房'])}",
                "roomno",
            )
        )
    return out


def _refined(text: str, kind: str, rng: random.Random, before: list[Part]) -> list[Part]:
    """Labels as the labelled sets give them: 3-2-501 is building, unit, room with redundant dashes."""
    if kind == "prov" and text.removesuffix("市") in _MUNICIPALITIES:
        return [(text, "city")]
    if kind == "devzone":
        return [(text, "devzone" if text.endswith(("开发区", "新区", "保税区")) else "poi")]
    if kind == "houseno" and any(dash in text for dash in "-－/"):
        pieces = text.replace("－", "-").replace("/", "-").split("-")
        labels = ["houseno", "cellno", "roomno"] if len(pieces) == 3 else ["houseno", "roomno"]
        out: list[Part] = []
        for piece, label in zip(pieces, labels, strict=False):
            if out:
                out.append((rng.choice("---－_/"), "redundant"))
            out.append((piece, label))
        return out
    if kind == "assist" and text[0] in "与和跟":
        crossing = _CROSSING.fullmatch(text)
        if crossing is None:
            return [(text, "assist")]
        said = zip(crossing.groups(), ("redundant", "subroad", "assist"), strict=True)
        return [(words, label) for words, label in said if words]
    if kind == "road" and text[-1] in "组队社巷" and text[:-1].isdigit():
        return [(text, "road")]
    return [(text, kind)]


def _repeated(parts: list[Part], rng: random.Random) -> list[Part]:
    """Labels of web shops repeat the divisions: the second telling is redundant."""
    admin = [p for p in parts if p[1] in ("prov", "city", "district")]
    if not admin:
        return parts
    shown = admin if rng.random() < 0.6 else admin[-1:]
    last = max(i for i, part in enumerate(parts) if part in admin) + 1
    glue: list[Part] = [(" ", "redundant")] if rng.random() < 0.2 else []
    return [*parts[:last], *glue, *[(text, "redundant") for text, _ in shown], *parts[last:]]


def _separated(parts: list[Part], rng: random.Random) -> list[Part]:
    style = rng.random()
    if style < 0.75:
        chance = 0.0
    elif style < 0.9:
        chance = 0.15
    else:
        chance = 0.5
    mark = rng.choice(["_", "-", ",", "，", "(", "_", ".", "、", "*"])
    out: list[Part] = []
    for part in parts:
        if out and out[-1][1] != "redundant" and part[1] != "redundant" and rng.random() < chance:
            out.append((mark, "redundant"))
        out.append(part)
    return out


def address_lines(seed: int, count: int, grammar: Grammar) -> list[list[Part]]:
    return [address_line(random.Random(f"{seed}:address:{n}"), grammar) for n in range(count)]  # noqa: S311 - repeatable by seed, not secret
