"""A small grammar for hand-written material: banks of lines with choices, references and slots.

[bank]                 a bank; each following line is one of its alternatives, "#" begins a comment line
(a|b|)                 a choice, here with nothing as the third
?                      after ")" or a Chinese character: that may be left out
<bank>                 any line of another bank
{device}               a labelled field, made by the slot of that name
{~phone}               the same words without a label: a negative example
{fault=不出热水}         these very words, labelled
{phone.say}            the bank of that name, as <phone.say>
"""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

Piece = tuple[str, str]  # text, field name ("" for none)
Slot = Callable[[str, random.Random], Iterable[Piece]]

_MAYBE = re.compile(r"([\u4e00-\u9fff])\?")
_TOKEN = re.compile(r"<[a-z_.A-Z]+>|\{~?[a-z_.]+(?:=[^}]*)?\}|\(|\)\??|\||[^<{()|]+|[<{]")
BANKS = Path(__file__).parent / "banks"

Node = tuple[str, object]


class GrammarError(ValueError):
    """A bank's line cannot be read."""


@dataclass(frozen=True)
class Grammar:
    banks: dict[str, list[list[Node]]]

    def expand(self, bank: str, rng: random.Random, slot: Slot, trace: list[str] | None = None) -> list[Piece]:
        """One random line of ``bank`` as pieces; ``trace`` receives the names of the banks that were used."""
        return list(self._walk(rng.choice(self.banks[bank]), rng, slot, trace))

    def half(self, parity: int) -> Grammar:
        """The grammar with every other line of each bank (0: first, third ...; 1: second, fourth ...): material unlike the other half."""
        return Grammar(
            {
                name: [line for i, line in enumerate(lines) if i % 2 == parity] or lines
                for name, lines in self.banks.items()
            }
        )

    def expand_line(self, bank: str, number: int, rng: random.Random, slot: Slot) -> list[Piece]:
        """That very line of ``bank``, counted from 0."""
        return list(self._walk(self.banks[bank][number], rng, slot, None))

    def _walk(self, nodes: list[Node], rng: random.Random, slot: Slot, trace: list[str] | None) -> Iterator[Piece]:
        for kind, content in nodes:
            if kind == "text":
                yield str(content), ""
            elif kind == "labelled":
                name, _, words = str(content).partition("=")
                yield words, name
            elif kind == "choice":
                yield from self._walk(rng.choice(content), rng, slot, trace)  # type: ignore[arg-type]  # built by _parse
            elif kind == "bank":
                if trace is not None:
                    trace.append(str(content))
                yield from self._walk(rng.choice(self.banks[str(content)]), rng, slot, trace)
            else:
                yield from slot(str(content), rng)


def load(paths: Iterable[Path] | None = None) -> Grammar:
    """Reads all banks; raises GrammarError naming file and line."""
    banks: dict[str, list[list[Node]]] = {}
    for path in sorted(paths if paths is not None else BANKS.glob("*.txt")):
        name = ""
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if not line.strip() or line.startswith("#"):
                continue
            if line.startswith("[") and line.endswith("]") and "[" not in line[1:]:
                name = line[1:-1]
                banks.setdefault(name, [])
                continue
            if not name:
                raise GrammarError(f"{path.name}:{number}: a line before the first [bank]")
            tokens = _TOKEN.findall(_MAYBE.sub(r"(\1|)", line))
            nodes, rest = _parse(tokens, 0, f"{path.name}:{number}")
            if rest != len(tokens):
                raise GrammarError(f"{path.name}:{number}: a ) too many")
            banks[name].append(nodes)
    grammar = Grammar(banks)
    for name, lines in banks.items():
        for nodes in lines:
            for reference in _references(nodes):
                if reference not in banks:
                    raise GrammarError(f"[{name}] refers to <{reference}>, which is not there")
    return grammar


def _parse(tokens: list[str], at: int, where: str) -> tuple[list[Node], int]:
    nodes: list[Node] = []
    while at < len(tokens):
        piece = tokens[at]
        if piece == "(":
            branches: list[list[Node]] = []
            at += 1
            while True:
                branch, at = _parse(tokens, at, where)
                branches.append(branch)
                if at >= len(tokens):
                    raise GrammarError(f"{where}: a ( without its )")
                if tokens[at] == "|":
                    at += 1
                    continue
                break
            if tokens[at] == ")?":
                branches.append([])
            at += 1
            nodes.append(("choice", branches))
            continue
        if piece in (")", ")?", "|"):
            return nodes, at
        if len(piece) > 2 and piece[0] == "<":
            nodes.append(("bank", piece[1:-1]))
        elif len(piece) > 2 and piece[0] == "{":
            name = piece[1:-1]
            nodes.append(("labelled" if "=" in name else "bank" if "." in name else "slot", name))
        else:
            nodes.append(("text", piece.replace("\\n", "\n")))
        at += 1
    return nodes, at


def _references(nodes: list[Node]) -> Iterator[str]:
    for kind, content in nodes:
        if kind == "bank":
            yield str(content)
        elif kind == "choice":
            for branch in content:  # type: ignore[attr-defined]  # built by _parse
                yield from _references(branch)
