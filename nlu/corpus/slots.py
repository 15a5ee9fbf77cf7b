"""What fills a slot: invented people, numbers, codes and times, written or as spoken."""

from __future__ import annotations

import random
import string

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
    head = rng.choice("130 131 132 133 135 136 137 138 139 150 151 152 153 155 156 157 158 159 166 170 173 175 176 177 178 180 181 182 183 184 185 186 187 188 189 191 193 195 198 199".split())
    return head + digits(rng, 8)


_AREAS = "010 020 021 022 023 024 025 027 028 029 0311 0351 0371 0411 0431 0451 0512 0531 0532 0551 0571 0574 0591 0592 0731 0755 0769 0771 0791 0851 0871 0898 0931 0951 0971 0991 0316 0335 0379 0415 0475 0536 0577 0596 0632 0716 0757 0797 0838 0917 0954".split()


def phone(rng: random.Random, spoken: bool) -> str:
    if rng.random() < (0.85 if spoken else 0.84):
        number = mobile(rng)
        if spoken:
            return _spoken_mobile(number, rng)
        return rng.choices(
            [number, f"{number[:3]} {number[3:7]} {number[7:]}", f"{number[:3]}-{number[3:7]}-{number[7:]}", f"+86 {number}", f"+86-{number}", f"{number[:3]} {number[3:]}"],
            [20, 2, 2, 0.6, 0.4, 0.5],
        )[0]
    area = rng.choice(_AREAS)
    local = rng.choice("2345678") + digits(rng, 7 if len(area) == 3 or rng.random() < 0.6 else 6)
    extension = digits(rng, rng.choice([3, 4]))
    if spoken:
        plain = spoken_run(local if rng.random() < 0.35 else area + local, rng)
        return plain + (rng.choice(["转", "转分机"]) + spoken_run(extension, rng) if rng.random() < 0.2 else "")
    if rng.random() < 0.06:
        return rng.choice(["400", "800"]) + rng.choice(["-", "", " "]) + digits(rng, 3) + rng.choice(["-", ""]) + digits(rng, 4)
    base = rng.choices([f"{area}-{local}", f"{area}{local}", f"({area}){local}", f"{area} {local}", local], [10, 2, 0.7, 1, 1.5])[0]
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
        return spoken_run(slip, rng) + rng.choice(["不对", "不是", "哦不对", "错了", "不对不对", " 不对 ", "说错了"]) + rng.choice(["", "", "是"]) + spoken_run(number, rng)
    if rng.random() < 0.03:
        tail = digits(rng, 4)
        return spoken_run(number[:7] + tail, rng) + rng.choice(["不是", "不对不是"]) + spoken_run(tail, rng) + "是" + spoken_run(number[7:], rng)
    return said


