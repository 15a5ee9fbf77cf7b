"""An understander that is told what texts mean: the real protocol, without a trained model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from nlu import Candidate, Context, FieldFound, Intent, Request, Turn, Understanding


@dataclass
class Told:
    """``fields`` maps a phrase to (name, value); ``intents`` a phrase to an intent. What is not told is not found."""

    fields: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    intents: Mapping[str, str] = field(default_factory=dict)
    urgent: Sequence[str] = ()
    breaks_on: str = "\0"

    def understand(self, turns: Sequence[Turn], context: Context) -> Understanding:
        found: list[FieldFound] = []
        names: list[str] = []
        for number, turn in enumerate(turns):
            if self.breaks_on in turn.text:
                raise ValueError("this text breaks the pipeline")
            for phrase, (name, value) in self.fields.items():
                start = turn.text.find(phrase)
                if start >= 0:
                    found.append(_field(name, value, number, start, phrase))
            names += [intent for phrase, intent in self.intents.items() if phrase in turn.text]
        text = " ".join(turn.text for turn in turns)
        intents = list(dict.fromkeys(names)) or ["other"]
        return Understanding(
            intents=[Intent(name=name, probability=0.9) for name in intents],
            urgency="emergency" if any(word in text for word in self.urgent) else "normal",
            urgency_confidence=0.9,
            sentiment="neutral",
            sentiment_confidence=0.9,
            requests=[Request(intents=intents, fields=found)],
            summary=text[:40],
        )


def _field(name: str, value: str, turn: int, start: int, phrase: str) -> FieldFound:
    details = {"e164": f"+86{value}"} if name == "phone" else {}
    return FieldFound(
        name=name,
        turn=turn,
        start=start,
        end=start + len(phrase),
        surface=phrase,
        value=value,
        confidence=0.9,
        component="told",
        resolved=Candidate(value=value, score=0.9, details=details),
    )


def usual() -> Told:
    """What the tests' usual sentences mean."""
    return Told(
        fields={
            "空调": ("device", "空调"),
            "洗衣机": ("device", "洗衣机"),
            "不制冷": ("fault", "不制冷"),
            "漏水": ("fault", "漏水"),
            "13800138000": ("phone", "13800138000"),
            "幺三八零零幺三八零零零": ("phone", "13800138000"),
            "枫林路7号": ("address", "枫林路7号"),
        },
        intents={"不制冷": "repair", "漏水": "repair", "修": "repair", "怎么还没来": "chase", "催": "chase"},
        urgent=["煤气味"],
    )
