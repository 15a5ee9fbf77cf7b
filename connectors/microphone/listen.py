"""From a microphone's audio to turns, and from a conversation at the desk to a Message."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Sequence

from asr import Final, Listening, Partial
from asr.client import connect
from connectors import recorded
from connectors.voice_message import wav
from core import blobs, clock
from intake import Acceptance, Message, Sender, accept_now

LONGEST_SECONDS = 3_600


async def listen(
    frames: AsyncIterator[bytes],
    *,
    endpointing: str = "free",
    caption: Callable[[Partial], None] | None = None,
    seconds: float | None = None,
    stop: asyncio.Event | None = None,
    keep: bytearray | None = None,
) -> AsyncGenerator[Final, None]:
    """Each finished utterance as a turn, while ``caption`` shows what is being said.

    Ends after ``seconds`` of audio, when ``stop`` is set, or with the frames; the last words are waited for. ``keep`` gets the audio
    (16 kHz mono PCM). Raises Unavailable without a recogniser, and what the frames raise.
    """
    most = round(min(seconds or LONGEST_SECONDS, LONGEST_SECONDS) * 32_000)
    async with connect(Listening(endpointing=endpointing, leg="customer")) as stream:

        async def feed() -> None:
            sent = 0
            async for piece in frames:
                await stream.send(piece)
                sent += len(piece)
                if keep is not None:
                    keep.extend(piece)
                if sent >= most or (stop is not None and stop.is_set()):
                    break
            await stream.finish()

        feeding = asyncio.create_task(feed())
        feeding.add_done_callback(lambda task: None if task.cancelled() or not task.exception() else stream.abandon())
        try:
            async for said in stream:
                if isinstance(said, Final):
                    yield said
                elif caption is not None:
                    caption(said)
            await feeding
        finally:
            feeding.cancel()
            await asyncio.gather(feeding, return_exceptions=True)


def deliver(turns: Sequence[Final], audio: bytes, desk: str) -> Acceptance:
    """Puts the conversation into the inbox, with its recording; it becomes a draft like a call's."""
    text, words = recorded.in_text(turns)
    return accept_now(
        Message(
            channel="microphone",
            channel_id=uuid.uuid4().hex,
            sender=Sender(kind="desk", value=desk, verified=False),
            text=text,
            sent_at=clock.now(),
            style="call",
            recording=blobs.store().put(wav(audio)),
            words=words,
        )
    )
