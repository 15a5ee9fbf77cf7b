"""Originals, recordings, photographs: content-addressed, on disk before the database speaks of them, sealed.

A reference is the SHA-256 of the content in hex. Beside each sealed content lies its key (``REFERENCE.key``), wrapped by the
installation's (``core.keyring``): whoever has one file has nothing, and a key that is erased takes its content with it, from
every copy that was made of the contents alone. The directory may be a mount that several machines share.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import io
import os
import re
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Protocol, cast

from core import keyring, settings
from core.errors import Damaged, InvalidInput, NotFound
from core.sealing import HEADER, MAGIC, SealedReader, SealedWriter, header_of, new_key

PIECE = 1 << 16
KEY = ".key"
_SCRATCH = re.compile(r"\.[0-9a-f]{24}")


class Blobs(Protocol):
    """A store of immutable contents."""

    def put(self, content: bytes) -> str:
        """Keeps the content durably and returns its reference."""

    def get(self, reference: str) -> bytes:
        """The content; raises NotFound, and Damaged if it was changed."""

    def open(self, reference: str) -> BinaryIO:
        """A seekable stream of the content; raises like ``get``."""

    def delete(self, reference: str) -> None:
        """Erases the content; nothing happens if there is none."""


class Draft:
    """A content that is being written; ``reference`` is known once its block has ended without an error."""

    def __init__(self, file: io.RawIOBase) -> None:
        self.file = file
        self.reference = ""


class DirectoryBlobs:
    """Files below a directory, two levels deep."""

    def __init__(self, root: Path) -> None:
        self.root = root
        root.mkdir(parents=True, exist_ok=True, mode=0o700)

    def put(self, content: bytes) -> str:
        reference = hashlib.sha256(content).hexdigest()
        if not self._known(reference):
            # A content that looks like a sealed one is sealed in any case, or it would be taken for one.
            with self.create(reference, sealed=content.startswith(MAGIC) or None) as draft:
                draft.file.write(content)
        return reference

    @contextlib.contextmanager
    def create(self, reference: str = "", *, sealed: bool | None = None) -> Iterator[Draft]:
        """A file to write a content into that need not fit into memory: at its end, or over its first 64 KiB. It is kept
        when the block ends; an error forgets it."""
        key = new_key() if (_sealing() if sealed is None else sealed) else b""
        scratch = self._scratch()
        try:
            with scratch.open("w+b") as file:
                os.chmod(scratch, 0o600)
                writer = SealedWriter(file, key) if key else None
                draft = Draft(writer if writer is not None else cast(io.RawIOBase, file))
                yield draft
                if writer is not None:
                    writer.finish()
                file.flush()
                os.fsync(file.fileno())
                draft.reference = reference or _hashed(file, key)
            self._keep(scratch, draft.reference, key)
        finally:
            scratch.unlink(missing_ok=True)

    def get(self, reference: str) -> bytes:
        with self.open(reference) as file:
            return file.read()

    def open(self, reference: str) -> BinaryIO:
        try:
            return self._open(reference)
        except Damaged:  # a key and its content may have been replaced between two looks
            return self._open(reference)

    def size(self, reference: str) -> int:
        """Bytes of the content; raises like ``get``."""
        with self.open(reference) as file:
            return file.seek(0, os.SEEK_END)

    def touched(self, reference: str) -> float:
        """When the content was put last, in s since the epoch; 0 if there is none."""
        try:
            return self._path(reference).stat().st_mtime
        except FileNotFoundError:
            return 0.0

    def delete(self, reference: str) -> None:
        path = self._path(reference)
        _key_path(path).unlink(missing_ok=True)
        path.unlink(missing_ok=True)
        with contextlib.suppress(FileNotFoundError):
            _sync(path.parent)

    def sweep(self, before: float) -> int:
        """Removes files that were being written when their process died: untouched since then (s since the epoch). How
        many."""
        removed = 0
        for path in self.root.glob(".*"):
            with contextlib.suppress(FileNotFoundError):
                if _SCRATCH.fullmatch(path.name) and path.stat().st_mtime < before:
                    path.unlink()
                    removed += 1
        return removed

    def __iter__(self) -> Iterator[str]:
        for path in self.root.glob("??/??/*"):
            if path.suffix != KEY:
                yield path.name

    def wrapped(self) -> Iterator[tuple[str, str]]:
        """The reference of each sealed content, and the identity of the key that wraps its key."""
        for path in self.root.glob(f"??/??/*{KEY}"):
            with contextlib.suppress(FileNotFoundError):
                yield path.stem, keyring.wrapper_of(path.read_bytes())

    def rewrap(self, reference: str) -> None:
        """Wraps the content's key with the first of our keys. Raises like ``core.keyring.unwrap``."""
        path = _key_path(self._path(reference))
        with self._locked():
            try:
                key = keyring.unwrap(path.read_bytes(), reference)
            except FileNotFoundError:
                return  # erased meanwhile
            _replace(self._scratch(), path, keyring.wrap(key, reference))
        _sync(path.parent)

    def is_sealed(self, reference: str) -> bool:
        with self._path(reference).open("rb") as file:
            return file.read(len(MAGIC)) == MAGIC

    def seal(self, reference: str) -> None:
        """Seals a content that lies there in the clear, as all did before version 0.2."""
        with self.open(reference) as plain, self.create(reference) as draft:
            _copy(plain, draft.file)

    def _open(self, reference: str) -> BinaryIO:
        try:
            file = self._path(reference).open("rb")
        except FileNotFoundError:
            raise NotFound("There is no such content.", reference=reference) from None
        try:
            key = self._key(reference, file)
            return cast(BinaryIO, io.BufferedReader(SealedReader(file, key), PIECE)) if key else file
        except BaseException:
            file.close()
            raise

    def _known(self, reference: str) -> bool:
        """Whether the content is there as it should be; marks it as put just now."""
        path = self._path(reference)
        try:
            with path.open("rb") as file:
                key = self._key(reference, file)
                if file.read(HEADER) != header_of(key) if key else _sealing():
                    return False
            os.utime(path)
        except (FileNotFoundError, NotFound, Damaged):
            return False
        return True

    def _keep(self, scratch: Path, reference: str, key: bytes) -> None:
        path = self._path(reference)
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with self._locked():  # two that bring the same content must not mix their keys
            if self._known(reference):
                return
            if key:
                _replace(self._scratch(), _key_path(path), keyring.wrap(key, reference))
            os.replace(scratch, path)
        for directory in (path.parent, path.parent.parent, self.root):
            _sync(directory)

    def _key(self, reference: str, file: BinaryIO) -> bytes:
        """The content's own key; b"" for one in the clear."""
        sealed = file.read(len(MAGIC)) == MAGIC
        file.seek(0)
        if not sealed:
            return b""
        try:
            wrapped = _key_path(self._path(reference)).read_bytes()
        except FileNotFoundError:
            raise NotFound("The content's key was erased.", reference=reference) from None
        return keyring.unwrap(wrapped, reference)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        descriptor = os.open(self.root / ".lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _scratch(self) -> Path:
        return self.root / f".{secrets.token_hex(12)}"

    def _path(self, reference: str) -> Path:
        if len(reference) != 64 or not set(reference) <= set("0123456789abcdef"):
            raise InvalidInput("A content reference is 64 hexadecimal digits.")
        return self.root / reference[:2] / reference[2:4] / reference


def _hashed(file: BinaryIO, key: bytes) -> str:
    file.seek(0)
    content = SealedReader(file, key, closes=False) if key else file
    digest = hashlib.sha256()
    while piece := content.read(PIECE):
        digest.update(piece)
    return digest.hexdigest()


def _sealing() -> bool:
    return settings.get(keyring.SealSettings).content


def _copy(source: BinaryIO, target: io.RawIOBase) -> None:
    while piece := source.read(PIECE):
        target.write(piece)


def _key_path(path: Path) -> Path:
    return path.with_name(path.name + KEY)


def _replace(scratch: Path, path: Path, content: bytes) -> None:
    with scratch.open("wb") as file:
        os.chmod(scratch, 0o600)
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch, path)


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
