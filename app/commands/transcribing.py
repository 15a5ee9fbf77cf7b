"""``hotline transcribe``: files, or the recordings of calls that came when nothing could recognise them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.progress import track
from sqlalchemy import select

from asr import commands as asr_commands
from connectors.sip import recognition
from connectors.sip.ending import RECOGNISE
from core import clock, db, outbox, worker
from core.errors import InvalidInput
from intake import MessageRow


def transcribe(
    paths: Annotated[list[Path] | None, typer.Argument(help="Recordings, or directories of them.")] = None,
    pending: Annotated[
        bool, typer.Option("--pending", help="Recognise the calls whose recordings wait for it.")
    ] = False,
    form: Annotated[str, typer.Option("--format", "-f", help="txt, json or srt.")] = "txt",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Directory for one file per recording instead of the terminal."),
    ] = None,
    legs: Annotated[str, typer.Option(help="Names of a recording's channels if each holds one speaker.")] = "",
    alternatives: Annotated[int, typer.Option(min=0, max=10, help="Other readings of each utterance (json).")] = 0,
) -> None:
    """Write down what is said in recordings; with --pending complete the tickets of calls that wait for it."""
    if pending == bool(paths):
        raise InvalidInput("Name recordings, or --pending.")
    if paths:
        asr_commands.transcribe(paths, form, output, legs, alternatives)
        return
    done = recognise_pending()
    print(f"{done} waiting calls were recognised")


def recognise_pending() -> int:
    """Recognises every waiting recording in this process; returns how many were completed."""
    from app import wiring

    recognition.recognise_with(asr_commands.load_engine())  # says at once, and clearly, when there is no model
    wiring.prepare()
    with db.read() as session:
        waiting = session.scalars(select(MessageRow.id).where(MessageRow.state == "waiting")).all()
    done = 0
    for message_id in track(waiting, description="recognising", disable=not waiting):
        with db.write() as session:
            promise = outbox.promise(session, RECOGNISE, {"message": message_id}, unique_key=message_id)
            outbox.postpone(session, promise, clock.now())
        done += worker.keep(promise)
    recognition.recognise_with(None)
    return done
