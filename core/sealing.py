"""How content lies on disk: encrypted in chunks with AES-256-GCM (NIST SP 800-38D), so that a part can be read without the
rest, a changed byte is noticed, and memory holds one chunk.

A *sealed file* is a header of 16 bytes (magic, check of the key) and chunks of 64 KiB, each followed by its tag of 16 bytes.
A chunk's nonce is its number and whether it is the last, so that chunks cannot change places and none can be cut off. A key
seals one content only.

A *sealed log* grows while a process may die at any moment: a header with the wrapped key, then records, each a kind, a length,
and ciphertext with its tag. Whatever was written whole can be read. That whole records are missing at its end cannot be
noticed.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import hmac
import io
import os
import secrets
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core import keyring, log
from core.errors import Damaged

MAGIC = b"\x89HTLSEAL"
LOG_MAGIC = b"\x89HTLLOG1"
HEADER = 16
CHUNK = 64 * 1024
TAG = 16
_RECORD = struct.Struct(">BI")
_WRAPPED = struct.Struct(">H")
LONGEST_RECORD = 1 << 24  # with its tag
logger = log.get(__name__)


def new_key() -> bytes:
    return secrets.token_bytes(32)


def header_of(key: bytes) -> bytes:
    """What a file sealed with this key begins with."""
    return MAGIC + hmac.new(key, b"check", hashlib.sha256).digest()[:8]


def _nonce(number: int, *, last: bool) -> bytes:
    return number.to_bytes(11, "big") + bytes([last])


class SealedWriter(io.RawIOBase):
    """Seals what is written into ``file``. The first chunk stays in memory until ``finish`` and can be written over until
    then, for formats such as FLAC that come back to their header."""

    def __init__(self, file: BinaryIO, key: bytes) -> None:
        self._file, self._header, self._cipher = file, header_of(key), AESGCM(key)
        self._head, self._tail = bytearray(), bytearray()
        self._number = 1
        self._size = self._at = 0
        file.write(self._header)

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self._size}[whence]
        return self._at

    def write(self, data: bytes | bytearray | memoryview) -> int:  # type: ignore[override]
        view = memoryview(data).cast("B")
        if self._at != self._size:
            if self._at + len(view) > len(self._head):
                raise io.UnsupportedOperation("only the first chunk can be written over")
            self._head[self._at : self._at + len(view)] = view
            self._at += len(view)
            return len(view)
        fits = max(0, CHUNK - len(self._head))
        self._head += view[:fits]
        self._tail += view[fits:]
        while len(self._tail) > CHUNK:  # what may be the last chunk waits
            self._seal(self._number, bytes(self._tail[:CHUNK]), last=False)
            del self._tail[:CHUNK]
            self._number += 1
        self._size = self._at = self._size + len(view)
        return len(view)

    def finish(self) -> None:
        """Writes what is left; the file stays open."""
        if self._tail:
            self._seal(self._number, bytes(self._tail), last=True)
        self._seal(0, bytes(self._head), last=not self._tail)

    def _seal(self, number: int, content: bytes, *, last: bool) -> None:
        self._file.seek(HEADER + number * (CHUNK + TAG))
        self._file.write(self._cipher.encrypt(_nonce(number, last=last), content, self._header))


class SealedReader(io.RawIOBase):
    """The content of a sealed file, seekable. Raises Damaged when the part that is read was changed, or the file cut."""

    def __init__(self, file: BinaryIO, key: bytes, *, closes: bool = True) -> None:
        self._file, self._cipher, self._closes = file, AESGCM(key), closes
        self._header = file.read(HEADER)
        if self._header != header_of(key):
            raise Damaged("The content was sealed with another key.")
        body = file.seek(0, os.SEEK_END) - HEADER
        self._chunks = max(1, -(-body // (CHUNK + TAG)))
        self.size = body - self._chunks * TAG
        if self.size < 0:
            raise Damaged
        self._at = 0
        self._open: tuple[int, bytes] = (-1, b"")

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence]
        self._at = max(0, base + offset)
        return self._at

    def readinto(self, target: bytearray | memoryview) -> int:  # type: ignore[override]
        if self._at >= self.size:
            if not self.size:
                self._chunk(0)  # even nothing is checked
            return 0
        number, start = divmod(self._at, CHUNK)
        piece = self._chunk(number)[start : start + len(target)]
        target[: len(piece)] = piece
        self._at += len(piece)
        return len(piece)

    def _chunk(self, number: int) -> bytes:
        if self._open[0] != number:
            self._file.seek(HEADER + number * (CHUNK + TAG))
            sealed = self._file.read(CHUNK + TAG)
            try:
                plain = self._cipher.decrypt(_nonce(number, last=number == self._chunks - 1), sealed, self._header)
            except (InvalidTag, ValueError):
                raise Damaged from None
            self._open = (number, plain)
        return self._open[1]

    def close(self) -> None:
        if not self.closed and self._closes:
            self._file.close()
        super().close()


class SealedLog:
    """Records that are appended as they come; see the module. ``name`` is bound into the wrapped key."""

    def __init__(self, path: Path, name: str) -> None:
        key = new_key()
        wrapped = keyring.wrap(key, name)
        self._file = path.open("wb", buffering=0)
        self._cipher, self._number = AESGCM(key), 0
        self._size, self._broken = 0, False
        self._write(LOG_MAGIC + _WRAPPED.pack(len(wrapped)) + wrapped)

    @property
    def closed(self) -> bool:
        return self._file.closed

    def append(self, kind: int, content: bytes) -> None:
        """One write, so that a process that dies leaves whole records. Raises ValueError for a content that ``records`` would
        not read, and OSError; after that nothing can be appended."""
        if len(content) > LONGEST_RECORD - TAG:
            raise ValueError("a record of a sealed log is too long")
        sealed = self._cipher.encrypt(_nonce(self._number, last=False), content, bytes([kind]))
        self._number += 1
        self._write(_RECORD.pack(kind, len(sealed)) + sealed)

    def _write(self, data: bytes) -> None:
        """All of it or nothing: after half a record no later one could be read."""
        if self._broken:
            raise OSError(errno.EIO, "the log is broken")
        left = memoryview(data)
        try:
            while left:
                left = left[self._file.write(left) or 0 :]
        except OSError:
            self._broken = True
            with contextlib.suppress(OSError):
                self._file.truncate(self._size)
            raise
        self._size += len(data)

    def sync(self) -> None:
        os.fsync(self._file.fileno())

    def close(self) -> None:
        self._file.close()


def is_log(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(LOG_MAGIC)) == LOG_MAGIC


def wrapper_of_log(path: Path) -> str:
    """The identity of the key that wraps the log's; "" for a file that is none."""
    wrapped = _wrapped_in(path)
    return keyring.wrapper_of(wrapped) if wrapped else ""


