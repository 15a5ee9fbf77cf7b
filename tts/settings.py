"""Settings of the voice: the process that speaks and those who have something to say."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from core import settings

LONGEST_TEXT = 200  # characters


class SpeakerSettings(settings.Section, prefix="SPEAKER"):
    """The voice of what is read back in calls."""

    command: str = Field(
        "",
        description="Program that reads a text (UTF-8) from standard input and writes a sound file (WAV, FLAC, Ogg) to "
        "standard output. Empty: hotline speaker speaks where it runs (make speaker); else only numbers are read back.",
    )
    seconds: float = Field(
        5.0, gt=0, description="s that it may take, or hotline speaker for a clause; what is late is left out."
    )
    first_seconds: float = Field(
        2.5, gt=0, description="s after which hotline speaker must be heard; a caller waits no longer for it."
    )
    at_once: int = Field(2, ge=1, description="Programs that run at the same time.")
    socket: str = Field("", description="Unix socket of hotline speaker. Empty: speaker.sock in data_dir.")
    voice: str = Field(
        "zf_xiaoxiao", description="Voice of hotline speaker: the shipped one, or the path of another of Kokoro's."
    )
    speed: float = Field(1.0, ge=0.5, le=2.0, description="How fast it speaks; 1.0 is its own speed.")
    threads: int = Field(1, ge=1, le=64, description="Threads that one clause is made with.")
    nice: int = Field(5, ge=0, le=19, description="How far hotline speaker steps back behind calls and recognition.")
    waiting: int = Field(8, ge=1, description="Texts that it speaks at the same time; more are refused, and left out.")
    kept: int = Field(256, ge=0, description="Clauses that it keeps in memory, for an hour at most.")

    @property
    def socket_path(self) -> Path:
        if self.socket:
            return Path(self.socket).absolute()
        return settings.get(settings.CoreSettings).socket("speaker.sock")
