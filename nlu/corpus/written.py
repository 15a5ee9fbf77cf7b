"""Whole requests written and labelled by hand: ``written/*.txt``.

Records are separated by an empty line. The first line is a head, the others are the text as it would arrive, with its fields inline:

    [call repair+complaint high negative]
    喂 我家{device=热水器}{fault=点不着火}都说了三遍了 电话{phone=幺三七零零二二三三四四}

The head names channel, intents (main one first), urgency, sentiment. A line of one dot is an empty line of a mail; "#" begins a comment.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from core.errors import InvalidInput
from nlu.contract import FIELD_NAMES, INTENTS, Channel
from nlu.corpus.grammar import Piece

WRITTEN = Path(__file__).parent / "written"
_HEAD = re.compile(r"\[(\w+) ([a-z+]+) (emergency|high|normal) (negative|neutral|positive)\]")
_LABEL = re.compile(r"\{([a-z_]+)=([^{}]+)\}")


@dataclass(frozen=True, kw_only=True)
class Written:
    """One request; ``where`` is file and line of its head."""

    where: str
    channel: Channel
    intents: tuple[str, ...]
    urgency: str
    sentiment: str
    pieces: tuple[Piece, ...]


def load(paths: Iterable[Path] | None = None) -> list[Written]:
    """All records in the order of the files' names; raises InvalidInput naming file and line of the first that is wrong."""
    return [record for path in sorted(paths if paths is not None else WRITTEN.glob("*.txt")) for record in _file(path)]


def _file(path: Path) -> Iterator[Written]:
    record: list[str] = []
    begin = 1
    for number, line in enumerate([*path.read_text(encoding="utf-8").splitlines(), ""], 1):
        if line.startswith("#"):
            continue
        if line.strip():
            begin = begin if record else number
            record.append(line)
        elif record:
            yield _record(f"{path.name}:{begin}", record)
            record = []


def _record(where: str, lines: list[str]) -> Written:
    head = _HEAD.fullmatch(lines[0].strip())
    if not head or head[1] not in get_args(Channel):
        raise InvalidInput(f"{where}: expected [channel intents urgency sentiment], got {lines[0][:60]!r}")
    intents = tuple(head[2].split("+"))
    unknown = set(intents) - set(INTENTS)
    if unknown:
        raise InvalidInput(f"{where}: unknown intents {sorted(unknown)}")
    text = "\n".join("" if line.strip() == "." else line for line in lines[1:])
    if not text.strip():
        raise InvalidInput(f"{where}: a head without a text")
    return Written(
        where=where,
        channel=cast(Channel, head[1]),
        intents=intents,
        urgency=head[3],
        sentiment=head[4],
        pieces=tuple(_pieces(where, text)),
    )


def _pieces(where: str, text: str) -> Iterator[Piece]:
    at = 0
    for match in _LABEL.finditer(text):
        if match[1] not in FIELD_NAMES:
            raise InvalidInput(f"{where}: unknown field {match[1]}")
        if match.start() > at:
            yield _plain(where, text[at : match.start()]), ""
        yield match[2], match[1]
        at = match.end()
    if at < len(text):
        yield _plain(where, text[at:]), ""


def _plain(where: str, words: str) -> str:
    if "{" in words or "}" in words:
        raise InvalidInput(f"{where}: a brace that belongs to no label in {words[:40]!r}")
    return words
