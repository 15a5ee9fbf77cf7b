"""Turns and context in, understanding out: the pipeline, then values, resolvers, requests, and what to ask next."""

from __future__ import annotations

import gc
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import spacy
from numpy.typing import NDArray

from core.errors import ConfigurationError
from nlu import asking, grouping, tidy
from nlu.contract import Context, FieldFound, Intent, Sentiment, Turn, Understanding, Urgency
from nlu.language import language_of, mostly_chinese
from nlu.location import model_path
from nlu.pipeline import address_parts, characters, classes, entities  # noqa: F401 - registers the components
from nlu.pipeline.characters import read
from nlu.pipeline.classes import Classes, Classifier
from nlu.pipeline.danger import danger_signs
from nlu.pipeline.entities import EntityTagger, Found
from nlu.quoting import readable
from nlu.resolve import Resolver
from nlu.settings import NluSettings
from nlu.text.correct import MOST, corrected
from nlu.text.hearing import FILE, Hearing
from nlu.values import value_of

INTENT_THRESHOLD = 0.5
DANGER_THRESHOLD = 0.03  # of an emergency, where the words name a danger
EMERGENCY_THRESHOLD = 0.15  # where they don't, of a text that says something: harmless ones are below .06
EMERGENCY_THRESHOLD_SHORT = 0.35  # of a few words, which say little: "不知道" is .24
SHORT = 25  # Chinese characters
HIGH_THRESHOLD = 0.5
NUMBERS = {"phone", "serial", "order", "model", "fault_code"}  # one wrong character makes another one of them
GUESSED_NUMBER = 0.5  # most confidence of a number with a correction by sound in it or at its edge
GUESSED = 0.9  # of its confidence that any other field with a correction keeps
_SAMPLE = "北京市朝阳区建国路1号空调不制冷"  # is read when the model is loaded, so that no customer waits for tables being made
_SENTIMENTS: tuple[Sentiment, ...] = ("negative", "neutral", "positive")


@contextmanager
def _whole(path: Path) -> Iterator[None]:
    """Whatever a damaged file raises becomes a ConfigurationError that names the directory."""
    try:
        yield
    except (OSError, EOFError, ValueError, TypeError, LookupError, BadZipFile, zlib.error) as error:
        raise ConfigurationError(
            "The model is damaged or of another version: install it again or train it with hotline nlu train.",
            path=str(path),
            error=f"{type(error).__name__}: {error}"[:300],
        ) from error


@contextmanager
def _uncollected() -> Iterator[None]:
    """Without garbage collection, which finds nothing while tables are made and would look through all of them again and again."""
    was = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was:
            gc.enable()


@lru_cache(maxsize=4)
def load_pipeline(path: Path) -> Any:
    """The spaCy pipeline of one directory, loaded once."""
    return spacy.load(path)


@lru_cache(maxsize=4)
def load_hearing(path: Path) -> Hearing | None:
    """The correction by sound of one directory, None where it was trained without."""
    return Hearing.load(path / FILE) if (path / FILE).exists() else None


