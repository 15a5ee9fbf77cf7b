"""Whole requests: moves (greeting, problem, details, who, where, when, closing) in the order and manner of each channel."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from nlu.catalogue import Catalogue, Device, shipped
from nlu.corpus import addresses, noise, slots
from nlu.corpus.grammar import Grammar, Piece

_DANGERS = {
    "lift": "danger.lift", "flame": "danger.gas", "heating": "danger.gas", "heating_water": "danger.gas", "pipe": "danger.water",
    "pump": "danger.water", "fire": "danger.gas",
}  # fmt: skip
_MIX = {
    "repair": 46, "enquiry": 9, "chase": 8, "complaint": 6, "install": 6, "maintain": 6, "reschedule": 5, "cancel": 5, "return": 4,
    "refund": 4, "other": 5, "praise": 3.5,
}  # fmt: skip


@dataclass
class Scene:
    """What one invented request is about; slots ask it."""

    grammar: Grammar
    catalogue: Catalogue
    rng: random.Random
    channel: str
    device: Device
    emergency: bool = False
    name: str = ""
    surname_spoken: bool = False
    said: dict[str, str] = field(default_factory=dict)

    @property
    def spoken(self) -> bool:
        return self.channel == "call"

    def slot(self, slot: str, rng: random.Random) -> list[Piece]:
        quiet = slot.startswith("~")
        name = slot.lstrip("~")
        label = {"surname": "contact_name", "fullname": "contact_name", "titled": "contact_name", "name": "contact_name"}.get(name, name)
        return [(self._words(name, rng), "" if quiet else label)]

    def _words(self, name: str, rng: random.Random) -> str:
        spoken = self.spoken
        if name == "device":
            word = self.said.get("device") if rng.random() < 0.7 else None
            if word is None:
                word = rng.choice(self.device.names) if rng.random() < 0.8 else self.device.name
                if rng.random() < 0.05 and self.device.group in ("lift", "escalator", "pump", "fan", "machine", "charger", "access", "barrier", "printer", "pos"):
                    n = rng.randint(1, 9)
                    count = slots.spoken_number(n) if spoken or rng.random() < 0.3 else str(n)
                    word = rng.choice([f"{count}号{word}", f"{count}号{self.device.name}", f"{count}#{word}" if not spoken else f"{count}号{word}"])
                self.said["device"] = word
            return word
        if name == "fault":
            return self._fault(rng)
        if name == "brand":
            return self.said.setdefault("brand", rng.choice(self.catalogue.brands))
        if name == "model":
            return slots.model(rng, spoken)
        if name == "serial":
            return slots.serial(rng, spoken)
        if name == "order":
            return slots.order(rng, spoken)
        if name == "phone":
            return slots.phone(rng, spoken)
        if name == "time":
            return slots.time(rng, spoken)
        if name == "address":
            return addresses.say(addresses.address(rng, self.grammar, spoken=spoken), rng, spoken=spoken)
        if name == "fault_code":
            return slots.fault_code(rng, spoken)
        if name in ("name", "surname", "fullname", "titled"):
            return slots.person(rng, self.grammar, name)
        if name == "tail":
            return slots.spoken_run(slots.digits(rng, 4), rng) if spoken else slots.digits(rng, 4)
        if name == "date":
            return f"{rng.randint(1, 12)}月{rng.randint(1, 28)}日 {rng.randint(8, 20)}:{rng.randint(10, 59)}"
        if name in ("past", "place"):
            return self.text("past" if name == "past" else "near")
        raise KeyError(name)

    def _fault(self, rng: random.Random) -> str:
        group = self.device.group
        bank = f"fault.{group}" if f"fault.{group}" in self.grammar.banks else "fault.any"
        if self.emergency and not self.said.get("danger"):
            self.said["danger"] = "1"
            return self.text(_DANGERS.get(group, "danger.elec") if rng.random() < 0.8 else "danger.elec")
        while True:
            trace: list[str] = []
            words = "".join(text for text, _ in self.grammar.expand(bank, rng, self.slot, trace))
            if not any(b.startswith("danger") for b in trace):
                return words

    def text(self, bank: str) -> str:
        return "".join(text for text, _ in self.grammar.expand(bank, self.rng, self.slot))

    def say(self, bank: str) -> list[Piece]:
        return self.grammar.expand(bank, self.rng, self.slot)

    def line(self, bank: str, number: int) -> list[Piece]:
        return self.grammar.expand_line(bank, number, self.rng, self.slot)


@dataclass
class Composed:
    pieces: list[Piece]
    intents: list[str]
    urgency: str
    sentiment: str
    channel: str


def compose(grammar: Grammar, rng: random.Random, catalogue: Catalogue | None = None) -> Composed:
    """One request with its labels."""
    catalogue = catalogue or shipped()
    channel = rng.choices(["call", "wechat", "email", "form"], [46, 26, 14, 14])[0]
    intent = rng.choices(list(_MIX), list(_MIX.values()))[0]
    scene = Scene(grammar=grammar, catalogue=catalogue, rng=rng, channel=channel, device=rng.choice(catalogue.devices))
    intents, urgency, sentiment = [intent], "normal", {"complaint": "negative", "praise": "positive"}.get(intent, "neutral")
    if intent == "repair":
        scene.emergency = rng.random() < 0.16
        urgency = "emergency" if scene.emergency else "high" if rng.random() < 0.17 else "normal"
    elif intent in ("chase", "complaint") and rng.random() < 0.15:
        urgency = "high"
    elif intent in ("enquiry", "install", "maintain", "reschedule") and rng.random() < 0.02:
        urgency = "high"
    core, intents, sentiment = _core(scene, intent, intents, sentiment)
    body = [*core]
    if urgency == "high":
        body.append(scene.say("high"))
    if urgency == "emergency":
        for _ in range(rng.choice([0, 1, 1, 2, 2])):
            body.append(scene.say("emergency.more"))
    chance = {"repair": 1.0, "install": 0.9, "maintain": 0.8, "complaint": 0.7, "chase": 0.6, "return": 0.6, "refund": 0.5, "reschedule": 0.5}.get(intent, 0.3)
    contact = _contact(scene, chance, intent)
    if channel == "form":
        pieces = _form(scene, intent, body, contact)
    elif channel == "email":
        pieces = _email(scene, intent, body, contact)
    else:
        pieces = _talk(scene, body, contact)
    return Composed(_noise(scene, pieces), intents, urgency, sentiment, channel)


def _core(scene: Scene, intent: str, intents: list[str], sentiment: str) -> tuple[list[list[Piece]], list[str], str]:
    rng, say = scene.rng, scene.say
    moves: list[list[Piece]] = []
    if intent == "repair":
        moves.append(say("repair.core"))
        extras = ["more"] * 2 + ["brand.say"] * 4 + ["age"] * 2 + ["tried"] * 2 + ["effect"] * 2
        for bank in rng.sample(extras, rng.choice([0, 1, 1, 2, 2, 3])):
            moves.append(say(bank))
        if rng.random() < 0.08 and not scene.emergency:
            before, scene.device = scene.device, rng.choice(scene.catalogue.devices)
            scene.said.pop("device", None)
            moves.append(say("repair.second"))
            scene.device = before
            scene.said.pop("device", None)
        if rng.random() < 0.25 and len(moves) > 1:
            head, *rest = moves
            rng.shuffle(rest)
            moves = [rest[0], head, *rest[1:]] if rng.random() < 0.4 else [head, *rest]
        roll = rng.random()
        if roll < 0.45:
            moves.append(say("request.repair"))
        elif roll < 0.51 and not scene.emergency:
            moves.append(say("complaint.tail"))
            return moves, ["repair", "complaint"], "negative"
        elif roll < 0.57 and not scene.emergency:
            moves.append(say("enquiry.tail"))
            return moves, ["repair", "enquiry"] if rng.random() < 0.4 else ["enquiry", "repair"], sentiment
        return moves, intents, sentiment
    moves.append(say(f"{intent}.core"))
    roll = rng.random()
    if intent == "chase":
        if roll < 0.3:
            moves.append(say("complaint.tail"))
            intents, sentiment = ["chase", "complaint"], "negative"
        elif roll < 0.45:
            moves.append(say("repair.core"))
            intents = ["chase", "repair"]
        elif roll < 0.6:
            moves.append(say("chase.core"))
        if rng.random() < 0.3:
            moves.append(say("order.say"))
    elif intent == "complaint":
        if roll < 0.35:
            moves.append(say("complaint.core"))
        if roll < 0.25 or 0.35 <= roll < 0.6:
            moves.append(say("complaint.tail"))
        if rng.random() < 0.2:
            moves.insert(rng.randint(0, 1), say("repair.core"))
            intents = ["complaint", "repair"] if rng.random() < 0.6 else intents
        if rng.random() < 0.3:
            moves.append(say("order.say"))
    elif intent == "enquiry":
        if roll < 0.3:
            moves.append(say("enquiry.tail"))
        if 0.3 <= roll < 0.45:
            moves.append(say("enquiry.core"))
        if rng.random() < 0.12:
            other = rng.choice(["install", "maintain"])
            moves.append(say(f"{other}.core"))
            intents = ["enquiry", other]
        elif rng.random() < 0.2:
            moves.append(say("brand.say"))
    elif intent in ("install", "maintain"):
        if roll < 0.12:
            moves.append(say("enquiry.tail"))
            intents = [intent, "enquiry"]
        if rng.random() < 0.3:
            moves.append(say("brand.say"))
        if rng.random() < 0.2:
            moves.append(say("order.say"))
        if intent == "maintain" and rng.random() < 0.08:
            moves.append(say("repair.second"))
            intents = [*intents, "repair"]
    elif intent in ("return", "refund", "cancel", "reschedule"):
        if rng.random() < 0.4:
            moves.append(say("order.say"))
        if intent in ("return", "refund") and roll < 0.35:
            moves.append(say("complaint.tail"))
            sentiment = "negative"
            if intent == "refund" or rng.random() < 0.4:
                intents = [intent, "complaint"]
        elif intent == "cancel" and roll < 0.15:
            moves.append(say("refund.core"))
            intents = ["cancel", "refund"]
        elif intent == "refund" and roll < 0.45:
            moves.append(say("cancel.core"))
            intents = ["refund", "cancel"]
        elif intent == "reschedule" and roll < 0.2:
            moves.append(say("effect") if rng.random() < 0.3 else say("repair.core"))
    elif intent == "praise" and roll < 0.5:
        moves.append(say("praise.core"))
    elif intent == "other" and roll < 0.06:
        moves.append(say("praise.core"))
        intents, sentiment = ["other", "praise"], "positive"
    if rng.random() < 0.2 and len(moves) > 1:
        rng.shuffle(moves)
    return moves, intents, sentiment


def _contact(scene: Scene, chance: float, intent: str) -> list[list[Piece]]:
    rng = scene.rng
    moves = []
    for bank, p in (("address.say", 0.72), ("name.say", 0.6), ("phone.say", 0.72), ("time.say", 0.36 if intent != "reschedule" else 0.05)):
        if rng.random() < p * chance:
            moves.append(scene.say(bank))
            if bank == "phone.say" and rng.random() < 0.02:
                moves.append(scene.say(bank))
    if rng.random() < 0.4 and len(moves) >= 2:
        rng.shuffle(moves)
    for _ in range(rng.choices([0, 1, 2], [0.62, 0.28, 0.1])[0]):
        moves.insert(rng.randint(0, len(moves)), scene.say("negative"))
    return moves


_COMMA: Piece = ("，", "")


def _join(moves: list[list[Piece]], glue: str = "，") -> list[Piece]:
    out: list[Piece] = []
    for move in moves:
        if out:
            out.append((glue, ""))
        out.extend(move)
    return out


def _talk(scene: Scene, body: list[list[Piece]], contact: list[list[Piece]]) -> list[Piece]:
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
        return _join(moves, "\n")
    if channel == "wechat" and rng.random() < 0.3:
        return _join(moves, rng.choice(["。", "，", " ", "；"]))
    return _join(moves)


def _email(scene: Scene, intent: str, body: list[list[Piece]], contact: list[list[Piece]]) -> list[Piece]:
    rng = scene.rng
    out: list[Piece] = []
    if rng.random() < 0.85:
        subject = scene.say(f"subject.{intent}" if rng.random() < 0.85 else "subject.other")
        out += [(rng.choice(["主题：", "主题:", "标题：", "Subject: ", "邮件主题：", "[主题] "]), ""), *subject, ("\n\n", "")]
    if rng.random() < 0.8:
        out += [*scene.say("greet.email"), (rng.choice(["\n\n", "\n"]), "")]
    if rng.random() < 0.2 and len(body) > 1:
        out += _join([[(f"{i}{rng.choice(['、', '. ', '）'])}", ""), *m] for i, m in enumerate(body, 1)], "\n")
    else:
        for i, move in enumerate(body):
            if i:
                out.append((rng.choice(["，", "。", "。", "；", "。\n"]), ""))
            out += move
    out.append(("。", ""))
    sign: list[list[Piece]] = []
    if contact:
        if rng.random() < 0.5:
            out += [(rng.choice(["\n\n", "\n", ""]), ""), *_join(contact, rng.choice(["，", "。", "\n", "；"])), ("。", "")]
        else:
            keys = [scene.say("form.contact") for _ in range(rng.randint(1, 4))]
            out += [("\n\n", ""), *_join(keys, "\n")]
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
        out += [("\n\n", ""), *_join(sign, rng.choice(["\n", "\n", " "]))]
    if rng.random() < 0.16:
        out += [(text, "") for text, _ in scene.say("quoted")]
    return out


def _form(scene: Scene, intent: str, body: list[list[Piece]], contact: list[list[Piece]]) -> list[Piece]:
    rng = scene.rng
    lines: list[list[Piece]] = []
    if rng.random() < 0.75:
        lines.append(scene.say(f"form.type.{intent}"))
    structured = intent == "repair" and not scene.emergency and rng.random() < 0.7
    if structured:
        if all(name != "fault" for m in body for _, name in m) or rng.random() < 0.75:
            body = [m for m in body if not any(name == "fault" for _, name in m)]
        banks = scene.grammar.banks["form.repair"]
        chosen = sorted(rng.sample(range(len(banks)), rng.randint(2, 5)))
        if rng.random() < 0.85:
            chosen = sorted({*chosen, 0, rng.choice([5, 6])})
        lines += [scene.line("form.repair", i) for i in chosen]
        body = body if rng.random() < 0.5 else [m for m in body if any(name for _, name in m)]
    if not structured and rng.random() < 0.4:
        lines.append(scene.line("form.repair", 0))
    for move in body:
        key = rng.choice(["备注", "说明", "内容", "问题描述", "留言", "描述", "补充", "事由", "原因", "详情", ""]) if rng.random() < 0.7 else ""
        lines.append([(key + "：", ""), *move] if key else move)
    if intent in ("chase", "cancel", "refund", "return", "reschedule", "complaint") and rng.random() < 0.5:
        lines.append([(rng.choice(["单号：", "工单号：", "订单号：", "原单号 ", "关联工单：", "订单编号：", "受理编号："]), ""), *scene.slot("order", rng)])
    if intent == "reschedule" and rng.random() < 0.5:
        lines.append([(rng.choice(["原时间：", "原预约：", "之前约的："]), ""), (slots.time(rng, False), "")])
        lines.append([(rng.choice(["新时间：", "改为：", "改到：", "希望改到：", "现改："]), ""), *scene.slot("time", rng)])
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


def _noise(scene: Scene, pieces: list[Piece]) -> list[Piece]:
    rng, channel = scene.rng, scene.channel
    if channel == "call":
        if rng.random() < 0.6:
            pieces = noise.hesitate(pieces, rng)
        if rng.random() < 0.55:
            pieces = noise.mishear(pieces, rng, rng.choice([0.01, 0.03, 0.06]))
        return noise.unpunctuated(pieces, rng)
    if channel == "wechat":
        pieces = noise.chatty(pieces, rng)
        return noise.typo(pieces, rng, 0.012 if rng.random() < 0.3 else 0.0)
    return pieces
