"""A running call's recording: raw 16 kHz s16le on disk as it comes, so that no crash takes it; FLAC in the blob store at
its end."""

from __future__ import annotations

import contextlib
import os
import re
import tempfile
from pathlib import Path

import numpy as np
import soundfile
from sqlalchemy import select

from connectors.sip.wire import RATE
from core import blobs, db, log
from intake import MessageRow, SessionRow

BYTES_PER_MS = RATE * 2 // 1000
SYNC_BYTES = RATE * 2 * 2  # fsync every two seconds: a power cut costs no more
_NAME = re.compile(r"[0-9a-f]{32}\.pcm")
logger = log.get(__name__)


class Recording:
    """Grows while the call goes on. ``ms`` is its length."""

    def __init__(self, directory: Path, session_id: str) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path_of(directory, session_id)
        self._file = self.path.open("wb", buffering=0)
        self.size = 0
        self._unsynced = 0
        self.broken = False

    @property
    def ms(self) -> int:
        return self.size // BYTES_PER_MS

    def write(self, pcm: bytes) -> None:
        """Never raises: a full disk must not end the call."""
        if self.broken or self._file.closed:
            return
        try:
            self._file.write(pcm)
        except OSError as error:
            self.broken = True
            logger.error("a recording could not be written on", reason=error.strerror)
            return
        self.size += len(pcm)
        self._unsynced += len(pcm)

    def wants_sync(self) -> bool:
        return self._unsynced >= SYNC_BYTES

    def sync(self) -> None:
        """Blocks on the disk; call it in a thread."""
        self._unsynced = 0
        with contextlib.suppress(OSError, ValueError):
            os.fsync(self._file.fileno())

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._file.close()


def path_of(directory: Path, session_id: str) -> Path:
    """Where a session's raw recording lies; raises ValueError for what is no session id."""
    name = f"{session_id}.pcm"
    if not _NAME.fullmatch(name):
        raise ValueError("no session id")
    return directory / name


def keep(path: Path) -> tuple[str, int]:
    """Puts a raw recording into the blob store as FLAC; its reference and length in ms. ("", 0) where there is none."""
    try:
        size = path.stat().st_size // 2 * 2
    except FileNotFoundError:
        return "", 0
    if not size:
        return "", 0
    with tempfile.TemporaryFile(dir=path.parent) as scratch, path.open("rb") as raw:
        with soundfile.SoundFile(scratch, "w", RATE, 1, "PCM_16", format="FLAC") as flac:
            while piece := raw.read(1 << 20):
                flac.write(np.frombuffer(piece[: len(piece) // 2 * 2], dtype="<i2"))
        scratch.seek(0)
        reference = blobs.store().put(scratch.read())
    return reference, size // BYTES_PER_MS


def forget(path: Path) -> None:
    """Removes a raw recording that the blob store has taken over."""
    path.unlink(missing_ok=True)


def forget_kept(directory: Path) -> int:
    """Removes raw recordings whose session has ended with the blob store's copy: a process was killed between the two.
    Returns how many; blocks on the database."""
    names = [path.stem for path in directory.glob("*.pcm") if _NAME.fullmatch(path.name)]
    if not names:
        return 0
    with db.read() as session:
        rows = session.execute(
            select(SessionRow.id, MessageRow.content)
            .join(MessageRow, MessageRow.id == SessionRow.message_id)
            .where(SessionRow.id.in_(names), SessionRow.state == "ended")
        ).all()
    kept = [session_id for session_id, content in rows if content.get("recording")]
    for session_id in kept:
        forget(path_of(directory, session_id))
    return len(kept)


def pcm_of(reference: str) -> bytes:
    """A kept recording as 16 kHz s16le; raises NotFound, and soundfile.LibsndfileError for other content."""
    with blobs.store().open(reference) as file:
        samples, _ = soundfile.read(file, dtype="int16")
    return np.asarray(samples, dtype="<i2").tobytes()