class PipelineUnderstander:
    """The contract's ``Understander``. Thread-safe for reading; the same input gives the same output.

    Raises ConfigurationError where the model's directory is not whole.
    """

    def __init__(self, path: Path | None = None, *, resolver: Resolver | None = None) -> None:
        from core import settings

        self._limit = settings.get(NluSettings).read_limit
        found = model_path(path)
        with _whole(found), _uncollected():
            self._nlp = load_pipeline(found)
            self._hearing = load_hearing(found)
            self._resolver = resolver or Resolver()
            if "hotline_address" in self._nlp.pipe_names:
                self._resolver.parts = self._nlp.get_pipe("hotline_address").parts
                self._resolver.parts(_SAMPLE)
            self._read(_SAMPLE)
        meta = self._nlp.meta
        self.name = f"{meta['name']}-{meta['version']}"

    def _read(self, text: str) -> tuple[list[Found], NDArray[np.float32] | None]:
        """What the entity model finds and thinks of the whole; nothing of a text that is hardly Chinese, for it knows no other language."""
        if not mostly_chinese(text):
            return [], None
        # Without a Doc: one token a character costs more time than it tells, and the offsets are the same.
        tagger: EntityTagger = self._nlp.get_pipe("hotline_entities")
        return tagger.read(read(text))

    def understand(self, turns: Sequence[Turn], context: Context) -> Understanding:
        """Reads what the customer said; the agent's and the system's turns give context only."""
        fields: list[FieldFound] = []
        judged: list[tuple[Classes, str]] = []
        as_heard: list[tuple[Classes, str]] = []  # of what was corrected; a danger must not vanish by it
        corrections: list[tuple[int, int, int, str, str]] = []
        left = MOST
        for number, turn in enumerate(turns):
            if turn.speaker != "customer" or not turn.text.strip():
                continue
            said = corrected(
                self._hearing,
                readable(turn.text[: self._limit]),
                turn.words,
                turn.alternatives,
                expects=turn.expects,
                most=left,
            )
            left -= said.tried
            text = said.text
            spans, classes_ = self._judged(text, turn.expects)
            judged.append((classes_, text))
            if said.corrections:
                as_heard.append((self._judged(said.heard, turn.expects)[1], said.heard))
                corrections.extend((number, c.start, c.end, c.heard, c.meant) for c in said.corrections)
            for begin, until, name, confidence, component in spans:
                start, end = said.span(begin, until)
                changed = said.within(start, end, edges=name in NUMBERS)
                fields.append(
                    FieldFound(
                        name=name,
                        turn=number,
                        start=start,
                        end=end,
                        surface=turn.text[start:end],
                        value=value_of(name, text[begin:until]),
                        confidence=_guessed(name, confidence) if changed else confidence,
                        component=component,
                        corrections=tuple((c.start, c.end, c.heard, c.meant) for c in changed),
                    )
                )
        fields = [_doubted(f) for f in self._resolver.resolve(fields, turns, context)]
        intents = _intents([c for c, _ in judged])
        urgency, urgency_confidence = _urgency([*judged, *as_heard])
        sentiment, sentiment_confidence = _sentiment([c for c, _ in judged])
        requests = grouping.requests(fields, [i.name for i in intents], turns)
        missing, ask = asking.what_next(fields, context, [i.name for i in intents])
        everything = "\n".join(t.text[:2_000] for t in turns if t.speaker == "customer")
        return Understanding(
            intents=intents,
            urgency=urgency,
            urgency_confidence=urgency_confidence,
            sentiment=sentiment,
            sentiment_confidence=sentiment_confidence,
            requests=requests,
            missing=missing,
            ask=ask,
            summary=grouping.summary(requests, intents, urgency),
            language=language_of(everything),
            model=self.name,
            corrections=tuple(corrections),
        )

    def _judged(self, text: str, expects: str) -> tuple[list[tidy.Found], Classes]:
        """The fields of one text in order, and its classes."""
        found, scores = self._read(text)
        spans = tidy.tidy(text, found, expects=expects)
        classifier: Classifier = self._nlp.get_pipe("hotline_classes")
        return spans, classifier.classify(text, [(a, b, name) for a, b, name, _, _ in spans], scores)


def _guessed(name: str, confidence: float) -> float:
    """The confidence of a field with a correction by sound."""
    return min(confidence, GUESSED_NUMBER) if name in NUMBERS else confidence * GUESSED


def _doubted(field: FieldFound) -> FieldFound:
    """What a number with a correction by sound resolves to is no surer than the number."""
    if field.name not in NUMBERS or not field.corrections:
        return field
    candidates = tuple(replace(c, score=min(c.score, GUESSED_NUMBER)) for c in field.candidates)
    return replace(field, resolved=candidates[0] if candidates else None, candidates=candidates)


def _intents(judged: Sequence[Classes]) -> list[Intent]:
    """The main one first. Over several turns each intent counts with its strongest turn; "other" yields to any real one."""
    if not judged:
        return [Intent(name="other", probability=1.0)]
    anywhere = _strongest([c.intents for c in judged])
    main = _strongest([c.main for c in judged])
    if len(judged) > 1:
        main["other"] *= 0.5
    first = max(main, key=lambda name: main[name])
    chosen = [first] + [
        n
        for n in sorted(anywhere, key=lambda n: -anywhere[n])
        if n != first and anywhere[n] >= INTENT_THRESHOLD and n != "other"
    ]
    return [
        Intent(name=n, probability=round(max(anywhere[n], main[n]) if n == first else anywhere[n], 4)) for n in chosen
    ]


def _strongest(chances: Sequence[dict[str, float]]) -> dict[str, float]:
    """Of each name the greatest chance."""
    if len(chances) == 1:
        return chances[0]
    return {name: max(each[name] for each in chances) for name in chances[0]}


def _urgency(judged: Sequence[tuple[Classes, str]]) -> tuple[Urgency, float]:
    """The most urgent turn counts. Missing a danger costs more than asking about one, so a named danger needs little more."""
    if not judged:
        return "normal", 0.5
    for classes_, text in judged:
        chance = classes_.urgency["emergency"]
        if chance < min(DANGER_THRESHOLD, EMERGENCY_THRESHOLD):
            continue
        words = sum("\u4e00" <= c <= "\u9fff" for c in text)
        least = EMERGENCY_THRESHOLD if words >= SHORT else EMERGENCY_THRESHOLD_SHORT
        named = chance >= DANGER_THRESHOLD and bool(danger_signs(read(text).text) - {"strong"})
        if chance >= least or named:
            return "emergency", max(chance, 0.5)
    high = max(c.urgency["high"] for c, _ in judged)
    if high >= HIGH_THRESHOLD:
        return "high", max(high, 0.5)
    return "normal", min(c.urgency["normal"] for c, _ in judged)


def _sentiment(judged: Sequence[Classes]) -> tuple[Sentiment, float]:
    if not judged:
        return "neutral", 0.5
    best = _strongest([c.sentiment for c in judged])
    for name in ("negative", "positive"):
        if best[name] >= 0.5:
            return name, best[name]
    return "neutral", min(c.sentiment["neutral"] for c in judged)
