"""An address to its division with GB/T 2260 code, completed upward; what is ambiguous stays as ranked candidates."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from nlu.contract import Candidate
from nlu.places import Divisions, divisions, short_names

_SKIP = " ,，、·-"
_STREETISH = re.compile(
    r"^(?:[东西南北中]?[一二三四五六七八九]?(?:路|街|大道|大街|巷|胡同|弄|桥|村|小区|花园|大厦|广场|公寓|苑|里|酒店|医院|大学|小学|中学|机场|站))"
)
_MOST = 5
_LATEST = 20  # characters before the first division


@dataclass(frozen=True)
class _Reading:
    code: str
    at: int
    weight: float


class AddressResolver:
    """Pure over the table of divisions."""

    def __init__(self, table: Divisions | None = None) -> None:
        self._table = table or divisions()
        self.candidates = lru_cache(maxsize=4_096)(self._candidates)

    def region_code(self, region: str) -> str:
        """A GB/T 2260 code for a code or a name; "" when unknown or ambiguous."""
        if region.isdigit():
            code = region.ljust(6, "0")[:6] if len(region) <= 6 else region
            for length in (9, 6, 4, 2):
                if code[:length] in self._table.by_code and set(code[length:]) <= {"0"}:
                    return code[:length]
            return ""
        codes = self._table.by_name.get(region, [])
        shortest = [c for c in codes if len(c) == min(map(len, codes))]
        return shortest[0] if len(shortest) == 1 else ""

    def _candidates(self, value: str, region: str) -> tuple[Candidate, ...]:
        """Ranked completions of ``value``; ``region`` (code or name) decides between equals."""
        near = self.region_code(region) if region else ""
        readings = self._read(value) or self._read_later(value)
        if not readings:
            if not near:
                return ()
            return (self._candidate(near, value, 0, 0.45 if len(near) >= 4 else 0.3),)
        longest = max(r.at for r in readings)
        readings = [r for r in readings if r.at >= longest - 1]
        scored: dict[str, tuple[float, int]] = {}
        for r in readings:
            score = r.weight + (0.3 * _shared(r.code, near) if near else 0.0)
            if score > scored.get(r.code, (0.0, 0))[0]:
                scored[r.code] = (score, r.at)
        # A division that contains another reading says less than it.
        kept = {
            c: v
            for c, v in scored.items()
            if not any(o != c and o.startswith(c) and scored[o][1] >= v[1] for o in scored)
        }
        ranked = sorted(kept.items(), key=lambda item: (-item[1][0], item[0]))[:_MOST]
        top = ranked[0][1][0]
        equals = sum(1 for _, (s, _) in ranked if top - s < 0.05)
        out = []
        for code, (score, at) in ranked:
            confidence = (
                (0.96 if len(code) >= 6 else 0.85)
                / (equals if top - score < 0.05 else 1)
                * (1.0 if top - score < 0.05 else 0.3)
            )
            out.append(self._candidate(code, value, at, round(min(0.99, confidence), 3)))
        return tuple(out)

    def _read_later(self, value: str) -> list[_Reading]:
        """Readings that begin behind something else (a country, a name, a label), at the first division with its full name."""
        for start in range(1, min(_LATEST, len(value))):
            for length in range(min(12, len(value) - start), 2, -1):
                codes = self._table.by_name.get(value[start : start + length], ())
                if any(self._table.by_code[c].name == value[start : start + length] and len(c) <= 6 for c in codes):
                    return self._read(value, start)
        return []

    def _again(self, code: str, value: str, at: int) -> int:
        """Where what was said goes on if a division that was named already is named once more; else ``at``."""
        for division in self._table.chain(code):
            for name in short_names(division.name, division.level):
                if value.startswith(name, at):
                    return at + len(name)
        return at

    def _read(self, value: str, start: int = 0) -> list[_Reading]:
        """All ways to read divisions from ``start``, each as deep as it goes."""
        table = self._table
        done: list[_Reading] = []
        open_readings = [_Reading("", start, 0.0)]
        for _ in range(9):
            following: list[_Reading] = []
            for r in open_readings:
                at = r.at
                while at < len(value) and value[at] in _SKIP:
                    at += 1
                grew = False
                for length in range(min(15, len(value) - at), 1, -1):
                    name = value[at : at + length]
                    codes = table.by_name.get(name)
                    if not codes:
                        continue
                    short = _STREETISH.match(value[at + length : at + length + 4]) is not None
                    for code in codes:
                        full = table.by_code[code].name == name
                        if not full and (short or (len(code) >= 6 and not r.code)):
                            continue
                        if len(code) == 9 and not r.code and len(name) < 4:
                            continue  # a bare town of two or three characters could be anywhere
                        if not r.code or (code.startswith(r.code) and len(code) > len(r.code)):
                            following.append(
                                _Reading(code, at + length, r.weight + (0.5 if full else 0.4) + 0.05 * length)
                            )
                            grew = True
                    if grew and length >= 3 and any(table.by_code[c].name == name for c in codes):
                        break
                if not grew and r.code:
                    again = self._again(r.code, value, at)
                    if again > at:
                        following.append(_Reading(r.code, again, r.weight))
                    else:
                        done.append(r)
            if not following:
                break
            open_readings = sorted(set(following), key=lambda r: -r.weight)[:200]
        else:
            done.extend(open_readings)
        return done

    def _candidate(self, code: str, value: str, at: int, score: float) -> Candidate:
        chain = self._table.chain(code)
        details: dict[str, str] = {d.level: d.name for d in chain}
        details["code"] = code.ljust(6, "0")
        rest = value[at:].lstrip(_SKIP)
        details.update(rest_parts(rest))
        if rest:
            details["rest"] = rest
        names: list[str] = []
        for division in chain:
            if not names or names[-1] != division.name:
                names.append(division.name)
        return Candidate(value="".join(names) + rest, score=score, details=details)


_REST = {
    "road": re.compile(
        r"^(?:[^0-9号]{1,12}?(?:大道|大街|路|街|巷|胡同|弄堂|公路|里弄)(?:[东西南北中]段|[一二三四五六七八九]段)?)"
    ),
    "road_number": re.compile(r"(?<=[路街道巷同弄段])(\d+(?:-\d+|之\d+)?(?:号院|号|弄))"),
    "building": re.compile(r"([甲乙丙丁东西南北]?\d+(?:号楼|栋|幢|座|#楼|#)|[A-Z]\d?(?:座|栋|区))"),
    "unit": re.compile(r"((?:\d+|[东西南北中])单元)"),
    "floor": re.compile(r"((?:负|地下)?[\d一二三四五六七八九十]+(?:楼|层)|B\d)(?![号栋])"),
    "room": re.compile(r"((?:[A-Z]\d?-?)?\d{3,4}(?:室|房|号)?|东户|西户|中户)$"),
}


def rest_parts(rest: str) -> dict[str, str]:
    """Road, house number, building, unit, floor, room of what follows the divisions, where the words say so."""
    parts = {}
    for name, pattern in _REST.items():
        match = pattern.search(rest)
        if match:
            parts[name] = match.group(match.lastindex or 0)
    return parts


def _shared(code: str, near: str) -> float:
    """How much of the region two codes share: 1 for the district, less for city and province."""
    for length, share in ((6, 1.0), (4, 0.8), (2, 0.5)):
        if len(near) >= length and code[:length] == near[:length]:
            return share
    return 0.0
