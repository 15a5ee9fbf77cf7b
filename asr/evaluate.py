"""How well is recognised what was really said? A TSV of recordings and transcripts in, error rates by group out."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from asr.contract import Engine
from asr.error_rate import ErrorRate, compare, total
from asr.transcribe import recognise_file, spoken
from core.errors import Malformed, NotFound
from core.text import clean

MOST_LINES = 1_000_000
COLUMNS = ("path", "transcript", "group")


@dataclass(frozen=True, kw_only=True)
class Sample:
    path: Path
    transcript: str
    group: str


@dataclass(frozen=True, kw_only=True)
class Judged:
    """A sample with what was heard."""

    sample: Sample
    heard: str
    errors: ErrorRate


def read_samples(tsv: Path) -> list[Sample]:
    """``path<TAB>transcript[<TAB>group]``, paths relative to the file; a first line "path transcript ..." names columns.

    Raises NotFound for a missing file or recording, Malformed with the line's number.
    """
    if not tsv.is_file():
        raise NotFound(f"there is no file {tsv}")
    try:
        lines = tsv.read_text("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise Malformed(f"{tsv.name} is not UTF-8") from error
    columns: Sequence[str] = COLUMNS
    samples: list[Sample] = []
    for number, fields in enumerate(csv.reader(lines, delimiter="\t", quoting=csv.QUOTE_NONE), 1):
        if number == 1 and {"path", "transcript"} <= set(fields):
            columns = fields
            continue
        if not any(fields):
            continue
        named = dict(zip(columns, fields, strict=False))
        if not named.get("path") or not named.get("transcript"):
            raise Malformed(f"{tsv.name}, line {number}: expected path and transcript with a tab between them")
        path = (tsv.parent / named["path"]).resolve()
        if not path.is_file():
            raise NotFound(f"{tsv.name}, line {number}: there is no recording {named['path']}")
        samples.append(Sample(path=path, transcript=clean(named["transcript"]), group=named.get("group") or "all"))
    if not samples:
        raise Malformed(f"{tsv.name} names no recording")
    return samples


def evaluate(
    engine: Engine, samples: Sequence[Sample], progress: Callable[[Judged], None] | None = None
) -> list[Judged]:
    judged = []
    for sample in samples:
        heard = spoken(" ".join(final.text for final in recognise_file(engine, sample.path)))
        one = Judged(sample=sample, heard=heard, errors=compare(sample.transcript, heard))
        judged.append(one)
        if progress is not None:
            progress(one)
    return judged


def by_group(judged: Sequence[Judged]) -> dict[str, ErrorRate]:
    """Error rates of each group in the order they came, and ``total``."""
    groups = dict.fromkeys(one.sample.group for one in judged)
    rates = {group: total(one.errors for one in judged if one.sample.group == group) for group in groups}
    return rates | {"total": total(one.errors for one in judged)}


def as_json(engine: Engine, judged: Sequence[Judged]) -> dict[str, object]:
    return {
        "model": engine.name,
        "groups": {group: _counts(rate) for group, rate in by_group(judged).items()},
        "samples": [
            {
                "path": str(one.sample.path),
                "group": one.sample.group,
                "transcript": one.sample.transcript,
                "heard": one.heard,
                **_counts(one.errors),
            }
            for one in judged
        ],
    }


def _counts(rate: ErrorRate) -> dict[str, object]:
    return {
        "cer": None if rate.rate is None else round(rate.rate, 4),
        "utterances": rate.utterances,
        "characters": rate.characters,
        "insertions": rate.insertions,
        "deletions": rate.deletions,
        "substitutions": rate.substitutions,
    }
