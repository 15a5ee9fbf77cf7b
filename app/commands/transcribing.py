"""``hotline transcribe``: files, or the calls and voice messages that came when nothing could recognise them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track
from sqlalchemy import select
from sqlalchemy.orm import Session

from asr import commands as asr_commands
from connectors import recorded
from connectors.media import HEAR
from connectors.sip.ending import RECOGNISE
from core import clock, db, outbox, worker
from core.errors import InvalidInput
from intake import MessageRow, message_of


def command(name: str) -> Callable[..., None]:
    return transcribe


def transcribe(
    paths: Annotated[list[Path] | None, typer.Argument(help="Recordings, or directories of them.")] = None,
    pending: Annotated[
        bool, typer.Option("--pending", help="Recognise the calls and voice messages that wait for it.")
    ] = False,
    form: Annotated[str, typer.Option("--format", "-f", help="txt, json or srt.")] = "txt",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Directory for one file per recording instead of the terminal."),
    ] = None,
    legs: Annotated[str, typer.Option(help="Names of a recording's channels if each holds one speaker.")] = "",
    alternatives: Annotated[int, typer.Option(min=0, max=10, help="Other readings of each utterance (json).")] = 0,
) -> None:
    """Write down what is said in recordings; with --pending complete the tickets of calls and voice messages that wait."""
    if pending == bool(paths):
        raise InvalidInput("Name recordings, or --pending.")
    if paths:
        asr_commands.transcribe(paths, form, output, legs, alternatives)
        return
    done = recognise_pending()
    print(f"{done} waiting recordings were recognised")


def recognise_pending() -> int:
    """Recognises every waiting recording in this process; returns how many were completed."""
    from app import wiring

    recorded.recognise_with(asr_commands.load_engine())  # says at once, and clearly, when there is no model
    try:
        wiring.prepare()
        with db.read() as session:
            waiting = session.scalars(select(MessageRow.id).where(MessageRow.state == "waiting")).all()
        return sum(_completed(one) for one in track(waiting, description="recognising", disable=not waiting))
    finally:
        recorded.recognise_with(None)


def _completed(message_id: str) -> bool:
    """Keeps the promise that recognises this message now. False: it could not be, or its recording is not here yet."""
    with db.write() as session:
        message = message_of(session.get_one(MessageRow, message_id))
        if message.recording and message.channel == "sip":
            promise = outbox.promise(session, RECOGNISE, {"message": message_id}, unique_key=message_id)
        elif message.waits == "recognition" and any(attachment.blob for attachment in message.attachments):
            promise = _promised(session, message_id) or outbox.promise(session, HEAR, {"message": message_id})
        else:
            return False
        outbox.postpone(session, promise, clock.now())
    worker.keep(promise)
    with db.read() as session:
        return session.get_one(MessageRow, message_id).state != "waiting"


def _promised(session: Session, message_id: str) -> int | None:
    """The promise to listen to a voice message that was made when it was fetched; a second one would do it twice."""
    open_ones = session.scalars(
        select(outbox.PromiseRow).where(
            outbox.PromiseRow.kind == HEAR, outbox.PromiseRow.state.in_(("waiting", "queued", "running"))
        )
    )
    return next((row.id for row in open_ones if row.payload.get("message") == message_id), None)
