"""The agents' voice of a call, laid beside the caller's so that both show the same time."""

from __future__ import annotations

from pathlib import Path

from connectors.sip.recording import BYTES_PER_MS, Recording

APART = 300 * BYTES_PER_MS  # bytes that the two may differ: each comes in bunches of its own


class Track:
    """Grows from when the first agent speaks. Silence fills what is missing before and between."""

    def __init__(self, directory: Path, session_id: str, caller: Recording) -> None:
        self._directory, self._session_id, self._caller = directory, session_id, caller
        self._recording: Recording | None = None

    @property
    def ms(self) -> int:
        return self._recording.ms if self._recording is not None else 0

    @property
    def recording(self) -> Recording | None:
        """None while no agent has spoken."""
        return self._recording

    def write(self, pcm: bytes) -> int:
        """Returns how many bytes of silence had to come before it."""
        if self._recording is None:
            self._recording = Recording(self._directory, self._session_id, "agent")
            self._recording.paused = self._caller.paused
        behind = self._caller.size - self._recording.size - len(pcm)
        missing = behind // 2 * 2 if behind > APART else 0
        self._recording.silence(missing)
        self._recording.write(pcm)
        return missing

    def lead(self) -> int:
        """How many bytes the agents are ahead of the caller, whose sound stood still (he is on hold at his PBX)."""
        ahead = (self._recording.size if self._recording is not None else 0) - self._caller.size
        return ahead // 2 * 2 if ahead > APART else 0
