"""What goes into understanding and what comes out: plain frozen records, no spaCy here.

Offsets are characters of the turn's text as it was given (Python slicing), so that a console can highlight them and a
call's word times can lead from a field to its audio. Field names are those of ``FIELD_NAMES`` everywhere.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any, Literal, Protocol

FIELD_NAMES = (
    "contact_name",
    "phone",
    "address",
    "device",
    "brand",
    "model",
    "serial",
    "fault",
    "fault_code",
    "time",
    "order",
)
INTENTS = (
    "repair",
    "install",
    "maintain",
    "complaint",
    "enquiry",
    "chase",
    "return",
    "refund",
    "cancel",
    "reschedule",
    "praise",
    "other",
)
Urgency = Literal["emergency", "high", "normal"]
Sentiment = Literal["negative", "neutral", "positive"]
Channel = Literal["call", "wechat", "email", "form"]  # the styles of writing; every channel maps to one of them


@dataclass(frozen=True, kw_only=True)
class SpokenWord:
    """One word of a recogniser: text, start and end in ms from the start of the recording, confidence 0..1."""

    text: str
    start: int
    end: int
    confidence: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Turn:
    """One thing that was said or written.

    ``expects`` names the field that the question before this turn asked for ("" for free speech). ``alternatives`` are
    other readings of the same audio, best first. ``words`` cover ``text`` in order, where a recogniser made it.
    """

    text: str
    speaker: Literal["customer", "agent", "system"] = "customer"
    channel: Channel = "form"
    expects: str = ""
    alternatives: Sequence[str] = ()
    words: Sequence[SpokenWord] = ()


@dataclass(frozen=True, kw_only=True)
class Asset:
    """A device that the customer is known to own."""

    id: str
    device: str = ""
    brand: str = ""
    model: str = ""
    serial: str = ""


@dataclass(frozen=True, kw_only=True)
class Context:
    """What is known beside the words. ``now`` is aware. ``region`` is a GB/T 2260 code or a name, e.g. 110105 or 北京市.

    ``catalogue`` names a catalogue known to the pipeline ("" = the shipped one); ``known`` maps field names to values
    that need not be asked again; ``required`` lists the fields that the service's form wants.
    """

    now: datetime
    zone: str = "Asia/Shanghai"
    region: str = ""
    catalogue: str = ""
    assets: Sequence[Asset] = ()
    known: Mapping[str, str] = field(default_factory=dict)
    required: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Intent:
    name: str
    probability: float


@dataclass(frozen=True, kw_only=True)
class Candidate:
    """One possible meaning of a field: a catalogue entry, a completed address, a window of time. ``score`` 0..1."""

    value: str
    score: float
    details: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class FieldFound:
    """One field with its evidence.

    ``surface`` is ``turns[turn].text[start:end]``; ``value`` is the surface as the labelling guidelines normalise it;
    ``resolved`` is the best meaning and ``candidates`` the ranked others. ``details`` of ``resolved`` by field: address
    {province, city, district, street, road, ..., code}, time {start, end} (ISO 8601 with zone), phone {e164, kind},
    device {category, brand, model, asset}, fault {class, danger}. ``component`` names what found it; ``corrections`` lists
    (start, end, heard, meant) for each correction by sound.
    """

    name: str
    turn: int
    start: int
    end: int
    surface: str
    value: str
    confidence: float
    component: str
    resolved: Candidate | None = None
    candidates: Sequence[Candidate] = ()
    corrections: Sequence[tuple[int, int, str, str]] = ()


@dataclass(frozen=True, kw_only=True)
class Request:
    """One thing the customer wants: one device, its faults, where and when. Two broken devices are two requests."""

    intents: Sequence[str]
    fields: Sequence[FieldFound]
    summary: str = ""

    def best(self, name: str) -> FieldFound | None:
        """The field of that name with the highest confidence."""
        return max((f for f in self.fields if f.name == name), key=lambda f: f.confidence, default=None)


@dataclass(frozen=True, kw_only=True)
class Ask:
    """What to ask next: the field, and why ("missing", "unsure", "ambiguous") with the options to choose from."""

    field: str
    reason: Literal["missing", "unsure", "ambiguous"]
    options: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Understanding:
    """Everything that was understood. ``language`` is a BCP 47 tag guess; ``model`` names pipeline and version.

    ``corrections`` lists (turn, start, end, heard, meant) for each correction by sound of recognised words, in a field or not.
    """

    intents: Sequence[Intent]
    urgency: Urgency
    urgency_confidence: float
    sentiment: Sentiment
    sentiment_confidence: float
    requests: Sequence[Request]
    missing: Sequence[str] = ()
    ask: Ask | None = None
    summary: str = ""
    language: str = "zh"
    model: str = ""
    corrections: Sequence[tuple[int, int, int, str, str]] = ()

    @property
    def fields(self) -> list[FieldFound]:
        return [f for request in self.requests for f in request.fields]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


class Understander(Protocol):
    """Pure: the same turns and context give the same understanding."""

    def understand(self, turns: Sequence[Turn], context: Context) -> Understanding: ...
