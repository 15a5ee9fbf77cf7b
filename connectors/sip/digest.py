"""Digest authentication (RFC 7616, RFC 8760): the answer to a registrar's challenge."""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass

_PART = re.compile(r'(?P<name>[A-Za-z0-9_\-]+)\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>[^\s,]+))')
_HASHES: dict[str, Callable[[bytes], str]] = {
    "sha-256": lambda data: hashlib.sha256(data).hexdigest(),
    "md5": lambda data: hashlib.md5(data, usedforsecurity=False).hexdigest(),  # what most PBXs still ask for
}


@dataclass(frozen=True, kw_only=True)
class Challenge:
    """What WWW-Authenticate or Proxy-Authenticate asks."""

    realm: str
    nonce: str
    algorithm: str = "md5"
    opaque: str = ""
    qop: bool = False
    stale: bool = False


def read_challenge(values: list[str]) -> Challenge | None:
    """The strongest of the challenges that can be answered; None if there is none."""
    found: list[Challenge] = []
    for value in values:
        scheme, _, rest = value.strip().partition(" ")
        if scheme.lower() != "digest":
            continue
        parts = {
            match["name"].lower(): re.sub(r"\\(.)", r"\1", match["quoted"])
            if match["quoted"] is not None
            else match["plain"]
            for match in _PART.finditer(rest)
        }
        algorithm = parts.get("algorithm", "md5").lower()
        if "nonce" not in parts or algorithm.removesuffix("-sess") not in _HASHES:
            continue
        options = {option.strip().lower() for option in parts.get("qop", "").split(",")}
        if "qop" in parts and "auth" not in options:
            continue
        found.append(
            Challenge(
                realm=parts.get("realm", ""),
                nonce=parts["nonce"],
                algorithm=algorithm,
                opaque=parts.get("opaque", ""),
                qop="qop" in parts,
                stale=parts.get("stale", "").lower() == "true",
            )
        )
    return max(found, key=lambda one: one.algorithm.startswith("sha"), default=None)


def authorization(
    challenge: Challenge, user: str, password: str, method: str, uri: str, count: int = 1, cnonce: str = ""
) -> str:
    """The value of Authorization; ``count`` is how often this nonce has been used."""
    digest = _HASHES[challenge.algorithm.removesuffix("-sess")]
    cnonce = cnonce or secrets.token_hex(8)
    first = digest(f"{user}:{challenge.realm}:{password}".encode())
    if challenge.algorithm.endswith("-sess"):
        first = digest(f"{first}:{challenge.nonce}:{cnonce}".encode())
    second = digest(f"{method}:{uri}".encode())
    middle = f"{challenge.nonce}:{count:08x}:{cnonce}:auth" if challenge.qop else challenge.nonce
    response = digest(f"{first}:{middle}:{second}".encode())
    parts = [
        f'username="{_quoted(user)}"',
        f'realm="{_quoted(challenge.realm)}"',
        f'nonce="{_quoted(challenge.nonce)}"',
        f'uri="{uri}"',
        f'response="{response}"',
        f"algorithm={challenge.algorithm.upper()}",
    ]
    if challenge.opaque:
        parts.append(f'opaque="{_quoted(challenge.opaque)}"')
    if challenge.qop:
        parts += ["qop=auth", f"nc={count:08x}", f'cnonce="{cnonce}"']
    return "Digest " + ", ".join(parts)


def _quoted(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"')
