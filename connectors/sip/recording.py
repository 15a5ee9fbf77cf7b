"""A running call's recording: 16 kHz s16le on disk as it comes, sealed piece by piece, so that no crash takes it and no disk
shows it; FLAC in the blob store at its end, the customer on the left and, where people spoke, the agent on the right."""

from __future__ import annotations

import contextlib
import io
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import soundfile
from sqlalchemy import select

from connectors.sip.wire import RATE
from core import blobs, db, log
from core.errors import Damaged, HotlineError
from core.sealing import SealedLog, is_empty_log, is_log, records, wrapper_of_log
from intake import MessageRow, SessionRow

BYTES_PER_MS = RATE * 2 // 1000
SYNC_BYTES = RATE * 2 * 2  # fsync every two seconds: a power cut costs no more
PIECE = 1 << 18  # frames
RECORD = 1 << 20  # bytes that one record of the file takes at most
BATCH = 500  # sessions of one query
_NAME = re.compile(r"[0-9a-f]{32}\.pcm")
LEGS = ("customer", "agent")
_SOUND, _BLANK = 1, 3
_SPAN = struct.Struct(">QQ")
logger = log.get(__name__)
Pcm = np.ndarray[Any, np.dtype[np.int16]]


class Recording:
    """One voice of a call; grows while that goes on. ``ms`` is its length. While it is ``paused`` silence is kept instead of
    what is said."""

    def __init__(self, directory: Path, session_id: str, leg: str = "customer") -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path_of(directory, session_id, leg)
        self._log = SealedLog(self.path, self.path.stem)
        self.size = 0
        self.paused = False
        self._unsynced = 0
        self.syncing = False
        self.broken = False

    @property
    def ms(self) -> int:
        return self.size // BYTES_PER_MS

    def write(self, pcm: bytes) -> None:
        """Never raises: a full disk must not end the call, whose time goes on."""
        for at in range(0, len(pcm), RECORD):
            piece = pcm[at : at + RECORD]
            if self._append(_SOUND, bytes(len(piece)) if self.paused else bytes(piece)):
                self._unsynced += len(piece)
        if not self._log.closed:
            self.size += len(pcm)

    def silence(self, size: int) -> None:
        """As many bytes of silence."""
        for at in range(0, size, RECORD):
            self.write(bytes(min(RECORD, size - at)))

    def blank(self, start: int, end: int) -> None:
        """Has this stretch (ms), already on disk, kept as silence."""
        if end > start and not self._append(_BLANK, _SPAN.pack(max(0, start), end)):
            logger.error("what must not be in a recording could not be taken out", start_ms=start, end_ms=end)

    def _append(self, kind: int, content: bytes) -> bool:
        if self.broken or self._log.closed:
            return False
        try:
            self._log.append(kind, content)
        except OSError as error:
            self.broken = True
            logger.error("a recording could not be written on", reason=error.strerror)
            return False
        return True

    def wants_sync(self) -> bool:
        return self._unsynced >= SYNC_BYTES and not self.syncing

    def sync(self) -> None:
        """Blocks on the disk; call it in a thread, and not again before it is done: set ``syncing`` for so long."""
        self._unsynced = 0
        with contextlib.suppress(OSError, ValueError):
            self._log.sync()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._log.close()


def path_of(directory: Path, session_id: str, leg: str = "customer") -> Path:
    """Where a session's growing recording lies; raises ValueError for what is no session id."""
    name = f"{session_id}.pcm"
    if not _NAME.fullmatch(name):
        raise ValueError("no session id")
    return directory / (name if leg == "customer" else f"{session_id}.{leg}.pcm")


def keep(path: Path) -> tuple[str, int]:
    """Puts a growing recording (the customer's path; an agent's is beside it) into the blob store as FLAC; its reference and
    length in ms. ("", 0) where there is none. Takes seconds for a long call: never inside a transaction. Raises Damaged,
    ConfigurationError and OSError."""
    voices = [_Voice(each) for each in _legs_of(path) if each.exists()]
    frames = max((voice.frames for voice in voices), default=0)
    if not frames:
        return "", 0
    with blobs.store().create() as draft:
        target = _Carefully(draft.file)
        with (
            target.errors(),
            soundfile.SoundFile(target, "w", RATE, len(voices), "PCM_16", format="FLAC") as flac,
        ):
            for at in range(0, frames, PIECE):
                length = min(PIECE, frames - at)
                flac.write(np.column_stack([voice.read(at, length) for voice in voices]))
    return draft.reference, frames * 1000 // RATE


def _legs_of(path: Path) -> list[Path]:
    return [path_of(path.parent, path.stem, leg) for leg in LEGS]


