"""Address lines labelled by hand, ``written/*.lines``, and variants of them as delivery labels and customers have them.

One address a line, every character in a part: ``[city=杭州市][district=富阳区][road=戴家墩路][roadno=91号]``. "#" begins a comment.
"""

from __future__ import annotations

import random
import re
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from core.errors import InvalidInput
from nlu.corpus import grammar as grammars
from nlu.corpus.address_lines import note
from nlu.corpus.addresses import Part
from nlu.corpus.written import WRITTEN
from nlu.pipeline.lexicon import Lexicon
from nlu.places import Division, divisions, short_names
from nlu.resolve.address import AddressResolver

_NAMES = (
    "country prov city district devzone town community road subroad roadno subroadno poi subpoi houseno cellno floorno roomno person"
    " assist redundant otherinfo"
)
LABELS = frozenset(_NAMES.split())
_PART = re.compile(r"\[([a-z]+)=([^\[\]]+)\]")
# By the guideline only development zones are devzone; a works or science park is a place of interest.
_ZONE = re.compile(r"(?:开发区|高新区|经开区|经济区|新区|保税区|示范区|新城)$")
_DIVISIONS = {"province": "prov", "city": "city", "district": "district"}
_ESTATE = re.compile(r"[街里园岛苑村社院]$")  # places with houses of their own, unlike markets with stalls
_PLAIN = re.compile(r"[0-9]+号")
_JOINED = re.compile(r"[0-9A-Za-z]+(?:[-—－_/][0-9A-Za-z]+)+(?:号铺|[室号铺房户]|)")
_MARKS = ("_", "-", ",", "，", "/", ".", "、", "*")
_FULLER = 0.1  # share of the lines with divisions that name some of them before
_REWRITTEN = 0.35  # share of the lines with building and room whose numbers are written otherwise
_BRACKETS = 0.04  # share of the lines with a place in brackets
_IN_BRACKETS = ("poi", "subpoi", "person", "assist", "town")
_NOTES = 0.03  # share of the lines with a recipient or a word to the courier behind
_NO_SIGN = 0.08  # share of the house numbers that lose their 号
_DASHES = ("-", "-", "-", "-", "-", "－", "—", "/", "_", "~")
_HOUSES = ("幢", "栋", "号楼", "#", "号", "座")
_CELLS = ("单元", "单元", "门")
_BARE_NUMBER = re.compile(r"([0-9A-Za-z]{1,4})(?:幢|栋|号楼|#楼?|号|座|单元|门|室|房|)")
_TOWNS = 0.35  # share of the lines without a town that get one

_BARE = 0.12  # share of the towns that are named without their kind


def load(paths: Iterable[Path] | None = None) -> list[list[Part]]:
    """All lines in the order of the files' names; raises InvalidInput naming file and line of the first that is wrong."""
    out = []
    for path in sorted(paths if paths is not None else WRITTEN.glob("*.lines")):
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            if line.strip() and not line.startswith("#"):
                out.append(_line(f"{path.name}:{number}", line.rstrip()))
    return out


def _line(where: str, line: str) -> list[Part]:
    found = _PART.findall(line)
    if "".join(f"[{name}={words}]" for name, words in found) != line:
        raise InvalidInput(f"{where}: expected [label=words][label=words]..., got {line[:60]!r}")
    unknown = {name for name, _ in found} - LABELS
    if unknown:
        raise InvalidInput(f"{where}: unknown labels {sorted(unknown)}")
    return _settled(
        [(words, "poi" if name == "devzone" and not _ZONE.search(words) else name) for name, words in found]
    )


def _settled(parts: list[Part]) -> list[Part]:
    """The line by one convention: each division that is told again a part of its own, numbers that a dash joins each their own too."""
    out: list[Part] = []
    for words, name in parts:
        told = {label for _, label in out}
        if name == "redundant":
            out += [(piece, name) for piece in _tellings(words)]
        elif name == "roomno" and not told & {"floorno", "cellno"} and (joined := _JOINED.fullmatch(words)):
            out += _dashed(joined, "houseno" in told)
        elif (
            name == "roomno"
            and out
            and out[-1][1] in ("poi", "subpoi")
            and _ESTATE.search(out[-1][0])
            and _PLAIN.fullmatch(words)
        ):
            out.append((words, "houseno"))
        else:
            out.append((words, name))
    return out


