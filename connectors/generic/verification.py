"""Whether a request comes from whom it says: every check of the channel must hold, each compared in constant time."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import ipaddress
from collections.abc import Mapping, Sequence
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.padding import PKCS7

from connectors.generic import expression
from connectors.generic.definition import Check, Decrypt
from connectors.generic.settings import GenericSettings
from core import clock, settings
from core.errors import ConfigurationError, Forbidden, Malformed


def check(checks: Sequence[Check], scope: Mapping[str, Any], raw: bytes, address: str) -> None:
    """Raises Forbidden at the first check that does not hold."""
    for one in checks:
        _KINDS[one.kind](one, scope, raw, address)


def _secret(one: Check, scope: Mapping[str, Any]) -> str:
    secret = str(scope["secret"].get(one.secret, ""))
    if not secret:
        raise ConfigurationError(f"The channel's secret {one.secret} is not set.")
    return secret


def _given(one: Check, scope: Mapping[str, Any]) -> str:
    given = expression.text(one.given, scope)
    if one.prefix:
        if not given.lower().startswith(one.prefix.lower()):
            raise Forbidden("The signature is missing.")
        given = given[len(one.prefix) :].strip()
    return given


def _compare(found: str, expected: str) -> None:
    if not found or not hmac.compare_digest(found.encode("utf-8", "replace"), expected.encode()):
        raise Forbidden("The signature does not fit.")


def _written(one: Check, digest: bytes) -> str:
    if one.encoding == "base64":
        return base64.b64encode(digest).decode()
    return digest.hex().upper() if one.encoding == "HEX" else digest.hex()


def _content(one: Check, scope: Mapping[str, Any], raw: bytes) -> bytes:
    """What is signed, byte for byte: the body is put in as it came."""
    if one.sorted:
        return "".join(sorted(expression.fill(part, scope) for part in one.sorted)).encode("utf-8", "replace")
    pieces = one.message.split("{raw}")
    return raw.join(expression.fill(piece, scope).encode("utf-8", "replace") for piece in pieces)


def _hmac(one: Check, scope: Mapping[str, Any], raw: bytes, _: str) -> None:
    secret = _secret(one, scope)
    try:
        key = base64.b64decode(secret) if one.key == "base64" else secret.encode()
    except binascii.Error:
        raise ConfigurationError(f"The channel's secret {one.secret} is no base 64.") from None
    _compare(_given(one, scope), _written(one, hmac.new(key, _content(one, scope, raw), one.algorithm).digest()))


def _hash(one: Check, scope: Mapping[str, Any], raw: bytes, _: str) -> None:
    _secret(one, scope)
    digest = hashlib.new(one.algorithm, _content(one, scope, raw), usedforsecurity=False).digest()
    _compare(_given(one, scope), _written(one, digest))


def _token(one: Check, scope: Mapping[str, Any], _: bytes, __: str) -> None:
    _compare(_given(one, scope), _secret(one, scope))


def _basic(one: Check, scope: Mapping[str, Any], _: bytes, __: str) -> None:
    """``secret`` holds ``user:password`` (RFC 7617)."""
    expected = base64.b64encode(_secret(one, scope).encode()).decode()
    scheme, given = ([*expression.text("header.authorization", scope).split(" ", 1), ""])[:2]
    if scheme.lower() != "basic":
        raise Forbidden("User and password are needed.")
    _compare(given.strip(), expected)


def _addresses(one: Check, scope: Mapping[str, Any], _: bytes, address: str) -> None:
    networks = one.networks or str(scope["secret"].get(one.secret, "")).replace(",", " ").split()
    try:
        caller = ipaddress.ip_address(address)
    except ValueError:
        raise Forbidden("The caller's address is not known.") from None
    if not any(caller in ipaddress.ip_network(network, strict=False) for network in networks):
        raise Forbidden("The caller's address is not on the list.")


def _ed25519(one: Check, scope: Mapping[str, Any], raw: bytes, _: str) -> None:
    try:
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(_secret(one, scope)))
    except ValueError:
        raise ConfigurationError(f"The channel's secret {one.secret} is no Ed25519 key in hex.") from None
    try:
        key.verify(bytes.fromhex(_given(one, scope)), _content(one, scope, raw))
    except (ValueError, InvalidSignature):
        raise Forbidden("The signature does not fit.") from None


def _fresh(one: Check, scope: Mapping[str, Any], _: bytes, __: str) -> None:
    given = _given(one, scope)
    if not (given.isascii() and given.isdigit() and len(given) <= 16):
        raise Forbidden("The timestamp is no time.")
    seconds = int(given) / (1000 if one.unit == "ms" else 1)
    if abs(clock.now().timestamp() - seconds) > settings.get(GenericSettings).fresh_seconds:
        raise Forbidden("The timestamp is too far from our clock.")


_KINDS = {
    "hmac": _hmac,
    "hash": _hash,
    "token": _token,
    "basic": _basic,
    "addresses": _addresses,
    "ed25519": _ed25519,
    "fresh": _fresh,
}


def decrypt(how: Decrypt, body: Any, secrets: Mapping[str, str]) -> bytes | None:
    """The content of an encrypted body, None if it is not encrypted. Raises Malformed."""
    sealed = expression.text(how.path, {"body": body, "item": body})
    secret = secrets.get(how.secret, "")
    if not sealed:
        return None
    if not secret:
        raise ConfigurationError(f"The channel's secret {how.secret} is not set, but the body is encrypted.")
    try:
        content = base64.b64decode(sealed)
        key = hashlib.sha256(secret.encode()).digest()
        decryptor = Cipher(algorithms.AES(key), modes.CBC(content[:16])).decryptor()
        padded = decryptor.update(content[16:]) + decryptor.finalize()
        unpadder = PKCS7(128).unpadder()
        return unpadder.update(padded) + unpadder.finalize()
    except (ValueError, binascii.Error):
        raise Malformed("The encrypted body cannot be decrypted.") from None
