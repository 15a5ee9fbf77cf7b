"""The installation's secret key, and signatures made with it."""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from pathlib import Path

from core import settings
from core.errors import ConfigurationError


def key(purpose: str) -> bytes:
    """A 32-byte key for one purpose, derived from the installation's secret."""
    return hmac.new(_master(), purpose.encode(), hashlib.sha256).digest()


def sign(purpose: str, text: str, length: int = 20) -> str:
    """A short signature in lower-case hex; ``length`` characters of it (80 bits at 20)."""
    return hmac.new(key(purpose), text.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:length]


def check(purpose: str, text: str, signature: str) -> bool:
    """Compares in constant time. A signature shorter than 16 characters never fits, nor one that is not ASCII. Takes any
    text and never raises, for both come from strangers."""
    if len(signature) < 16 or not signature.isascii():  # compare_digest raises for such a str
        return False
    return hmac.compare_digest(sign(purpose, text, len(signature)), signature.lower())


def _master() -> bytes:
    config = settings.get(settings.CoreSettings)
    given = config.secret_key.get_secret_value()
    if given:
        return given.encode()
    path = config.data_dir / "secret.key"
    if config.on_database_server and not path.exists():
        # Other machines may work on the same database; with a key of its own each would refuse the others' links.
        raise ConfigurationError(
            "HOTLINE_SECRET_KEY must be set where HOTLINE_DATABASE_URL names a server, the same on every machine"
        )
    return _kept(path)


def _kept(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = secrets.token_bytes(32)
        scratch = path.with_name(f".{path.name}.{secrets.token_hex(8)}")  # of this thread alone
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(fresh)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(scratch, path)  # the first wins; the others read its key
        except FileExistsError:
            return path.read_bytes()
        finally:
            scratch.unlink(missing_ok=True)
        return fresh