class _Voice:
    """A growing recording, read once from its beginning to its end, with silence where it was asked for."""

    def __init__(self, path: Path) -> None:
        self._blanks: list[tuple[int, int]] = []
        size = 0
        for kind, content in _records(path):
            if kind == _BLANK:
                start, end = _SPAN.unpack(content)
                self._blanks.append((start * RATE // 1000, end * RATE // 1000))
            else:
                size += len(content)
        self.frames = size // 2
        self._records = (content for kind, content in _records(path) if kind != _BLANK)
        self._held = bytearray()

    def read(self, at: int, frames: int) -> Pcm:
        """The next frames, the first of them number ``at``; silence after the end."""
        while len(self._held) < frames * 2 and (content := next(self._records, None)) is not None:
            self._held += content
        samples = np.zeros(frames, dtype="<i2")
        ready = np.frombuffer(bytes(self._held[: min(frames, len(self._held) // 2) * 2]), dtype="<i2")
        del self._held[: len(ready) * 2]
        samples[: len(ready)] = ready
        for start, end in self._blanks:
            samples[max(0, start - at) : max(0, end - at)] = 0
        return samples


def _records(path: Path) -> Iterator[tuple[int, bytes]]:
    """What lies on disk; a file that an older version left behind is samples and nothing else."""
    if is_log(path):
        yield from records(path, path.stem)
        return
    with path.open("rb") as raw:
        while piece := raw.read(PIECE):
            yield _SOUND, piece


def forget(path: Path) -> bool:
    """Removes a growing recording (the customer's path, and an agent's beside it) that the blob store has taken over."""
    for each in _legs_of(path):
        each.unlink(missing_ok=True)
    return True


def forget_empty(path: Path) -> bool:
    """Removes a recording if no voice was ever in it, as of a call that nobody answered; whether it did."""
    found = [each for each in _legs_of(path) if each.exists()]
    return bool(found) and all(map(is_empty_log, found)) and forget(path)


def growing(directory: Path) -> Iterator[tuple[Path, str]]:
    """The files of recordings that go on or were left behind, and the identity of the key that each needs ("" for one in the
    clear)."""
    for path in sorted(directory.glob("*.pcm")):
        with contextlib.suppress(FileNotFoundError):  # its call has ended
            yield path, wrapper_of_log(path)


def forget_kept(directory: Path) -> int:
    """Removes growing recordings whose session has ended with the blob store's copy, or in which there is nothing: a process
    was killed before it did. Returns how many; blocks on the database."""
    names = [path.stem for path in directory.glob("*.pcm") if _NAME.fullmatch(path.name)]
    forgotten = 0
    for start in range(0, len(names), BATCH):
        with db.read() as session:
            rows = session.execute(
                select(SessionRow.id, MessageRow.content)
                .join(MessageRow, MessageRow.id == SessionRow.message_id)
                .where(SessionRow.id.in_(names[start : start + BATCH]), SessionRow.state == "ended")
            ).all()
        for session_id, content in rows:
            path = path_of(directory, session_id)
            with contextlib.suppress(OSError):
                forgotten += forget(path) if content.get("recording") else forget_empty(path)
    return forgotten


def pcm_of(reference: str, leg: str = "customer") -> bytes:
    """One voice of a kept recording as 16 kHz s16le; b"" for an agent's where there is none. Raises NotFound,
    ConfigurationError, and Damaged, also for what is no sound."""
    channel = LEGS.index(leg)
    voice = io.BytesIO()
    with blobs.store().open(reference) as file:
        source = _Carefully(file)
        with source.errors(), soundfile.SoundFile(source) as sound:
            if channel >= sound.channels:
                return b""
            for block in sound.blocks(PIECE, dtype="int16", always_2d=True):
                voice.write(np.ascontiguousarray(block[:, channel], dtype="<i2").data)
            frames = sound.frames
    if voice.tell() != frames * 2:
        raise Damaged("The recording cannot be decoded to its end.")
    return voice.getvalue()


class _Carefully:
    """A file for libsndfile. An error cannot pass through a C library, it would be printed and taken for the end of the file:
    it is kept, and raised by ``errors`` at the end."""

    def __init__(self, file: BinaryIO | io.RawIOBase) -> None:
        self._file = file
        self._error: HotlineError | OSError | None = None

    @contextlib.contextmanager
    def errors(self) -> Iterator[None]:
        try:
            yield
        except (soundfile.SoundFileError, AssertionError) as error:  # the latter where less was written than wanted
            raise self._error or Damaged("The recording cannot be decoded.") from error
        if self._error is not None:
            raise self._error

    def read(self, size: int = -1) -> bytes:
        try:
            return (self._file.read(size) or b"") if self._error is None else b""
        except (HotlineError, OSError) as error:
            self._error = error
            return b""

    def write(self, data: bytes) -> int:
        try:
            return (self._file.write(data) or 0) if self._error is None else 0
        except OSError as error:
            self._error = error
            return 0

    def readinto(self, target: bytearray | memoryview) -> int:
        piece = self.read(len(target))
        target[: len(piece)] = piece
        return len(piece)

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
