"""Wanted times as people write and say them."""

from __future__ import annotations

import random

from nlu.corpus.slots import spoken_number


def time(rng: random.Random, spoken: bool) -> str:
    week = rng.choice(["周", "星期", "礼拜"] if spoken else ["周", "周", "星期", "礼拜"])

    def num(n: int) -> str:
        return ("两" if n == 2 else spoken_number(n)) if spoken or rng.random() < 0.15 else str(n)

    def hour(low: int = 7, high: int = 21) -> str:
        h = rng.randint(low, high)
        if not spoken and rng.random() < 0.3:
            return f"{h}:{rng.choice(['00', '30', '00', '15'])}"
        return num(h if h <= 12 or rng.random() < 0.4 else h - 12) + rng.choice(
            ["点", "点", "点", "点半", "点钟", "点" if spoken else "时"]
        )

    part = rng.choice(
        [
            "上午",
            "下午",
            "上午",
            "下午",
            "早上",
            "晚上",
            "中午",
            "傍晚",
            "一大早",
            "夜里",
            "午后",
            "上半天",
            "下半天",
            "白天",
            "晌午",
        ]
    )
    day_name = week + rng.choice("一二三四五六日天")
    date = rng.choice(
        [
            f"{num(rng.randint(1, 12))}月{num(rng.randint(1, 28))}{rng.choice('号日')}",
            f"{num(rng.randint(1, 28))}号",
            f"{rng.randint(1, 12)}/{rng.randint(1, 28)}" if not spoken else f"{spoken_number(rng.randint(1, 28))}号",
            f"{rng.randint(1, 12)}.{rng.randint(1, 28)}"
            if not spoken and rng.random() < 0.3
            else f"{num(rng.randint(1, 28))}号",
            f"2026-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
            if not spoken and rng.random() < 0.5
            else f"下个月{num(rng.randint(1, 28))}号",
        ]
    )
    day = rng.choice(
        [
            rng.choice(
                [
                    "明天",
                    "后天",
                    "今天",
                    "大后天",
                    "明儿",
                    "明早",
                    "今晚",
                    "明晚",
                    "明日",
                    "后儿个",
                    "今儿",
                    "当天",
                    "今日",
                    "明儿个",
                ]
            ),
            rng.choice(["明天", "后天", "今天"]),
            rng.choice(["这", "本", "下", "下", "", ""]) + day_name,
            day_name,
            date,
            rng.choice(
                [
                    "周末",
                    "这周末",
                    "双休日",
                    "工作日",
                    "下周",
                    "本周",
                    "这周",
                    "下礼拜",
                    "月底前",
                    "这两天",
                    "这几天",
                    "国庆前",
                    "春节前",
                    "元旦后",
                    "下星期",
                    "五一前",
                    "年前",
                    "中秋前",
                    "本月底",
                    "平时",
                    "每天",
                    "周内",
                    "下个月",
                    "月初",
                    "学校放假后",
                    "节后",
                    "过完年",
                ]
            ),
        ]
    )
    if day[-1:] in "早晚":
        part = ""
    clock = rng.choice(
        [
            hour(),
            hour() + rng.choice(["以后", "之后", "左右", "以前", "之前", "前", "后", "前后", "往后", "过后"]),
            f"{num(rng.randint(8, 11))}点{rng.choice(['到', '到', '至', '-'])}{num(rng.randint(12, 18))}点{rng.choice(['', '', '之间'])}"
            if spoken or rng.random() < 0.5
            else f"{rng.randint(8, 11)}:00{rng.choice(['-', '-', '~', '至', ' - '])}{rng.randint(12, 18)}:{rng.choice(['00', '30'])}",
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
            day
            + rng.choice(["或者", "或", "和", "、", "到"])
            + rng.choice([day_name, "后天", "大后天", day_name + part]),
            rng.choice(
                [
                    "下班以后",
                    "下班前",
                    "今天下班前",
                    "天黑前",
                    "中午饭点以后",
                    "晚饭后",
                    "开门前",
                    "打烊以后",
                    "上班时间",
                    "孩子放学后",
                    "任何时间",
                    "全天",
                    "随时",
                    "每天下午",
                    "周末全天",
                    "中午休息时间",
                    "午休时间",
                    "关门以后",
                    "明天一整天",
                    "营业前",
                    "收摊以后",
                    "今天之内",
                    "工作日白天",
                    "平时晚上",
                ]
            ),
            rng.choice(
                [
                    f"{num(rng.randint(1, 4))}{rng.choice(['个小时内', '小时之内', '小时内', '天内', '天之内', '个钟头内'])}",
                    "半小时内",
                    "半天之内",
                    "24小时内" if not spoken else "二十四小时内",
                ]
            ),
            date + part + rng.choice(["", clock]),
            date
            + rng.choice(["到", "至", "-", "~"] if not spoken else ["到"])
            + f"{num(rng.randint(2, 28))}{rng.choice(['号', '日'])}",
            rng.choice(["这", "本", "下", ""])
            + week
            + rng.choice("一二三四五")
            + rng.choice(["、", "和", "或", "到", "或者"])
            + rng.choice(["", week])
            + rng.choice("二三四五六日")
            + rng.choice(["", part, part + "都行"[:0]]),
        ],
        [4, 8, 8, 4, 3, 1.5, 4, 2.5, 3, 0.8, 3, 1.5, 2],
    )[0]