def order(rng: random.Random, spoken: bool) -> str:
    year = rng.choice(["2024", "2025", "2026", "24", "25", "26"])
    date = f"{year}{rng.randint(1, 12):02d}{rng.randint(1, 28):02d}"
    prefix = rng.choice(["", "", letters(rng, 2), letters(rng, 1), letters(rng, 2), letters(rng, 3), "JD", "TB", "GD", "WX", "BX", "FW", "SO", "HT", "NO"])
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
        code = rng.choice([f"{digits(rng, 4)}-{digits(rng, 4)}-{digits(rng, 4)}", f"{letters(rng, 2)}-{letters(rng, 1)}-{digits(rng, 5)}", f"{letters(rng, 2)}-{digits(rng, 4)}-{digits(rng, 4)}"])
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
    code = [
        lambda: f"KFR-{power}{rng.choice(['GW', 'LW', 'QW', 'T2W'])}/{rng.choice(['(' + d(rng, 5) + ')', a(rng, 2)])}{rng.choice(['FNhAa', 'NhAb', 'BpDN', 'N8', 'Y-PH', 'DBP', 'X1', 'WDAA'])}{rng.choice(['-A1', '-B1', '-' + a(rng, 1) + d(rng, 1), '1', ''])}",
        lambda: f"{rng.choice(['BCD', 'BC', 'BD/BC', 'SC', 'LC'])}-{rng.randint(90, 650)}{rng.choice(['W', 'WD', 'WKR', 'HC', 'GE', 'PX', 'TD'])}{a(rng, rng.choice([1, 2, 3]))}{rng.choice(['', 'U1', d(rng, 2)])}",
        lambda: f"{rng.choice(['XQG', 'XQB', 'XPB', 'TG', 'TD', 'MG', 'HG', 'EG'])}{rng.choice(['70', '80', '90', '100', '120'])}-{rng.choice(['', a(rng, 1)])}{d(rng, rng.choice([2, 3, 4]))}{a(rng, rng.choice([1, 2, 3]))}",
        lambda: f"{rng.randint(32, 98)}{rng.choice(['E', 'A', 'Q', 'L', 'X', 'V', 'U', 'S'])}{d(rng, 1)}{rng.choice(['', a(rng, 1)])}{rng.choice(['', ' Pro', '-S', 'Plus', ' MAX'])}",
        lambda: f"{rng.choice(['JSQ', 'JLG', 'L1PB', 'JSG', 'EC', 'F', 'DSZF', 'LL1GBQ'])}{rng.choice(['', '-', d(rng, 2) + '-'])}{d(rng, 2)}{rng.choice(['', 'K'])}{rng.choice(['-', ''])}{a(rng, rng.choice([1, 2]))}{d(rng, rng.choice([1, 2]))}",
        lambda: f"{rng.choice(['CXW', 'JZT', 'JZY', 'ZTD', 'WQP'])}-{rng.choice(['', d(rng, 3) + '-'])}{a(rng, rng.choice([1, 2]))}{d(rng, rng.choice([2, 3, 4]))}{rng.choice(['', a(rng, 1)])}",
        lambda: f"{a(rng, rng.choice([1, 2, 3]))}{d(rng, rng.choice([3, 4]))}{rng.choice(['', '', a(rng, 1), a(rng, 2), 'dn', 'dw', 'nw'])}",
        lambda: f"{a(rng, rng.choice([1, 2]))}-{d(rng, rng.choice([2, 3, 4]))}{rng.choice(['', a(rng, 1), a(rng, 2)])}{rng.choice(['', '-' + d(rng, 1), '-' + a(rng, 1) + d(rng, 1), '/' + a(rng, 1)])}",
        lambda: f"{a(rng, rng.choice([2, 3]))} {d(rng, rng.choice([2, 3, 4]))}{rng.choice(['', a(rng, 1)])}",
        lambda: f"{a(rng, 1)}{d(rng, rng.choice([1, 2, 3]))}{rng.choice(['', '', 'Pro', 'S', ' Plus', '+'])}",
        lambda: f"{a(rng, rng.choice([2, 3]))}-{d(rng, rng.choice([2, 3, 4]))}-{rng.choice([a(rng, 2), a(rng, 2) + d(rng, 2), d(rng, 2)])}",
        lambda: f"{a(rng, 2)}{d(rng, rng.choice([1, 2, 3]))}{a(rng, rng.choice([1, 2]))}{rng.choice(['', d(rng, 2)])}",
    ][kind]() + tail
    if not spoken and rng.random() < 0.12:
        code = code.lower()
    return spoken_code(code, rng) if spoken else code


def serial(rng: random.Random, spoken: bool) -> str:
    d, a = digits, letters
    code = rng.choice(
        [
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
    )()
    return spoken_code(code, rng) if spoken else code


def fault_code(rng: random.Random, spoken: bool) -> str:
    code = rng.choice([*"EEEEEFFHPPCUALdbr"]) + rng.choice(
        [digits(rng, 1), digits(rng, 1), digits(rng, 1), digits(rng, 2), "0" + digits(rng, 1), digits(rng, 3), rng.choice("ACEFH")]
    )
    code = rng.choices([code, digits(rng, 2), digits(rng, 3), f"{letters(rng, 2)}{digits(rng, 2)}", f"{code}-{digits(rng, 2)}", f"Err{digits(rng, 2)}", f"ERR-{digits(rng, 2)}", f"E-{digits(rng, 1)}"], [20, 1.6, 0.6, 1, 0.5, 0.5, 0.3, 0.3])[0]
    if spoken:
        return spoken_code(code, rng)
    return code.lower() if rng.random() < 0.12 else code


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
        [bank("surname") + bank("given"), bank("surname") + bank("title"), bank("nick"), bank("foreign_name")], [10, 8, 2.5, 1.2]
    )[0]


