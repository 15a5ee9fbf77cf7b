"""SIP addresses: name-addr, URIs, Via values (RFC 3261 §20.10, §19.1, §20.42)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import unquote

_NAME_ADDR = re.compile(r'\s*(?P<name>"(?:[^"\\]|\\.)*"|[^"<]*?)\s*<\s*(?P<uri>[^<>]*?)\s*>(?P<params>.*)', re.DOTALL)
_SCHEME = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*):(?P<rest>.+)", re.DOTALL)
_HOST = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._\-]+)(?::(?P<port>\d{1,5}))?")
_VIA = re.compile(
    r"SIP\s*/\s*\d\.\d\s*/\s*(?P<transport>[A-Za-z0-9\-.!%*_+`'~]+)\s+"
    r"(?P<host>\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._\-]+)\s*(?::\s*(?P<port>\d{1,5}))?\s*(?P<params>(?:;.*)?)",
    re.IGNORECASE | re.DOTALL,
)
_PARAM = re.compile(r'\s*;\s*(?P<name>[^\s=;,"]+)(?:\s*=\s*(?P<value>"(?:[^"\\]|\\.)*"|[^\s;,"]+))?\s*')


@dataclass(frozen=True, kw_only=True)
class Uri:
    """``user`` as it was written (escapes undone); ``headers`` is what stands behind "?"."""

    scheme: str
    user: str
    host: str
    port: int | None
    params: str = ""
    headers: str = ""


@dataclass(frozen=True, kw_only=True)
class Address:
    """``Name <uri>;params``. ``bare``: the URI stood without angle brackets."""

    name: str
    uri: str
    params: dict[str, str]
    bare: bool = False

    @property
    def tag(self) -> str:
        return self.params.get("tag", "")


@dataclass(frozen=True, kw_only=True)
class Via:
    """One Via value."""

    transport: str
    host: str
    port: int | None
    params: dict[str, str]

    @property
    def branch(self) -> str:
        return self.params.get("branch", "")


def parse_uri(text: str) -> Uri:
    """Raises ValueError. For other schemes than sip, sips and tel only ``scheme`` is filled, the rest is ``user``."""
    found = _SCHEME.fullmatch(text.strip())
    if found is None or re.search(r"[\s<>]", text.strip()):
        raise ValueError("no URI")
    scheme, rest = found["scheme"].lower(), found["rest"]
    if scheme == "tel":
        number, _, params = rest.partition(";")
        return Uri(scheme=scheme, user=unquote(number), host="", port=None, params=params)
    if scheme not in ("sip", "sips"):
        return Uri(scheme=scheme, user=rest, host="", port=None)
    user, at, rest = rest.rpartition("@")
    user = user.partition(":")[0] if at else ""
    rest, _, headers = rest.partition("?")
    place, _, params = rest.partition(";")
    host = _HOST.fullmatch(place)
    if host is None or (host["port"] and not 0 < int(host["port"]) < 65536):
        raise ValueError("no host")
    return Uri(
        scheme=scheme,
        user=unquote(user),
        host=host["host"],
        port=int(host["port"]) if host["port"] else None,
        params=params,
        headers=headers,
    )


def parse_address(text: str) -> Address:
    """Raises ValueError, for an unclosed quote too."""
    found = _NAME_ADDR.fullmatch(text)
    if found is not None:
        name = found["name"].strip()
        if name.startswith('"'):
            name = re.sub(r"\\(.)", r"\1", name[1:-1])
        return Address(name=name, uri=found["uri"], params=parse_params(found["params"]))
    if any(sign in text for sign in '"<>'):
        raise ValueError("unbalanced quotes or brackets")
    uri, semicolon, params = text.strip().partition(";")
    return Address(name="", uri=uri.strip(), params=parse_params(semicolon + params), bare=True)


def parse_params(text: str) -> dict[str, str]:
    """``;name=value`` pairs, names in lower case; raises ValueError for anything else between them."""
    found: dict[str, str] = {}
    at = 0
    while at < len(text):
        match = _PARAM.match(text, at)
        if match is None:
            if text[at:].strip():
                raise ValueError("a parameter is not one")
            break
        found[match["name"].lower()] = match["value"] or ""
        at = match.end()
    return found


def parse_via(text: str, *, lenient: bool = False) -> Via:
    """Raises ValueError. ``lenient``: parameters that are none are passed over, so that the sender can be told so."""
    found = _VIA.fullmatch(text.strip())
    if found is None:
        raise ValueError("no Via")
    if lenient:
        try:
            parse_params(found["params"])
        except ValueError:
            return Via(transport=found["transport"].upper(), host=found["host"], port=None, params={})
    return Via(
        transport=found["transport"].upper(),
        host=found["host"],
        port=int(found["port"]) if found["port"] else None,
        params=parse_params(found["params"]),
    )
