"""A dialog as it is written down in YAML; wrong ones are refused with the place and what was expected."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import yaml

from core.errors import ConfigurationError
from nlu import FIELD_NAMES

SHIPPED = Path(__file__).parent / "scripts"
ENDPOINTINGS = ("free", "digits", "address", "yesno")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, kw_only=True)
class Question:
    """What to ask for one field. ``say`` and ``last`` are prompts; ``read_back``: prompts before and after the value."""

    field: str
    say: str
    last: str = ""
    times: int = 1
    endpointing: str = "free"
    read_back: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Script:
    """``silence`` and ``pause`` in s. ``hours``: weekday (0 Monday) to (from, to) as minutes of the day. ``hand_over`` is said
    when nobody is there to be put through to, ``through`` when somebody is; ``hand_over_after``: so many questions whose
    answers were not understood."""

    greeting: str
    greeting_known: str
    out_of_hours: str
    ask: tuple[Question, ...]
    silence: float
    pause: float
    still_there: tuple[str, int]
    not_heard: tuple[str, int]
    confirm_times: int
    emergency: str
    emergency_ask: tuple[str, ...]
    danger: tuple[str, ...]
    not_danger: tuple[str, ...]
    hand_over: str
    hand_over_words: tuple[str, ...]
    hand_over_keys: tuple[str, ...]
    hand_over_after: int
    through: str
    emergency_through: str
    goodbye: str
    silent: str
    yes: tuple[str, ...]
    no: tuple[str, ...]
    hours: Mapping[int, tuple[int, int]] = field(default_factory=dict)

    def question(self, name: str) -> Question | None:
        return next((question for question in self.ask if question.field == name), None)

    def is_open(self, now: datetime, zone: str) -> bool:
        """Whether people are there at this moment; always, where no hours are written down."""
        if not self.hours:
            return True
        local = now.astimezone(ZoneInfo(zone))
        span = self.hours.get(local.weekday())
        return span is not None and span[0] <= local.hour * 60 + local.minute < span[1]

    def is_danger(self, text: str) -> bool:
        """Whether these words call for the emergency path."""
        text = text.replace(" ", "")
        for harmless in self.not_danger:
            text = text.replace(harmless, "")
        return any(word in text for word in self.danger)

    def wants_person(self, text: str) -> bool:
        return any(word in text.replace(" ", "") for word in self.hand_over_words)

    def is_hand_over_key(self, keyed: str) -> bool:
        """The key for a person, pressed once or, by the impatient, a few times."""
        return len(keyed) <= 4 and set(keyed) <= set(self.hand_over_keys)

    @property
    def prompts(self) -> set[str]:
        """All prompts it may say."""
        said = {self.greeting, self.greeting_known, self.out_of_hours, self.emergency, self.hand_over, self.goodbye}
        said |= {self.silent, self.still_there[0], self.not_heard[0], self.through, self.emergency_through}
        for question in self.ask:
            said |= {question.say, question.last, *question.read_back}
        return said - {""}


@cache
def load_script(name: str = "") -> Script:
    """A shipped dialog by name, or a YAML file by path. Raises ConfigurationError saying what is wrong."""
    path = Path(name) if name.endswith((".yaml", ".yml")) else SHIPPED / f"{name or 'repair'}.yaml"
    try:
        content = yaml.safe_load(path.read_text("utf-8"))
    except OSError:
        raise ConfigurationError(f"there is no dialog {name}") from None
    except yaml.YAMLError as error:
        raise ConfigurationError(f"the dialog {path.name} is no YAML: {error}") from error
    try:
        return read_script(content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ConfigurationError(f"the dialog {path.name} is wrong: {type(error).__name__} {error}") from error


def read_script(content: dict[str, Any]) -> Script:
    """Raises KeyError for what is missing and ValueError for what is wrong."""
    return Script(
        greeting=str(content["greeting"]),
        greeting_known=str(content.get("greeting_known", content["greeting"])),
        out_of_hours=str(content.get("out_of_hours", content["greeting"])),
        ask=tuple(_question(each) for each in content["ask"]),
        silence=_positive(content, "silence", 7.0),
        pause=_positive(content, "pause", 1.2),
        still_there=(str(content["still_there"]["say"]), int(content["still_there"].get("times", 1))),
        not_heard=(str(content["not_heard"]["say"]), int(content["not_heard"].get("times", 1))),
        confirm_times=int(content.get("confirm_times", 2)),
        emergency=str(content["emergency"]["say"]),
        emergency_ask=tuple(content["emergency"].get("ask", ())),
        danger=_words(content, "danger"),
        not_danger=_words(content, "not_danger"),
        hand_over=str(content["hand_over"]["say"]),
        hand_over_words=tuple(content["hand_over"].get("words", ())),
        hand_over_keys=tuple(str(key) for key in content["hand_over"].get("keys", ())),
        hand_over_after=int(content["hand_over"].get("after", 0)),
        through=str(content["hand_over"].get("through", "")),
        emergency_through=str(content["emergency"].get("through", content["hand_over"].get("through", ""))),
        goodbye=str(content["goodbye"]),
        silent=str(content["silent"]),
        yes=_words(content, "yes"),
        no=_words(content, "no"),
        hours=_hours(content.get("hours") or {}),
    )


def _question(content: dict[str, Any]) -> Question:
    question = Question(**{**content, "read_back": tuple(content.get("read_back", ()))})
    if question.field not in FIELD_NAMES:
        raise ValueError(f"ask.field must be one of {', '.join(FIELD_NAMES)}, not {question.field}")
    if question.endpointing not in ENDPOINTINGS:
        raise ValueError(f"ask.endpointing must be one of {', '.join(ENDPOINTINGS)}, not {question.endpointing}")
    return question


def _positive(content: dict[str, Any], name: str, default: float) -> float:
    value = float(content.get(name, default))
    if not 0 < value < 120:
        raise ValueError(f"{name} must be more than 0 and less than 120 s, not {value}")
    return value


def _words(content: dict[str, Any], name: str) -> tuple[str, ...]:
    words = content.get(name, ())
    if not all(isinstance(word, str) for word in words):
        raise ValueError(f"{name} must be a list of words (quote yes, no, on and off)")
    return tuple(words)


def _hours(content: dict[str, str]) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for days, span in content.items():
        first, _, last = days.partition("-")
        begin, _, end = span.partition("-")
        for day in range(DAYS.index(first), DAYS.index(last or first) + 1):
            found[day] = (_minutes(begin), _minutes(end))
    return found


def _minutes(text: str) -> int:
    hours, _, minutes = text.strip().partition(":")
    value = int(hours) * 60 + int(minutes)
    if not 0 <= value <= 24 * 60:
        raise ValueError(f"{text} is no time of day")
    return value
