"""What fills a slot: invented people, numbers, codes and times, written or as spoken."""

from __future__ import annotations

import random
import string
from collections.abc import Callable

from nlu.corpus.grammar import Grammar

_CN = "零一二三四五六七八九"


def spoken_run(digits: str, rng: random.Random) -> str:
    """Digits one by one; a one is 幺 for most speakers."""
    one = "幺" if rng.random() < 0.65 else "一"
    return "".join(one if c == "1" else _CN[int(c)] if c.isdigit() else c for c in digits)


def spoken_number(n: int) -> str:
    """0..99,999 by value: 12 十二, 105 一百零五, 320 三百二十."""
    if n < 10:
        return _CN[n]
    if n < 20:
        return "十" + (_CN[n % 10] if n % 10 else "")
    parts, gap = "", False
    for value, unit in ((10_000, "万"), (1_000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit, n = divmod(n, value)
        if digit:
            parts += ("零" if gap else "") + _CN[digit] + unit
            gap = False
        elif parts and n:
            gap = True
    return parts


def digits(rng: random.Random, n: int) -> str:
    return "".join(rng.choice(string.digits) for _ in range(n))


def letters(rng: random.Random, n: int) -> str:
    return "".join(rng.choice("ABCDEFGHJKLMNPQRSTUVWXYZ") for _ in range(n))


def mobile(rng: random.Random) -> str:
    head = rng.choice(
        [
            "130",
            "131",
            "132",
            "133",
            "135",
            "136",
            "137",
            "138",
            "139",
            "150",
            "151",
            "152",
            "153",
            "155",
            "156",
            "157",
            "158",
            "159",
            "166",
            "170",
            "173",
            "175",
            "176",
            "177",
            "178",
            "180",
            "181",
            "182",
            "183",
            "184",
            "185",
            "186",
            "187",
            "188",
            "189",
            "191",
            "193",
            "195",
            "198",
            "199",
        ]
    )
    return head + digits(rng, 8)


_AREAS = [
    "010",
    "020",
    "021",
    "022",
    "023",
    "024",
    "025",
    "027",
    "028",
    "029",
    "0311",
    "0351",
    "0371",
    "0411",
    "0431",
    "0451",
    "0512",
    "0531",
    "0532",
    "0551",
    "0571",
    "0574",
    "0591",
    "0592",
    "0731",
    "0755",
    "0769",
    "0771",
    "0791",
    "0851",
    "0871",
    "0898",
    "0931",
    "0951",
    "0971",
    "0991",
    "0316",
    "0335",
    "0379",
    "0415",
    "0475",
    "0536",
    "0577",
    "0596",
    "0632",
    "0716",
    "0757",
    "0797",
    "0838",
    "0917",
    "0954",
]


def phone(rng: random.Random, spoken: bool) -> str:
    if rng.random() < (0.85 if spoken else 0.84):
        number = mobile(rng)
        if spoken:
            return _spoken_mobile(number, rng)
        return rng.choices(
            [
                number,
                f"{number[:3]} {number[3:7]} {number[7:]}",
                f"{number[:3]}-{number[3:7]}-{number[7:]}",
                f"+86 {number}",
                f"+86-{number}",
                f"{number[:3]} {number[3:]}",
            ],
            [20, 2, 2, 0.6, 0.4, 0.5],
        )[0]
    area = rng.choice(_AREAS)
    local = rng.choice("2345678") + digits(rng, 7 if len(area) == 3 or rng.random() < 0.6 else 6)
    extension = digits(rng, rng.choice([3, 4]))
    if spoken:
        plain = spoken_run(local if rng.random() < 0.35 else area + local, rng)
        return plain + (rng.choice(["转", "转分机"]) + spoken_run(extension, rng) if rng.random() < 0.2 else "")
    if rng.random() < 0.06:
        return (
            rng.choice(["400", "800"])
            + rng.choice(["-", "", " "])
            + digits(rng, 3)
            + rng.choice(["-", ""])
            + digits(rng, 4)
        )
    base = rng.choices(
        [f"{area}-{local}", f"{area}{local}", f"({area}){local}", f"{area} {local}", local], [10, 2, 0.7, 1, 1.5]
    )[0]
    return base + (rng.choice(["转", "-", "转"]) + extension if rng.random() < 0.22 else "")


def _spoken_mobile(number: str, rng: random.Random) -> str:
    groups = rng.choice([[3, 4, 4], [3, 8], [11], [11], [11], [3, 4, 4], [3, 3, 2, 3], [4, 3, 4], [3, 2, 2, 2, 2]])
    parts, at = [], 0
    for size in groups:
        parts.append(spoken_run(number[at : at + size], rng))
        at += size
    glue = rng.choice(["", "", "", " ", " ", "嗯", "呃", " 嗯 "])
    said = glue.join(parts)
    if len(parts) > 1 and glue not in ("", " ") and rng.random() < 0.7:
        said = parts[0] + "".join((glue if i == 1 else "") + p for i, p in enumerate(parts[1:], 1))
    if rng.random() < 0.05:  # said wrong, corrected at once
        wrong = number[: rng.randint(3, 10)]
        slip = wrong[:-1] + rng.choice(string.digits)
        return (
            spoken_run(slip, rng)
            + rng.choice(["不对", "不是", "哦不对", "错了", "不对不对", " 不对 ", "说错了"])
            + rng.choice(["", "", "是"])
            + spoken_run(number, rng)
        )
    if rng.random() < 0.03:
        tail = digits(rng, 4)
        return (
            spoken_run(number[:7] + tail, rng)
            + rng.choice(["不是", "不对不是"])
            + spoken_run(tail, rng)
            + "是"
            + spoken_run(number[7:], rng)
        )
    return said


def order(rng: random.Random, spoken: bool) -> str:
    year = rng.choice(["2024", "2025", "2026", "24", "25", "26"])
    date = f"{year}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
    prefix = rng.choice(
        [
            "",
            "",
            letters(rng, 2),
            letters(rng, 1),
            letters(rng, 2),
            letters(rng, 3),
            "JD",
            "TB",
            "GD",
            "WX",
            "BX",
            "FW",
            "SO",
            "HT",
            "NO",
        ]
    )
    kind = rng.choice(["date", "date", "long", "dash", "short", "dash2", "mid", "dash3"])
    if kind == "date":
        code = prefix + date + digits(rng, rng.choice([3, 4, 5]))
    elif kind == "long":
        code = digits(rng, rng.choice([10, 11, 12, 13, 15, 16, 18, 19]))
    elif kind == "dash":
        code = f"{prefix or letters(rng, 2)}-{date}-{digits(rng, rng.choice([3, 4]))}"
    elif kind == "dash2":
        code = f"{prefix or letters(rng, 2)}{date}-{digits(rng, rng.choice([2, 3, 4]))}"
    elif kind == "dash3":
        code = rng.choice(
            [
                f"{digits(rng, 4)}-{digits(rng, 4)}-{digits(rng, 4)}",
                f"{letters(rng, 2)}-{letters(rng, 1)}-{digits(rng, 5)}",
                f"{letters(rng, 2)}-{digits(rng, 4)}-{digits(rng, 4)}",
            ]
        )
    elif kind == "short":
        code = (prefix or letters(rng, 1)) + digits(rng, rng.choice([4, 5, 6]))
    else:
        code = prefix + digits(rng, rng.choice([7, 8, 9]))
    return spoken_code(code, rng) if spoken else code


def spoken_code(code: str, rng: random.Random) -> str:
    """A code read aloud: letters as letters (case as recognisers write it), digits as words, a dash said or dropped."""
    lower = rng.random() < 0.75
    gap = " " if rng.random() < 0.2 else ""
    dash = rng.choice(["", "", "杠", "横杠", "杠"])
    said = ""
    for c in code:
        if c.isdigit():
            said += spoken_run(c, rng) if rng.random() < 0.9 else c
        elif c.isalpha():
            said += (c.lower() if lower else c) + gap
        elif c in "-/":
            said += dash
    return said.strip()


def model(rng: random.Random, spoken: bool) -> str:
    d, a = digits, letters
    kind = rng.randrange(12)
    power = rng.choice(["26", "32", "35", "50", "72", "120", "140"])
    tail = rng.choice("WX") if rng.random() < 0.2 else ""
    makers: list[Callable[[], str]] = [
        lambda: (
            f"KFR-{power}{rng.choice(['GW', 'LW', 'QW', 'T2W'])}/{rng.choice(['(' + d(rng, 5) + ')', a(rng, 2)])}{rng.choice(['FNhAa', 'NhAb', 'BpDN', 'N8', 'Y-PH', 'DBP', 'X1', 'WDAA'])}{rng.choice(['-A1', '-B1', '-' + a(rng, 1) + d(rng, 1), '1', ''])}"
        ),
        lambda: (
            f"{rng.choice(['BCD', 'BC', 'BD/BC', 'SC', 'LC'])}-{rng.randint(90, 650)}{rng.choice(['W', 'WD', 'WKR', 'HC', 'GE', 'PX', 'TD'])}{a(rng, rng.choice([1, 2, 3]))}{rng.choice(['', 'U1', d(rng, 2)])}"
        ),
        lambda: (
            f"{rng.choice(['XQG', 'XQB', 'XPB', 'TG', 'TD', 'MG', 'HG', 'EG'])}{rng.choice(['70', '80', '90', '100', '120'])}-{rng.choice(['', a(rng, 1)])}{d(rng, rng.choice([2, 3, 4]))}{a(rng, rng.choice([1, 2, 3]))}"
        ),
        lambda: (
            f"{rng.randint(32, 98)}{rng.choice(['E', 'A', 'Q', 'L', 'X', 'V', 'U', 'S'])}{d(rng, 1)}{rng.choice(['', a(rng, 1)])}{rng.choice(['', ' Pro', '-S', 'Plus', ' MAX'])}"
        ),
        lambda: (
            f"{rng.choice(['JSQ', 'JLG', 'L1PB', 'JSG', 'EC', 'F', 'DSZF', 'LL1GBQ'])}{rng.choice(['', '-', d(rng, 2) + '-'])}{d(rng, 2)}{rng.choice(['', 'K'])}{rng.choice(['-', ''])}{a(rng, rng.choice([1, 2]))}{d(rng, rng.choice([1, 2]))}"
        ),
        lambda: (
            f"{rng.choice(['CXW', 'JZT', 'JZY', 'ZTD', 'WQP'])}-{rng.choice(['', d(rng, 3) + '-'])}{a(rng, rng.choice([1, 2]))}{d(rng, rng.choice([2, 3, 4]))}{rng.choice(['', a(rng, 1)])}"
        ),
        lambda: (
            f"{a(rng, rng.choice([1, 2, 3]))}{d(rng, rng.choice([3, 4]))}{rng.choice(['', '', a(rng, 1), a(rng, 2), 'dn', 'dw', 'nw'])}"
        ),
        lambda: (
            f"{a(rng, rng.choice([1, 2]))}-{d(rng, rng.choice([2, 3, 4]))}{rng.choice(['', a(rng, 1), a(rng, 2)])}{rng.choice(['', '-' + d(rng, 1), '-' + a(rng, 1) + d(rng, 1), '/' + a(rng, 1)])}"
        ),
        lambda: f"{a(rng, rng.choice([2, 3]))} {d(rng, rng.choice([2, 3, 4]))}{rng.choice(['', a(rng, 1)])}",
        lambda: f"{a(rng, 1)}{d(rng, rng.choice([1, 2, 3]))}{rng.choice(['', '', 'Pro', 'S', ' Plus', '+'])}",
        lambda: (
            f"{a(rng, rng.choice([2, 3]))}-{d(rng, rng.choice([2, 3, 4]))}-{rng.choice([a(rng, 2), a(rng, 2) + d(rng, 2), d(rng, 2)])}"
        ),
        lambda: f"{a(rng, 2)}{d(rng, rng.choice([1, 2, 3]))}{a(rng, rng.choice([1, 2]))}{rng.choice(['', d(rng, 2)])}",
    ]
    code = makers[kind]() + tail
    if not spoken and rng.random() < 0.12:
        code = code.lower()
    return spoken_code(code, rng) if spoken else code


def serial(rng: random.Random, spoken: bool) -> str:
    d, a = digits, letters
    makers: list[Callable[[], str]] = [
        lambda: a(rng, 2) + "".join(rng.choice(string.digits + "ABCDEFGHKLMN") for _ in range(rng.randint(8, 14))),
        lambda: d(rng, rng.randint(10, 16)),
        lambda: f"{a(rng, rng.choice([1, 2]))}{d(rng, rng.choice([6, 8, 10]))}",
        lambda: f"{a(rng, 2)}-{d(rng, 4)}-{d(rng, 4)}",
        lambda: f"{a(rng, rng.choice([2, 3]))}-{a(rng, 2)}-{d(rng, rng.choice([3, 4]))}",
        lambda: f"{d(rng, 2)}{a(rng, 1)}{d(rng, rng.choice([6, 7]))}",
        lambda: a(rng, 1) + d(rng, 5) + a(rng, 1),
        lambda: f"{a(rng, 3)}{d(rng, 2)}-{d(rng, 4)}-{d(rng, 4)}",
        lambda: f"{d(rng, 2)}.{d(rng, 3)}.{d(rng, 3)}.{d(rng, 1)}",
        lambda: f"{d(rng, 4)}{a(rng, 2)}{d(rng, 5)}",
    ]
    code = rng.choice(makers)()
    return spoken_code(code, rng) if spoken else code


def fault_code(rng: random.Random, spoken: bool) -> str:
    code = rng.choice([*"EEEEEFFHPPCUALdbr"]) + rng.choice(
        [
            digits(rng, 1),
            digits(rng, 1),
            digits(rng, 1),
            digits(rng, 2),
            "0" + digits(rng, 1),
            digits(rng, 3),
            rng.choice("ACEFH"),
        ]
    )
    code = rng.choices(
        [
            code,
            digits(rng, 2),
            digits(rng, 3),
            f"{letters(rng, 2)}{digits(rng, 2)}",
            f"{code}-{digits(rng, 2)}",
            f"Err{digits(rng, 2)}",
            f"ERR-{digits(rng, 2)}",
            f"E-{digits(rng, 1)}",
        ],
        [20, 1.6, 0.6, 1, 0.5, 0.5, 0.3, 0.3],
    )[0]
    if spoken:
        return spoken_code(code, rng)
    return str(code).lower() if rng.random() < 0.12 else str(code)


def person(rng: random.Random, grammar: Grammar, kind: str = "name") -> str:
    def bank(name: str) -> str:
        return "".join(text for text, _ in grammar.expand(name, rng, lambda *_: ()))

    if kind == "surname":
        return bank("surname")
    if kind == "titled":
        return bank("surname") + bank("title")
    if kind == "fullname":
        return bank("foreign_name") if rng.random() < 0.05 else bank("surname") + bank("given")
    return rng.choices(
        [bank("surname") + bank("given"), bank("surname") + bank("title"), bank("nick"), bank("foreign_name")],
        [10, 8, 2.5, 1.2],
    )[0]
