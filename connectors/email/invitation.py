"""Calendar invitations (RFC 5545, RFC 5546) in a mail: what, when, where, as the customer's calendar wrote it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from core import text

MAX_LENGTH = 500_000
_LINE = re.compile(
    r"(?P<name>[A-Za-z-]{1,40})(?P<parameters>(?:;[^:\"]{0,200}(?:\"[^\"]{0,200}\")?[^:\"]{0,200}){0,20}):(?P<value>.*)"
)
_FIELDS = {
    "SUMMARY": "summary",
    "LOCATION": "location",
    "DTSTART": "starts",
    "DTEND": "ends",
    "ORGANIZER": "organizer",
    "UID": "uid",
}


@dataclass(frozen=True, kw_only=True)
class Invitation:
    """``starts`` and ``ends`` as written (``20261124T090000``) with their zone's name; ``method`` is REQUEST, CANCEL, REPLY …"""

    method: str = ""
    summary: str = ""
    location: str = ""
    starts: str = ""
    ends: str = ""
    zone: str = ""
    organizer: str = ""
    uid: str = ""

    def sentence(self) -> str:
        """One line an agent can read."""
        when = " – ".join(part for part in (_moment(self.starts), _moment(self.ends)) if part)
        return ", ".join(part for part in (self.summary, f"{when} {self.zone}".strip(), self.location) if part)


def read(calendar: str) -> Invitation | None:
    """The first event of a calendar; None where there is none."""
    lines = re.sub(r"\r?\n[ \t]", "", calendar[:MAX_LENGTH]).splitlines()
    found: dict[str, str] = {}
    inside = False
    for line in lines:
        match = _LINE.fullmatch(line.strip())
        if match is None:
            continue
        name, value = match["name"].upper(), match["value"]
        if name == "METHOD":
            found.setdefault("method", value.upper())
        elif name == "BEGIN" and value.upper() == "VEVENT":
            inside = True
        elif name == "END" and value.upper() == "VEVENT":
            break
        elif inside and name in _FIELDS:
            found.setdefault(_FIELDS[name], _unescape(value))
            zone = re.search(r"TZID=\"?([^\";:]+)", match["parameters"])
            if name == "DTSTART" and zone:
                found["zone"] = zone[1]
    return Invitation(**{name: text.clean(value, 500) for name, value in found.items()}) if inside else None


def _unescape(value: str) -> str:
    return (
        re.sub(r"\\([nN,;\\])", lambda match: "\n" if match[1] in "nN" else match[1], value)
        .removeprefix("mailto:")
        .removeprefix("MAILTO:")
    )


def _moment(stamp: str) -> str:
    match = re.fullmatch(r"(\d{4})(\d\d)(\d\d)(?:T(\d\d)(\d\d)\d\d(Z?))?", stamp)
    if match is None:
        return stamp
    day = f"{match[1]}-{match[2]}-{match[3]}"
    return f"{day} {match[4]}:{match[5]}{' UTC' if match[6] else ''}" if match[4] else day
