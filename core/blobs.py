"""Originals, recordings, photographs: content-addressed, on disk before the database speaks of them.

A reference is the SHA-256 of the content in hex. The directory may be a mount that several machines share.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol

from core import settings
from core.errors import InvalidInput, NotFound


class Blobs(Protocol):
    """A store of immutable contents."""

    def put(self, content: bytes) -> str:
        """Keeps the content durably and returns its reference."""

    def get(self, reference: str) -> bytes:
        """The content; raises NotFound."""

    def open(self, reference: str) -> BinaryIO:
        """A seekable stream of the content; raises NotFound."""

    def delete(self, reference: str) -> None:
        """Erases the content; nothing happens if there is none."""


class DirectoryBlobs:
    """Files below a directory, two levels deep."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, content: bytes) -> str:
        reference = hashlib.sha256(content).hexdigest()
        path = self._path(reference)
        if path.exists():
            return reference
        path.parent.mkdir(parents=True, exist_ok=True)
        scratch = self.root / f".{reference[:12]}.{secrets.token_hex(6)}"
        with scratch.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, path)
        for directory in (path.parent, path.parent.parent, self.root):
            _sync(directory)
        return reference

    def get(self, reference: str) -> bytes:
        with self.open(reference) as file:
            return file.read()

    def open(self, reference: str) -> BinaryIO:
        try:
            return self._path(reference).open("rb")
        except FileNotFoundError:
            raise NotFound("There is no such content.", reference=reference) from None

    def path(self, reference: str) -> Path:
        """Where the content lies, for programs that want a file; raises NotFound."""
        path = self._path(reference)
        if not path.exists():
            raise NotFound("There is no such content.", reference=reference)
        return path

    def delete(self, reference: str) -> None:
        self._path(reference).unlink(missing_ok=True)

    def __iter__(self) -> Iterator[str]:
        for path in self.root.glob("??/??/*"):
            yield path.name

    def _path(self, reference: str) -> Path:
        if len(reference) != 64 or not set(reference) <= set("0123456789abcdef"):
            raise InvalidInput("A content reference is 64 hexadecimal digits.")
        return self.root / reference[:2] / reference[2:4] / reference


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_store: DirectoryBlobs | None = None
_replacement: DirectoryBlobs | None = None


def store() -> DirectoryBlobs:
    """The installation's store, in ``data_dir/blobs``."""
    global _store
    if _replacement is not None:
        return _replacement
    root = settings.get(settings.CoreSettings).data_dir / "blobs"
    if _store is None or _store.root != root:
        _store = DirectoryBlobs(root)
    return _store


@contextlib.contextmanager
def using(replacement: DirectoryBlobs) -> Iterator[DirectoryBlobs]:
    """Replaces the store, for tests."""
    global _replacement
    before, _replacement = _replacement, replacement
    try:
        yield replacement
    finally:
        _replacement = before
