"""How a request looks in its channel: talk, mail, form."""

from __future__ import annotations

from nlu.corpus import times
from nlu.corpus.grammar import Piece
from nlu.corpus.scene import Scene


def join(moves: list[list[Piece]], glue: str = "，") -> list[Piece]:
    out: list[Piece] = []
    for move in moves:
        if out:
            out.append((glue, ""))
        out.extend(move)
    return out


def talk(scene: Scene, body: list[list[Piece]], contact: list[list[Piece]]) -> list[Piece]:
    rng, channel = scene.rng, scene.channel
    moves = [*body, *contact]
    if rng.random() < 0.22 and contact:
        moves = [contact[0], *body, *contact[1:]]
    if rng.random() < 0.05:
        rng.shuffle(moves)
    if rng.random() < (0.6 if channel == "call" else 0.35):
        moves.insert(0, scene.say(f"greet.{channel}"))
    if rng.random() < 0.4:
        moves.append(scene.say(f"close.{channel}"))
    if channel == "wechat" and rng.random() < 0.4:
        return join(moves, "\n")
    if channel == "wechat" and rng.random() < 0.3:
        return join(moves, rng.choice(["。", "，", " ", "；"]))
    return join(moves)


def email(scene: Scene, intent: str, body: list[list[Piece]], contact: list[list[Piece]]) -> list[Piece]:
    rng = scene.rng
    out: list[Piece] = []
    if rng.random() < 0.85:
        subject = scene.say(f"subject.{intent}" if rng.random() < 0.85 else "subject.other")
        out += [
            (rng.choice(["主题：", "主题:", "标题：", "Subject: ", "邮件主题：", "[主题] "]), ""),
            *subject,
            ("\n\n", ""),
        ]
    if rng.random() < 0.8:
        out += [*scene.say("greet.email"), (rng.choice(["\n\n", "\n"]), "")]
    if rng.random() < 0.2 and len(body) > 1:
        out += join([[(f"{i}{rng.choice(['、', '. ', '）'])}", ""), *m] for i, m in enumerate(body, 1)], "\n")
    else:
        for i, move in enumerate(body):
            if i:
                out.append((rng.choice(["，", "。", "。", "；", "。\n"]), ""))
            out += move
    out.append(("。", ""))
    sign: list[list[Piece]] = []
    if contact:
        if rng.random() < 0.5:
            out += [
                (rng.choice(["\n\n", "\n", ""]), ""),
                *join(contact, rng.choice(["，", "。", "\n", "；"])),
                ("。", ""),
            ]
        else:
            keys = [scene.say("form.contact") for _ in range(rng.randint(1, 4))]
            out += [("\n\n", ""), *join(keys, "\n")]
    if rng.random() < 0.6:
        out += [("\n\n", ""), *scene.say("sign.email")]
    if rng.random() < 0.75:
        signer = scene.slot(rng.choice(["fullname", "name", "fullname", "titled"]), rng)
        sign.append(signer)
        if rng.random() < 0.25:
            sign = [[*rng.choice([[(scene.text("dept") + " ", "")], [(scene.text("shop") + " ", "")]]), *signer]]
        if rng.random() < 0.3:
            sign.append(scene.slot("phone", rng))
        if rng.random() < 0.1:
            sign.append([(scene.text("dept"), "")])
        if rng.random() < 0.15:
            sign.append([(f"2026年{rng.randint(1, 12)}月{rng.randint(1, 28)}日", "")])
        out += [("\n\n", ""), *join(sign, rng.choice(["\n", "\n", " "]))]
    if rng.random() < 0.16:
        out += [(text, "") for text, _ in scene.say("quoted")]
    return out


def form(scene: Scene, intent: str, body: list[list[Piece]], contact: list[list[Piece]]) -> list[Piece]:
    rng = scene.rng
    lines: list[list[Piece]] = []
    if rng.random() < 0.75:
        lines.append(scene.say(f"form.type.{intent}"))
    structured = intent == "repair" and not scene.emergency and rng.random() < 0.7
    if structured:
        if all(name != "fault" for m in body for _, name in m) or rng.random() < 0.75:
            body = [m for m in body if not any(name == "fault" for _, name in m)]
        banks = scene.grammar.banks["form.repair"]
        chosen = sorted(rng.sample(range(len(banks)), min(len(banks), rng.randint(2, 5))))
        if rng.random() < 0.85:
            chosen = sorted({*chosen, 0, rng.choice([min(5, len(banks) - 1), min(6, len(banks) - 1)])})
        lines += [scene.line("form.repair", i) for i in chosen]
        body = body if rng.random() < 0.5 else [m for m in body if any(name for _, name in m)]
    if not structured and rng.random() < 0.4:
        lines.append(scene.line("form.repair", 0))
    for move in body:
        key = (
            rng.choice(["备注", "说明", "内容", "问题描述", "留言", "描述", "补充", "事由", "原因", "详情", ""])
            if rng.random() < 0.7
            else ""
        )
        lines.append([(key + "：", ""), *move] if key else move)
    if intent in ("chase", "cancel", "refund", "return", "reschedule", "complaint") and rng.random() < 0.5:
        lines.append(
            [
                (
                    rng.choice(["单号：", "工单号：", "订单号：", "原单号 ", "关联工单：", "订单编号：", "受理编号："]),
                    "",
                ),
                *scene.slot("order", rng),
            ]
        )
    if intent == "reschedule" and rng.random() < 0.5:
        lines.append([(rng.choice(["原时间：", "原预约：", "之前约的："]), ""), (times.time(rng, False), "")])
        lines.append(
            [(rng.choice(["新时间：", "改为：", "改到：", "希望改到：", "现改："]), ""), *scene.slot("time", rng)]
        )
    count = len(scene.grammar.banks["form.contact"])
    lines += [scene.line("form.contact", i) for i in sorted(rng.sample(range(count), rng.randint(1, count)))]
    if rng.random() < 0.3:
        lines.insert(rng.randint(1, len(lines)), scene.say("form.extra"))
    if rng.random() < 0.15:
        rng.shuffle(lines)
    colon = rng.choice(["：", "：", ":", "=", " ", "： "])
    glue = rng.choice(["\n", "\n", "\n", "\n", "；", "|", " ", "  ", "，"])
    if rng.random() < 0.12:  # values alone, no keys
        lines = [[p for p in line if p[1]] or line for line in lines]
    numbered = rng.random() < 0.1
    out: list[Piece] = []
    for i, line in enumerate(lines):
        if i:
            out.append((glue, ""))
        if numbered:
            out.append((f"{i + 1}{rng.choice(['.', '、'])}", ""))
        out += [(text.replace("：", colon) if not name else text, name) for text, name in line]
    return out
