"""The keys that wrap contents' keys. The first one wraps; all of them unwrap, so that a key can be changed while the program
runs: put the new one first, ``hotline seal rewrap``, take the old one out.

Where none is set, one is derived from the installation's secret: sealing works from the first start, and there is one secret
to guard and to back up. Keys of one's own are for those whose contents must be guarded apart from links and sessions, and are
needed before the secret itself is changed (``hotline seal key`` prints the derived one).
"""

from __future__ import annotations

import base64
import hashlib
import secrets as random

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import Field, SecretStr

from core import secrets, settings
from core.errors import ConfigurationError, Damaged

_VERSION = b"\x01"
_ID, _NONCE, _KEY, _TAG = 8, 12, 32, 16
WRAPPED = len(_VERSION) + _ID + _NONCE + _KEY + _TAG


class SealSettings(settings.Section, prefix="SEAL"):
    """Encryption of originals, attachments and recordings on disk."""

    content: bool = Field(True, description="Seal what is put into the blob store from now on.")
    keys: SecretStr = Field(
        SecretStr(""),
        description="32-byte keys in base64, separated by commas; the first seals, all read. "
        "Empty: derived from the secret key.",
    )


def derived() -> bytes:
    """The key that follows from the installation's secret."""
    return secrets.key("seal content")


def identity(key: bytes) -> str:
    """16 hex digits by which a wrapped key names the one that wrapped it."""
    return hashlib.sha256(b"hotline seal key\0" + key).hexdigest()[: _ID * 2]


def keys() -> list[bytes]:
    """All keys at hand, the one that wraps first. Raises ConfigurationError."""
    found = [
        _read(text.strip()) for text in settings.get(SealSettings).keys.get_secret_value().split(",") if text.strip()
    ]
    return [*found, derived()]


def wrap(key: bytes, name: str) -> bytes:
    """``key`` readable only with one of ours, and only under this name."""
    master = keys()[0]
    nonce = random.token_bytes(_NONCE)
    sealed = AESGCM(master).encrypt(nonce, key, name.encode())
    return _VERSION + bytes.fromhex(identity(master)) + nonce + sealed


def unwrap(wrapped: bytes, name: str) -> bytes:
    """Raises Damaged when it was changed or belongs to another name, ConfigurationError when its key is not at hand."""
    if len(wrapped) != WRAPPED or not wrapped.startswith(_VERSION):
        raise Damaged("A content's key is damaged.")
    wanted = wrapper_of(wrapped)
    for master in keys():
        if identity(master) == wanted:
            try:
                return AESGCM(master).decrypt(wrapped[9:21], wrapped[21:], name.encode())
            except InvalidTag:
                raise Damaged("A content's key is damaged.") from None
    raise ConfigurationError(f"HOTLINE_SEAL_KEYS does not have the key {wanted} that this content needs")


def wrapper_of(wrapped: bytes) -> str:
    """The identity of the key that wrapped it."""
    return wrapped[1 : 1 + _ID].hex()


def _read(text: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        key = b""
    if len(key) != _KEY:
        raise ConfigurationError("HOTLINE_SEAL_KEYS: a key is 32 bytes in base64 (hotline seal key --new makes one)")
    return key