def time(rng: random.Random, spoken: bool) -> str:
    week = rng.choice(["周", "星期", "礼拜"] if spoken else ["周", "周", "星期", "礼拜"])

    def num(n: int) -> str:
        return (("两" if n == 2 else spoken_number(n)) if spoken or rng.random() < 0.15 else str(n))

    def hour(low: int = 7, high: int = 21) -> str:
        h = rng.randint(low, high)
        if not spoken and rng.random() < 0.3:
            return f"{h}:{rng.choice(['00', '30', '00', '15'])}"
        return num(h if h <= 12 or rng.random() < 0.4 else h - 12) + rng.choice(["点", "点", "点", "点半", "点钟", "点" if spoken else "时"])

    part = rng.choice("上午 下午 上午 下午 早上 晚上 中午 傍晚 一大早 夜里 午后 上半天 下半天 白天 晌午".split())
    day_name = week + rng.choice("一二三四五六日天")
    date = rng.choice(
        [
            f"{num(rng.randint(1, 12))}月{num(rng.randint(1, 28))}{rng.choice('号日')}",
            f"{num(rng.randint(1, 28))}号",
            f"{rng.randint(1, 12)}/{rng.randint(1, 28)}" if not spoken else f"{spoken_number(rng.randint(1, 28))}号",
            f"{rng.randint(1, 12)}.{rng.randint(1, 28)}" if not spoken and rng.random() < 0.3 else f"{num(rng.randint(1, 28))}号",
            f"2026-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}" if not spoken and rng.random() < 0.5 else f"下个月{num(rng.randint(1, 28))}号",
        ]
    )
    day = rng.choice(
        [
            rng.choice("明天 后天 今天 大后天 明儿 明早 今晚 明晚 明日 后儿个 今儿 当天 今日 明儿个".split()),
            rng.choice("明天 后天 今天".split()),
            rng.choice(["这", "本", "下", "下", "", ""]) + day_name,
            day_name,
            date,
            rng.choice("周末 这周末 双休日 工作日 下周 本周 这周 下礼拜 月底前 这两天 这几天 国庆前 春节前 元旦后 下星期 五一前 年前 中秋前 本月底 平时 每天 周内 下个月 月初 学校放假后 节后 过完年".split()),
        ]
    )
    if day[-1:] in "早晚":
        part = ""
    clock = rng.choice(
        [
            hour(),
            hour() + rng.choice(["以后", "之后", "左右", "以前", "之前", "前", "后", "前后", "往后", "过后"]),
            f"{num(rng.randint(8, 11))}点{rng.choice(['到', '到', '至', '-'])}{num(rng.randint(12, 18))}点{rng.choice(['', '', '之间'])}" if spoken or rng.random() < 0.5 else f"{rng.randint(8, 11)}:00{rng.choice(['-', '-', '~', '至', ' - '])}{rng.randint(12, 18)}:{rng.choice(['00', '30'])}",
        ]
    )
    return rng.choices(
        [
            day,
            day + part,
            day + part + clock,
            part + clock,
            clock,
            part,
            day + rng.choice(["之前", "以前", "以后", "前", "之后", "左右", "之内"]),
            day + rng.choice(["或者", "或", "和", "、", "到"]) + rng.choice([day_name, "后天", "大后天", day_name + part]),
            rng.choice("下班以后 下班前 今天下班前 天黑前 中午饭点以后 晚饭后 开门前 打烊以后 上班时间 孩子放学后 任何时间 全天 随时 每天下午 周末全天 中午休息时间 午休时间 关门以后 明天一整天 营业前 收摊以后 今天之内 工作日白天 平时晚上".split()),
            rng.choice([f"{num(rng.randint(1, 4))}{rng.choice(['个小时内', '小时之内', '小时内', '天内', '天之内', '个钟头内'])}", "半小时内", "半天之内", "24小时内" if not spoken else "二十四小时内"]),
            date + part + rng.choice(["", clock]),
            date + rng.choice(["到", "至", "-", "~"] if not spoken else ["到"]) + f"{num(rng.randint(2, 28))}{rng.choice(['号', '日'])}",
            rng.choice(["这", "本", "下", ""]) + week + rng.choice("一二三四五") + rng.choice(["、", "和", "或", "到", "或者"]) + rng.choice(["", week]) + rng.choice("二三四五六日") + rng.choice(["", part, part + "都行"[:0]]),
        ],
        [4, 8, 8, 4, 3, 1.5, 4, 2.5, 3, 0.8, 3, 1.5, 2],
    )[0]
