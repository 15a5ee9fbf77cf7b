"""Passwords: argon2id (RFC 9106) with the library's parameters; what is too weak is refused."""

from __future__ import annotations

import threading

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from pydantic import Field

from core import settings
from core.errors import InvalidInput


class PasswordSettings(settings.Section, prefix="PASSWORD"):
    """What a password must be."""

    min_length: int = Field(10, ge=8, description="Characters a password has at least.")
    parallel: int = Field(2, ge=1, description="Passwords checked at once by one process; each takes 64 MB.")


MAX_LENGTH = 256
_hasher = PasswordHasher()
_gate: threading.BoundedSemaphore | None = None


def hashed(password: str, login: str = "") -> str:
    """The password's hash; raises InvalidInput for one that is too short, too long or the login itself."""
    least = settings.get(PasswordSettings).min_length
    if not least <= len(password) <= MAX_LENGTH:
        raise InvalidInput(f"A password has {least} to {MAX_LENGTH} characters.", field="password")
    if len(set(password)) < 4 or (login and password.lower() == login.lower()):
        raise InvalidInput("This password is too easy to guess.", field="password")
    return _hasher.hash(password)


def fits(password: str, kept: str | None) -> bool:
    """Whether the password is the kept one. Takes as long where there is none, so that nobody learns which logins exist."""
    global _gate
    if _gate is None:
        _gate = threading.BoundedSemaphore(settings.get(PasswordSettings).parallel)
    with _gate:
        try:
            return _hasher.verify(kept or _nobody(), password[: MAX_LENGTH + 1]) and kept is not None
        except (VerificationError, InvalidHashError):
            return False


_decoy = ""


def _nobody() -> str:
    global _decoy
    if not _decoy:
        _decoy = _hasher.hash("nobody has this password")
    return _decoy
