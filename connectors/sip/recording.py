"""A running call's recording: 16 kHz s16le on disk as it comes, sealed piece by piece, so that no crash takes it and no disk
shows it; FLAC in the blob store at its end, the customer on the left and, once people are joined, the agent on the right."""

from __future__ import annotations

import contextlib
import re
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from sqlalchemy import select

from connectors.sip.wire import RATE
from core import blobs, db, log
from core.sealing import SealedLog, is_log, records
from intake import MessageRow, SessionRow

BYTES_PER_MS = RATE * 2 // 1000
SYNC_BYTES = RATE * 2 * 2  # fsync every two seconds: a power cut costs no more
PIECE = 1 << 20
_NAME = re.compile(r"[0-9a-f]{32}\.pcm")
_MONO, _STEREO, _BLANK = 1, 2, 3
_SPAN = struct.Struct(">QQ")
logger = log.get(__name__)
Pcm = np.ndarray[Any, np.dtype[np.int16]]


class Recording:
    """Grows while the call goes on. ``ms`` is its length. While it is ``paused`` silence is kept instead of voices."""

    def __init__(self, directory: Path, session_id: str) -> None:
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.path = path_of(directory, session_id)
        self._log = SealedLog(self.path, session_id)
        self.size = 0
        self.paused = False
        self._unsynced = 0
        self.broken = False

    @property
    def ms(self) -> int:
        return self.size // BYTES_PER_MS

    def write(self, pcm: bytes, agent: bytes = b"") -> None:
        """The customer's voice and, beside it, an agent's of the same length. Never raises: a full disk must not end the
        call."""
        if self.paused:
            pcm, agent = bytes(len(pcm)), bytes(len(agent))
        if self._append(_STEREO if agent else _MONO, _side_by_side(pcm, agent) if agent else pcm):
            self.size += len(pcm)
            self._unsynced += len(pcm)

    def blank(self, start: int, end: int) -> None:
        """Has this stretch (ms), already on disk, kept as silence."""
        if end > start:
            self._append(_BLANK, _SPAN.pack(max(0, start), end))

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
        return self._unsynced >= SYNC_BYTES

    def sync(self) -> None:
        """Blocks on the disk; call it in a thread."""
        self._unsynced = 0
        with contextlib.suppress(OSError, ValueError):
            self._log.sync()

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._log.close()


def _side_by_side(left: bytes, right: bytes) -> bytes:
    pair = np.zeros((len(left) // 2, 2), dtype="<i2")
    pair[:, 0] = np.frombuffer(left[: len(pair) * 2], dtype="<i2")
    beside = np.frombuffer(right[: min(len(right) // 2, len(pair)) * 2], dtype="<i2")
    pair[: len(beside), 1] = beside
    return pair.tobytes()


def path_of(directory: Path, session_id: str) -> Path:
    """Where a session's growing recording lies; raises ValueError for what is no session id."""
    name = f"{session_id}.pcm"
    if not _NAME.fullmatch(name):
        raise ValueError("no session id")
    return directory / name


def keep(path: Path) -> tuple[str, int]:
    """Puts a growing recording into the blob store as FLAC; its reference and length in ms. ("", 0) where there is none.
    Takes a second for half an hour: never inside a transaction. Raises Damaged and ConfigurationError."""
    if not path.exists():
        return "", 0
    channels, blanks, frames = 1, [], 0
    for kind, content in _pieces(path):
        if kind == _BLANK:
            blanks.append(_frames(content))
        else:
            channels = max(channels, kind)
            frames += len(content) // (2 * kind)
    if not frames:
        return "", 0
    with blobs.store().create() as draft:
        with soundfile.SoundFile(draft.file, "w", RATE, channels, "PCM_16", format="FLAC") as flac:
            at = 0
            for kind, content in _pieces(path):
                if kind == _BLANK:
                    continue
                samples = np.frombuffer(content, dtype="<i2").reshape(-1, kind)
                if blanks:
                    samples = _blanked(samples, at, blanks)
                at += len(samples)
                if kind < channels:
                    samples = np.pad(samples, ((0, 0), (0, 1)))
                flac.write(samples)
    return draft.reference, frames * 1000 // RATE


def _pieces(path: Path) -> Iterator[tuple[int, bytes]]:
    """Whole frames in large pieces; spans that are to be silent as they come."""
    held, held_kind = bytearray(), _MONO
    for kind, content in records(path, path.stem) if is_log(path) else _in_the_clear(path):
        if kind == _BLANK:
            yield kind, content
            continue
        if held and (kind != held_kind or len(held) >= PIECE):
            yield held_kind, bytes(held)
            held.clear()
        held_kind = kind
        held += content[: len(content) // (2 * kind) * 2 * kind]
    if held:
        yield held_kind, bytes(held)


def _in_the_clear(path: Path) -> Iterator[tuple[int, bytes]]:
    """A recording that an older version left behind: samples and nothing else."""
    with path.open("rb") as raw:
        while piece := raw.read(PIECE):
            yield _MONO, piece


def _frames(span: bytes) -> tuple[int, int]:
    start, end = _SPAN.unpack(span)
    return start * RATE // 1000, end * RATE // 1000


def _blanked(samples: Pcm, at: int, blanks: list[tuple[int, int]]) -> Pcm:
    samples = samples.copy()
    for start, end in blanks:
        samples[max(0, start - at) : max(0, end - at)] = 0
    return samples


def forget(path: Path) -> None:
    """Removes a growing recording that the blob store has taken over."""
    path.unlink(missing_ok=True)


def forget_kept(directory: Path) -> int:
    """Removes growing recordings whose session has ended with the blob store's copy: a process was killed between the two.
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


def pcm_of(reference: str, channel: int = 0) -> bytes:
    """One voice of a kept recording as 16 kHz s16le: the customer's (0) or the agent's (1), b"" where there is none. Raises
    NotFound, and soundfile.LibsndfileError for other content."""
    with blobs.store().open(reference) as file:
        samples, _ = soundfile.read(file, dtype="int16", always_2d=True)
    if channel >= samples.shape[1]:
        return b""
    return np.ascontiguousarray(samples[:, channel], dtype="<i2").tobytes()
