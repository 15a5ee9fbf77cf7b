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
from nlu.corpus.addresses import Part
from nlu.corpus.written import WRITTEN
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
_MARKS = ("_", "-", ",", "，", "/", ".", "、", "*")
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
    return [(words, "poi" if name == "devzone" and not _ZONE.search(words) else name) for name, words in found]


def vary(lines: Iterable[list[Part]], seed: int, times: int) -> list[list[Part]]:
    """Each line once as it stands and ``times - 1`` times with its divisions told otherwise: completed, shortened, left out, twice."""
    out = []
    for number, parts in enumerate(lines):
        out.append(parts)
        for n in range(1, times):
            rng = random.Random(f"{seed}:line:{number}:{n}")  # noqa: S311 - repeatable by seed, not secret
            out.append(_marked(_divided(parts, rng), rng))
    return out


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
