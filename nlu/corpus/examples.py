"""Labelled examples in the guidelines' format, generated or read from a file."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

from core.errors import InvalidInput
from nlu.contract import FIELD_NAMES, INTENTS, Channel, Sentiment, Urgency
from nlu.corpus import grammar as grammars
from nlu.corpus.grammar import Grammar, Piece
from nlu.corpus.messages import Composed, compose
from nlu.corpus.variants import Variants
from nlu.corpus.written import Written
from nlu.values import value_of

AS_CALL = 0.25  # share of a typed request's variants that sound as read out over the telephone


@dataclass(frozen=True, kw_only=True)
class Label:
    """``value`` is "" in generated examples: training needs only the stretch."""

    name: str
    start: int
    end: int
    text: str
    value: str = ""


@dataclass(frozen=True, kw_only=True)
class Example:
    id: str
    channel: Channel
    text: str
    intents: tuple[str, ...]
    urgency: str
    sentiment: str
    fields: tuple[Label, ...]


def generate(seed: int, count: int, *, half: int | None = None) -> Iterator[Example]:
    """The same examples for the same seed, on any machine. ``half`` (0 or 1): from every other line of the banks only."""
    grammar = grammars.load()
    if half is not None:
        grammar = grammar.half(half)
    for number in range(count):
        # A generator of its own for each example: a changed bank changes few examples, and any one can be made alone.
        yield _example(f"g{seed}-{number}", compose(grammar, random.Random(f"{seed}:{number}")))  # noqa: S311 - repeatable by seed, not secret


def _example(name: str, composed: Composed) -> Example:
    text, labels = _cut(composed.pieces)
    return Example(
        id=name,
        channel=composed.channel,
        text=text,
        intents=tuple(composed.intents),
        urgency=composed.urgency,
        sentiment=composed.sentiment,
        fields=tuple(labels),
    )


def _cut(pieces: Iterable[Piece]) -> tuple[str, list[Label]]:
    text = ""
    labels: list[Label] = []
    for piece, field in pieces:
        if field:
            plain = piece.strip()
            start = len(text) + len(piece) - len(piece.lstrip())
            if plain:
                labels.append(Label(name=field, start=start, end=start + len(plain), text=plain))
        text += piece
    return text, labels


def literal(record: Written) -> Example:
    """A written request as it stands, with the values that its labels have by the guidelines."""
    text, labels = _cut(record.pieces)
    return Example(
        id=record.where,
        channel=record.channel,
        text=text,
        intents=record.intents,
        urgency=record.urgency,
        sentiment=record.sentiment,
        fields=tuple(
            Label(name=f.name, start=f.start, end=f.end, text=f.text, value=value_of(f.name, f.text)) for f in labels
        ),
    )


def vary(written: Sequence[Written], seed: int, times: int, grammar: Grammar | None = None) -> Iterator[Example]:
    """Each written request as it stands and, for ``times`` of 2 and more, ``times`` - 1 variants of it. The same for the same seed."""
    variants = Variants(written, grammar or grammars.load())
    for record in written:
        yield literal(record)
        for number in range(1, times):
            rng = random.Random(f"{seed}:{record.where}:{number}")  # noqa: S311 - repeatable by seed, not secret
            heard = variants.as_call(record, rng) if rng.random() < AS_CALL else None
            text, labels = _cut(heard or variants.make(record, rng))
            yield Example(
                id=f"{record.where}-{number}",
                channel="call" if heard else record.channel,
                text=text,
                intents=record.intents,
                urgency=record.urgency,
                sentiment=record.sentiment,
                fields=tuple(labels),
            )


def read_examples(path: Path) -> list[Example]:
    """Reads JSON lines; raises InvalidInput naming line and field of the first that is wrong."""
    examples = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    examples.append(from_json(json.loads(line)))
                except (KeyError, TypeError, ValueError) as error:
                    raise InvalidInput(f"line {number} of {path.name}: {type(error).__name__} {error}") from error
    return examples


def from_json(entry: dict[str, Any]) -> Example:
    """Raises ValueError or KeyError where the guidelines' format is not kept."""
    text = entry["text"]
    labels = []
    for label in entry["fields"]:
        if label["name"] not in FIELD_NAMES:
            raise ValueError(f"unknown field {label['name']}")
        if not 0 <= label["start"] < label["end"] <= len(text) or not label["text"].strip():
            raise ValueError(f"{label['name']} covers nothing")
        if text[label["start"] : label["end"]] != label["text"]:
            raise ValueError(f"offsets of {label['name']} do not cut out its text")
        labels.append(
            Label(
                name=label["name"],
                start=label["start"],
                end=label["end"],
                text=label["text"],
                value=label.get("value", label["text"]),
            )
        )
    if not entry["intents"] or not text.strip():
        raise ValueError("a text and at least one intent are wanted")
    if entry["urgency"] not in get_args(Urgency) or entry["sentiment"] not in get_args(Sentiment):
        raise ValueError(f"unknown urgency or sentiment: {entry['urgency']}, {entry['sentiment']}")
    unknown = set(entry["intents"]) - set(INTENTS)
    if unknown:
        raise ValueError(f"unknown intents {sorted(unknown)}")
    return Example(
        id=str(entry["id"]),
        channel=entry["channel"],
        text=text,
        intents=tuple(entry["intents"]),
        urgency=entry["urgency"],
        sentiment=entry["sentiment"],
        fields=tuple(sorted(labels, key=lambda f: f.start)),
    )


def as_json(example: Example) -> dict[str, Any]:
    return {
        "id": example.id,
        "channel": example.channel,
        "text": example.text,
        "intents": list(example.intents),
        "urgency": example.urgency,
        "sentiment": example.sentiment,
        "fields": [vars(f) for f in example.fields],
    }


def write_examples(path: Path, examples: Iterable[Example]) -> int:
    """Writes JSON lines; returns how many."""
    count = 0
    with path.open("w", encoding="utf-8") as file:
        for example in examples:
            file.write(json.dumps(as_json(example), ensure_ascii=False) + "\n")
            count += 1
    return count
