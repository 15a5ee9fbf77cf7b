"""Whole requests: moves (greeting, problem, details, who, where, when, closing) in the order and manner of each channel."""

from __future__ import annotations

import random
from dataclasses import dataclass

from nlu.catalogue import Catalogue, shipped
from nlu.contract import Channel
from nlu.corpus import layouts, noise
from nlu.corpus.grammar import Grammar, Piece
from nlu.corpus.scene import Scene

_CHANNELS: tuple[Channel, ...] = ("call", "wechat", "email", "form")
_MENTIONING = {
    "chase",
    "complaint",
    "cancel",
    "reschedule",
    "refund",
    "praise",
    "return",
}  # a fault named here asks for no repair
STORIES = 0.52  # share of whole stories among what is not a form
_MIX = {
    "repair": 46, "enquiry": 9, "chase": 8, "complaint": 6, "install": 6, "maintain": 6, "reschedule": 5, "cancel": 5, "return": 4,
    "refund": 4, "other": 5, "praise": 3.5,
}  # fmt: skip


@dataclass
class Composed:
    pieces: list[Piece]
    intents: list[str]
    urgency: str
    sentiment: str
    channel: Channel


def compose(grammar: Grammar, rng: random.Random, catalogue: Catalogue | None = None) -> Composed:
    """One request with its labels."""
    catalogue = catalogue or shipped()
    channel: Channel = rng.choices(list(_CHANNELS), [46, 26, 14, 14])[0]
    if channel != "form" and rng.random() < STORIES:
        return _told(grammar, rng, catalogue, channel)
    intent = rng.choices(list(_MIX), list(_MIX.values()))[0]
    scene = Scene(grammar=grammar, catalogue=catalogue, rng=rng, channel=channel, device=rng.choice(catalogue.devices))
    intents, urgency, sentiment = (
        [intent],
        "normal",
        {"complaint": "negative", "praise": "positive"}.get(intent, "neutral"),
    )
    if intent == "repair":
        scene.emergency = rng.random() < 0.16
        urgency = "emergency" if scene.emergency else "high" if rng.random() < 0.17 else "normal"
    elif (intent in ("chase", "complaint") and rng.random() < 0.15) or (
        intent in ("enquiry", "install", "maintain", "reschedule") and rng.random() < 0.02
    ):
        urgency = "high"
    core, intents, sentiment = _core(scene, intent, intents, sentiment)
    body = [*core]
    for _ in range(rng.choices([0, 1, 2], [0.7, 0.23, 0.07])[0]):
        body.insert(rng.randint(0, len(body)), scene.say("distract"))
    if urgency == "high":
        body.append(scene.say("high"))
    if urgency == "emergency":
        for _ in range(rng.choice([0, 1, 1, 2, 2])):
            body.append(scene.say("emergency.more"))
    chance = {
        "repair": 1.0,
        "install": 0.9,
        "maintain": 0.8,
        "complaint": 0.7,
        "chase": 0.6,
        "return": 0.6,
        "refund": 0.5,
        "reschedule": 0.5,
    }.get(intent, 0.3)
    contact = _contact(scene, chance, intent)
    if channel == "form":
        pieces = layouts.form(scene, intent, body, contact)
    elif channel == "email":
        pieces = layouts.email(scene, intent, body, contact)
    else:
        pieces = layouts.talk(scene, body, contact)
    return Composed(_noise(scene, pieces), intents, urgency, sentiment, channel)


def _told(grammar: Grammar, rng: random.Random, catalogue: Catalogue, channel: Channel) -> Composed:
    """A whole hand-written story, in the manner of its channel."""
    kind = "letter." if channel == "email" and rng.random() < 0.7 else "story."
    banks = [bank for bank in grammar.banks if bank.startswith(kind)]
    weights = [len(grammar.banks[bank]) ** 0.8 for bank in banks]
    bank = rng.choices(banks, weights)[0]
    _, intents, urgency, sentiment = bank.split(".")
    scene = Scene(grammar=grammar, catalogue=catalogue, rng=rng, channel=channel, device=rng.choice(catalogue.devices))
    moves = _split(scene.say(bank)) if kind == "story." or rng.random() < 0.3 else [scene.say(bank)]
    for _ in range(rng.choices([0, 1, 2], [0.55, 0.3, 0.15])[0]):
        moves.insert(rng.randint(0, len(moves)), scene.say("distract"))
    names = {name for move in moves for _, name in move}
    contact = []
    if urgency != "normal" or rng.random() < 0.6:
        for field, bank_name in (
            ("address", "address.say"),
            ("phone", "phone.say"),
            ("contact_name", "name.say"),
            ("time", "time.say"),
        ):
            wanted = 0.25 if intents.startswith("repair") else 0.12
            if field not in names and rng.random() < wanted:
                contact.append(scene.say(bank_name))
    main = intents.split("+")[0]
    pieces = layouts.email(scene, main, moves, contact) if channel == "email" else layouts.talk(scene, moves, contact)
    return Composed(_noise(scene, pieces), intents.split("+"), urgency, sentiment, channel)


def _split(pieces: list[Piece]) -> list[list[Piece]]:
    """The clauses of a story: pieces cut at "，"."""
    moves: list[list[Piece]] = [[]]
    for text, name in pieces:
        if name:
            moves[-1].append((text, name))
            continue
        first, *rest = text.split("，")
        moves[-1].append((first, ""))
        moves.extend([[(part, "")] for part in rest])
    return [m for m in ([p for p in move if p[0]] for move in moves) if m]


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
    if intent in _MENTIONING and rng.random() < 0.3:
        moves.insert(rng.randint(0, len(moves)), say("mention"))
    if rng.random() < 0.2 and len(moves) > 1:
        rng.shuffle(moves)
    return moves, intents, sentiment


def _contact(scene: Scene, chance: float, intent: str) -> list[list[Piece]]:
    rng = scene.rng
    moves = []
    for bank, p in (
        ("address.say", 0.72),
        ("name.say", 0.6),
        ("phone.say", 0.72),
        ("time.say", 0.5 if intent != "reschedule" else 0.05),
    ):
        if rng.random() < p * chance:
            moves.append(scene.say(bank))
            if bank == "phone.say" and rng.random() < 0.02:
                moves.append(scene.say(bank))
    if rng.random() < 0.4 and len(moves) >= 2:
        rng.shuffle(moves)
    for _ in range(rng.choices([0, 1, 2], [0.62, 0.28, 0.1])[0]):
        moves.insert(rng.randint(0, len(moves)), scene.say("negative" if rng.random() < 0.5 else "distract"))
    return moves


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
