"""The command line of the voice; ``app/cli.py`` mounts it: ``hotline speaker`` and ``hotline speak``."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import numpy as np
import soundfile
import typer

from core import log, settings
from core.errors import InvalidInput
from tts.clauses import clauses
from tts.contract import RATE
from tts.kokoro import KokoroEngine
from tts.server import serve
from tts.settings import LONGEST_TEXT, SpeakerSettings


def engine(config: SpeakerSettings) -> KokoroEngine:
    """The voice that settings name. Raises ConfigurationError when there is none."""
    return KokoroEngine(config.voice, config.threads, config.speed)


def speaker() -> None:
    """Speak what is read back in calls: one voice in memory, on a unix socket."""
    log.configure("speaker")
    config = settings.get(SpeakerSettings)
    os.nice(config.nice)  # before there are threads: each has its own
    asyncio.run(serve(engine(config), config))


def speak(
    text: Annotated[str, typer.Argument(help="What is to be said, in Chinese.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Sound file; its name's end says the format.")],
) -> None:
    """Say a text into a sound file, to hear how it sounds in a call."""
    said = clauses(text[:LONGEST_TEXT])
    if not said:
        raise InvalidInput("there is nothing in it that can be spoken")
    voice = engine(settings.get(SpeakerSettings))
    began = time.monotonic()
    pieces = [voice.say(said[0])]
    first = time.monotonic() - began
    pieces += [voice.say(clause) for clause in said[1:]]
    took = time.monotonic() - began
    sound = np.frombuffer(b"".join(pieces), dtype="<i2")
    if not len(sound):
        raise InvalidInput("there is nothing in it that can be spoken")
    try:
        soundfile.write(output, sound, RATE)
    except (OSError, TypeError, ValueError, soundfile.LibsndfileError) as error:
        raise InvalidInput(f"{output} cannot be written: {error}") from error
    seconds = len(sound) / RATE
    typer.echo(
        f"{' | '.join(said)}\n{seconds:.1f} s in {took:.1f} s ({took / seconds:.2f}), the first clause after {first:.1f} s"
    )


def command(name: str) -> Callable[..., None]:
    return speaker if name == "speaker" else speak
