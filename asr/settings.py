"""Settings of recognition: the process that serves it and those who use it."""

from __future__ import annotations

import os
from pathlib import Path

from pydantic import Field, SecretStr

from core import settings


class AsrSettings(settings.Section, prefix="ASR"):
    """Speech recognition."""

    model: str = Field(
        "", description="Directory of a Vosk model. Empty: the first of models/asr, else a download is offered."
    )
    socket: str = Field("", description="Unix socket of hotline asr. Empty: asr.sock in data_dir.")
    host: str = Field("127.0.0.1", description="Address on which hotline asr listens for WebSockets if port is set.")
    port: int = Field(
        0, ge=0, le=65535, description="TCP port of hotline asr (vosk-server's is 2700). 0: the unix socket only."
    )
    url: str = Field("", description="Where voice processes find hotline asr, ws://host:port. Empty: the unix socket.")
    token: SecretStr = Field(
        SecretStr(""), description="If set, every stream must show it: Authorization: Bearer TOKEN, or ?token=TOKEN."
    )
    threads: int = Field(0, ge=0, le=256, description="Decoding threads. 0: one per core.")
    other_malloc: bool = Field(
        True, description="Use jemalloc where it is installed (Debian: libjemalloc2): half as many streams again."
    )
    max_streams: int = Field(
        0, ge=0, description="Streams at a time; more are refused (503). 0: 12 per decoding thread."
    )
    max_lag_seconds: float = Field(
        3.0, gt=0, description="New streams are refused (503) while a live stream is so far behind its audio."
    )
    max_backlog_seconds: float = Field(
        20.0, gt=0.5, description="Undecoded audio a stream may have waiting; then the server stops reading from it."
    )
    max_stream_seconds: float = Field(
        10_800.0, gt=0, description="Audio in one stream; then it is finished and closed."
    )
    idle_seconds: float = Field(120.0, gt=0, description="A stream that sends nothing so long is finished and closed.")
    send_seconds: float = Field(
        20.0, gt=0, description="A client that doesn't read its results for so long is dropped."
    )
    drain_seconds: float = Field(5.0, ge=0, description="At SIGTERM: time to finish and answer the open streams.")
    partial_ms: int = Field(200, ge=20, le=10_000, description="Rhythm of partial results in ms of audio.")
    reconnect_seconds: float = Field(
        15.0, ge=0, description="How long a voice process tries to resume a stream whose recogniser died."
    )
    max_behind_seconds: float = Field(
        12.0,
        gt=0,
        description="A voice process gives a live stream up when its results are so late; the recording waits.",
    )

    @property
    def socket_path(self) -> Path:
        if self.socket:
            return Path(self.socket).absolute()
        return settings.get(settings.CoreSettings).socket("asr.sock")

    @property
    def thread_count(self) -> int:
        return self.threads or len(os.sched_getaffinity(0))

    @property
    def stream_limit(self) -> int:
        return self.max_streams or 12 * self.thread_count
