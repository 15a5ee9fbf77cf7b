"""``hotline asr devices`` and ``hotline asr listen``."""

from __future__ import annotations

import asyncio
import signal
import socket
from contextlib import aclosing
from typing import Annotated

import typer
from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from asr import Final, Partial
from asr.transcribe import spoken
from connectors.microphone import source
from connectors.microphone.listen import deliver, listen

commands = typer.Typer(name="asr")
out = Console(highlight=False)


@commands.command()
def devices() -> None:
    """Lists the microphones."""
    found = source.devices()
    if not found:
        out.print("There is no microphone.")
        return
    table = Table("", "number", "name", "channels", "Hz")
    for one in found:
        table.add_row("*" if one.default else "", str(one.number), one.name, str(one.channels), str(one.rate))
    out.print(table)


@commands.command(name="listen")
def listen_command(
    device: Annotated[int | None, typer.Option(help="Number of the microphone; see devices.")] = None,
    endpointing: Annotated[str, typer.Option(help="free, digits, address or yesno.")] = "free",
    seconds: Annotated[float | None, typer.Option(min=0.1, help="Stop after so much audio.")] = None,
    draft: Annotated[bool, typer.Option(help="Make a draft of what was said.")] = True,
) -> None:
    """Shows live what is said into a microphone, until Ctrl-C; then makes a draft of it. Needs a running hotline asr."""
    audio = bytearray()
    turns = asyncio.run(_captions(device, endpointing, seconds, audio))
    if not turns:
        out.print("Nothing was said.")
    elif draft:
        accepted = deliver(turns, bytes(audio), socket.gethostname())
        out.print(f"In the inbox as message {accepted.message_id}.")


async def _captions(device: int | None, endpointing: str, seconds: float | None, audio: bytearray) -> list[Final]:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGINT, stop.set)
    turns: list[Final] = []
    with Live(console=out, transient=True, auto_refresh=False) as live:

        def caption(partial: Partial) -> None:
            live.update(Text(spoken(partial.text), style="dim"), refresh=True)

        async with (
            aclosing(source.frames(device)) as frames,
            aclosing(
                listen(frames, endpointing=endpointing, caption=caption, seconds=seconds, stop=stop, keep=audio)
            ) as said,
        ):
            async for turn in said:
                turns.append(turn)
                live.update(Text(), refresh=True)
                live.console.print(Text(spoken(turn.text)))
    return turns