def _tellings(words: str) -> list[str]:
    """The divisions' names of a second telling, and the marks between; other words stay together."""
    pieces: list[str] = []
    for piece in re.findall(r"[\W_]+|[^\W_]+", words):
        matches = list(_names().matches(piece))
        ends = [0, *(b for _, b, _ in matches)]
        if not piece[0].isalnum() or (ends[-1] == len(piece) and ends[:-1] == [a for a, *_ in matches]):
            pieces += [piece[a:b] for a, b, _ in matches] or [piece]
        else:
            return [words]
    return pieces


@lru_cache(maxsize=1)
def _names() -> Lexicon:
    return Lexicon(divisions().lexicon())


def _dashed(joined: re.Match[str], housed: bool) -> list[Part]:
    """12-3-1001 is building, unit and room, 12-1001 building and room, behind a building unit and room; 201-3 is one room."""
    pieces = re.split(r"([-—－_/])", joined.group())
    labels = {
        (3, False): ["houseno", "cellno", "roomno"],
        (2, False): ["houseno", "roomno"],
        (2, True): ["cellno", "roomno"],
    }
    names = labels.get((len(pieces) // 2 + 1, housed))
    if names is None or len(re.sub(r"\D", "", pieces[0])) > 2:
        return [(joined.group(), "roomno")]
    return [(piece, "redundant" if n % 2 else names[n // 2]) for n, piece in enumerate(pieces)]


def vary(lines: Iterable[list[Part]], seed: int, times: int) -> list[list[Part]]:
    """Each line once as it stands and ``times - 1`` times with its divisions told otherwise: completed, shortened, left out, twice."""
    out = []
    grammar = grammars.load()
    for number, parts in enumerate(lines):
        out.append(parts)
        for n in range(1, times):
            rng = random.Random(f"{seed}:line:{number}:{n}")  # noqa: S311 - repeatable by seed, not secret
            said = _marked(_bracketed(_numbered(_divided(parts, rng), rng), rng), rng)
            if said[-1][1] != "redundant" and rng.random() < _NOTES:
                said.append(note(grammar, rng))
            out.append(said)
    return out


def _numbered(parts: list[Part], rng: random.Random) -> list[Part]:
    """The line with its numbers written otherwise: 3幢2单元501 as 3-2-501 and back, a house number of a street without its 号."""
    parts = list(parts)
    at = next((n for n, (_, name) in enumerate(parts) if name == "houseno"), len(parts))
    for run in (["houseno", "cellno", "roomno"], ["houseno", "roomno"]):
        dashed = [name for label in run for name in ("redundant", label)][1:]
        if _labels(parts[at : at + len(run)]) == run and rng.random() < _REWRITTEN:
            parts[at : at + len(run)] = _with_dashes(parts[at : at + len(run)], rng)
        elif _labels(parts[at : at + len(dashed)]) == dashed and rng.random() < _REWRITTEN:
            parts[at : at + len(dashed)] = _with_units(parts[at : at + len(dashed)], rng)
    for n, (words, name) in enumerate(parts):
        behind = parts[n + 1] if n + 1 < len(parts) else ("", "poi")
        if name == "roadno" and _PLAIN.fullmatch(words) and behind[1] == "poi" and not behind[0][:1].isdigit():
            parts[n] = (words[:-1] if rng.random() < _NO_SIGN else words, name)
    return parts


def _labels(parts: list[Part]) -> list[str]:
    return [name for _, name in parts]


def _with_dashes(parts: list[Part], rng: random.Random) -> list[Part]:
    """Building, unit and room by their bare numbers; as they stand where one has no number."""
    bare = [_BARE_NUMBER.fullmatch(words) for words, _ in parts]
    dash = rng.choice(_DASHES)
    said: list[Part] = []
    for found, (words, name) in zip(bare, parts, strict=True):
        if found is None:
            return parts
        said += [*[(dash, "redundant")] * bool(said), (words if name == "roomno" else found[1], name)]
    return said


def _with_units(parts: list[Part], rng: random.Random) -> list[Part]:
    """What dashes join, with units; as it stands where a piece is no bare number."""
    units = {"houseno": rng.choice(_HOUSES), "cellno": rng.choice(_CELLS), "roomno": rng.choice(["", "室"])}
    if any(len(words) > 1 if name == "redundant" else not words[-1].isdigit() for words, name in parts):
        return parts
    return [(words + units[name], name) for words, name in parts if name != "redundant"]


def _bracketed(parts: list[Part], rng: random.Random) -> list[Part]:
    """Some lines with one of their places in brackets."""
    places = [
        n for n, (words, name) in enumerate(parts) if n and name in _IN_BRACKETS and not set(words) & set("()（）")
    ]
    if not places or rng.random() >= _BRACKETS:
        return parts
    n = rng.choice(places)
    opened, closed = rng.choice([("(", ")"), ("（", "）")])
    return [*parts[:n], (opened, "redundant"), parts[n], (closed, "redundant"), *parts[n + 1 :]]


@lru_cache(maxsize=1)
def _resolver() -> AddressResolver:
    return AddressResolver()


@lru_cache(maxsize=1)
def _towns() -> dict[str, list[str]]:
    towns: dict[str, list[str]] = {}
    for code, division in divisions().by_code.items():
        if division.level == "town" and 3 <= len(division.name) <= 7:
            towns.setdefault(code[:6], []).append(division.name)
    return towns


def _divided(parts: list[Part], rng: random.Random) -> list[Part]:
    """The line with its leading divisions told otherwise. Lines whose divisions are not known stay."""
    head = 0
    while head < len(parts) and parts[head][1] in ("prov", "city", "district"):
        head += 1
    found = _resolver().candidates("".join(words for words, _ in parts), "")
    if not head or not found or any(name in ("prov", "city", "district") for _, name in parts[head:]):
        return parts
    code = str(found[0].details["code"])
    chain = [
        d for d in divisions().chain(code.rstrip("0") if len(code) < 6 else code[:6]) or [] if d.level in _DIVISIONS
    ]
    if not chain or found[0].score < 0.8:
        return parts
    said = _said(chain, rng)
    rest = parts[head:]
    if rest and rest[0][1] == "town" and len(rest[0][0]) > 3 and rng.random() < _BARE:
        rest[0] = (rest[0][0].removesuffix("街道").removesuffix("镇").removesuffix("乡"), "town")
    towns = _towns().get(code[:6], [])
    if towns and not any(name in ("town", "devzone") for _, name in rest) and rng.random() < _TOWNS:
        rest = [(rng.choice(towns), "town"), *rest]
    return _twice(said, rest, rng)


def _said(chain: list[Division], rng: random.Random) -> list[Part]:
    """Province, city, district: all, or the last ones; in full or short."""
    keep = len(chain) if rng.random() < 0.6 else rng.randint(1, len(chain))
    short = rng.random() < 0.3
    said: list[Part] = []
    for division in chain[-keep:]:
        names = short_names(division.name, division.level)
        if not names:
            continue
        shortened = division.level != "district" and len(names) > 1 and (short or rng.random() < 0.1)
        said.append((rng.choice(names[1:]) if shortened else names[0], _DIVISIONS[division.level]))
    if chain[0].name.endswith("市") and keep == len(chain):  # a municipality is a city; shops' forms name it twice
        plain = said[0][0].removesuffix("市")
        said[0] = (said[0][0], "city")
        if rng.random() < 0.5:
            said = [(rng.choice([plain, plain + "市"]), "redundant"), (plain + "市", "city"), *said[1:]]
    return said


def _twice(said: list[Part], rest: list[Part], rng: random.Random) -> list[Part]:
    """Forms put the divisions before an address that has them already: the second telling is redundant."""
    roll = rng.random()
    plain = [part for part in said if part[1] != "redundant"]
    if roll >= 1 - _FULLER and len(plain) > 1:  # the second telling is the fuller one: it counts
        first = plain[: rng.randint(1, len(plain) - 1)] if rng.random() < 0.7 else plain[-1:]
        return [*((words, "redundant") for words, _ in first), *plain, *rest]
    if roll >= 0.4 or not said:
        return [*said, *rest]
    again = [(words, "redundant") for words, name in said if name != "redundant"]
    if roll < 0.1:
        again = again[-1:]
    elif roll < 0.2:
        again = again[-2:]
    elif roll < 0.25:
        again = [
            (words.removesuffix("市").removesuffix("省") if len(words) > 2 else words, name) for words, name in again
        ]
    if rest and rest[0][1] == "town" and rng.random() < 0.6:
        if rng.random() < 0.5:
            again = [*again, (rest[0][0], "redundant")]
        return [*said, rest[0], *again, *rest[1:]]
    return [*said, *again, *rest]


def _marked(parts: list[Part], rng: random.Random) -> list[Part]:
    """Some lines with a mark between their parts."""
    style = rng.random()
    chance = 0.0 if style < 0.7 else 0.2 if style < 0.9 else 0.7
    mark = rng.choice(_MARKS)
    out: list[Part] = []
    for words, name in parts:
        if out and name != "redundant" and out[-1][1] != "redundant" and rng.random() < chance:
            out.append((mark, "redundant"))
        out.append((words, name))
    return out