def is_empty_log(path: Path) -> bool:
    """Whether nothing was ever appended to it."""
    size, wrapped = path.stat().st_size, _wrapped_in(path)
    return not size or (bool(wrapped) and size == len(LOG_MAGIC) + _WRAPPED.size + len(wrapped))


def _wrapped_in(path: Path) -> bytes:
    with path.open("rb") as file:
        start = file.read(len(LOG_MAGIC) + _WRAPPED.size)
        if len(start) < len(LOG_MAGIC) + _WRAPPED.size or not start.startswith(LOG_MAGIC):
            return b""
        return file.read(_WRAPPED.unpack_from(start, len(LOG_MAGIC))[0])


def records(path: Path, name: str) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each whole record; ends where a process or a machine died, and says so in the program's log if
    that was in the midst of one. Raises Damaged if the log is none or its key is not to be had."""
    with path.open("rb") as file:
        start = file.read(len(LOG_MAGIC) + _WRAPPED.size)
        if len(start) < len(LOG_MAGIC) + _WRAPPED.size:
            return  # it died before it began
        if not start.startswith(LOG_MAGIC):
            raise Damaged
        length = _WRAPPED.unpack_from(start, len(LOG_MAGIC))[0]
        wrapped = file.read(length)
        if len(wrapped) < length:
            return
        cipher = AESGCM(keyring.unwrap(wrapped, name))
        number = 0
        while begin := file.read(_RECORD.size):
            kind, length = _RECORD.unpack(begin) if len(begin) == _RECORD.size else (0, 0)
            sealed = file.read(length) if TAG <= length <= LONGEST_RECORD else b""
            if len(sealed) != length or not sealed:
                left = os.fstat(file.fileno()).st_size - file.tell() + len(sealed) + len(begin)
                logger.warning("a sealed log ends in the midst of a record", record=number, unread_bytes=left)
                return
            try:
                yield kind, cipher.decrypt(_nonce(number, last=False), sealed, bytes([kind]))
            except InvalidTag:
                logger.error("a sealed log cannot be read to its end", record=number)
                return
            number += 1
