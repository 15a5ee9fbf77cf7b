"""The command line of recognition; ``app/cli.py`` mounts it: ``hotline asr``, ``hotline transcribe``, ``hotline models``.

``hotline asr devices`` and ``listen`` are the microphone connector's and are mounted from there.
"""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from asr import evaluate as evaluation
from asr import models
from asr.allocator import replace_malloc
from asr.engine_vosk import VoskEngine
from asr.files import channels, duration_ms
from asr.server import serve as run_server
from asr.settings import AsrSettings
from asr.transcribe import FORMATS, recognise_file, recordings, rendered
from core import log, settings
from core.errors import ConfigurationError, HotlineError, InvalidInput

app = typer.Typer(help="Speech recognition as a service.", invoke_without_command=True, no_args_is_help=False)
models_app = typer.Typer(help="Speech models: list, fetch, verify.", no_args_is_help=True)

MODEL_POLL_SECONDS = 5
shown = Console(stderr=True)
out = Console(soft_wrap=True, highlight=False, markup=False)


def load_engine() -> VoskEngine:
    """The engine with the chosen model. Raises ConfigurationError when there is none."""
    return VoskEngine(models.required().path)


@app.callback()
def main(context: typer.Context) -> None:
    """Speech recognition as a service (without a subcommand: serve)."""
    if context.invoked_subcommand is None:
        serve(wait_for_model=False)


@app.command()
def serve(
    wait_for_model: Annotated[
        bool, typer.Option("--wait-for-model", help="Without a model wait until one is there instead of ending.")
    ] = False,
) -> None:
    """Serves recognition on the unix socket and, if HOTLINE_ASR_PORT is set, on TCP until SIGTERM."""
    if settings.get(AsrSettings).other_malloc:
        replace_malloc()
    log.configure("asr")
    if wait_for_model and models.chosen() is None:
        log.get(__name__).warning("there is no speech model: calls are recorded; run hotline models fetch")
        while models.chosen() is None:
            time.sleep(MODEL_POLL_SECONDS)
    asyncio.run(run_server(load_engine(), settings.get(AsrSettings)))


def transcribe(
    paths: Annotated[list[Path], typer.Argument(help="Recordings, or directories of them.")],
    form: Annotated[str, typer.Option("--format", "-f", help="txt, json or srt.")] = "txt",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Directory for one file per recording instead of the terminal."),
    ] = None,
    legs: Annotated[
        str, typer.Option(help="Names of a recording's channels if each holds one speaker: caller,agent.")
    ] = "",
    alternatives: Annotated[int, typer.Option(min=0, max=10, help="Other readings of each utterance (json).")] = 0,
) -> None:
    """Writes down what is said in recordings."""
    if form not in FORMATS:
        raise InvalidInput(f"--format must be one of {', '.join(FORMATS)}")
    found = list(recordings(paths))
    if not found:
        raise InvalidInput("there is no recording in what you named")
    engine = load_engine()
    named = tuple(leg.strip() for leg in legs.split(",") if leg.strip())
    if output is not None:
        output.mkdir(parents=True, exist_ok=True)
    failed = 0
    with _progress() as progress:
        for path in found:
            try:
                text = _transcribed(engine, path, form, named, alternatives, progress)
            except HotlineError as error:
                failed += 1
                shown.print(f"{path}: {error.message}", style="red", markup=False)
                continue
            if output is not None:
                _place(path, output, form, found).write_text(text, "utf-8")
            elif form == "txt" and len(found) > 1:
                out.print(f"== {path}\n{text}")
            else:
                out.print(text, end="")
    if failed:
        raise typer.Exit(1)


def _transcribed(
    engine: VoskEngine, path: Path, form: str, legs: tuple[str, ...], alternatives: int, progress: Progress
) -> str:
    total = duration_ms(path)
    if total is not None and legs and channels(path) == len(legs):
        total *= len(legs)
    task = progress.add_task(path.name, total=total)
    try:
        finals = recognise_file(
            engine,
            path,
            legs=legs,
            alternatives=alternatives,
            progress=lambda done: progress.update(task, completed=done),
        )
    finally:
        progress.remove_task(task)
    return rendered(finals, form)


def _place(path: Path, directory: Path, form: str, among: list[Path]) -> Path:
    """Recordings of one name from several directories must not overwrite each other."""
    twins = [other for other in among if other.stem == path.stem]
    number = f"-{twins.index(path) + 1}" if len(twins) > 1 else ""
    return directory / f"{path.stem}{number}.{form}"


@app.command()
def evaluate(
    tsv: Annotated[Path, typer.Argument(help="Lines of path, transcript and, if wanted, group, with tabs between.")],
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON.")] = False,
) -> None:
    """Character error rate, by group, with insertions, deletions and substitutions."""
    samples = evaluation.read_samples(tsv)
    engine = load_engine()
    with _progress() as progress:
        task = progress.add_task("recognising", total=len(samples))
        judged = evaluation.evaluate(engine, samples, lambda _: progress.advance(task))
    if as_json:
        out.print(json.dumps(evaluation.as_json(engine, judged), ensure_ascii=False, indent=2))
        return
    table = Table("group", "recordings", "characters", "ins", "del", "sub", "CER", title=engine.name)
    for group, rate in evaluation.by_group(judged).items():
        counts = (rate.utterances, rate.characters, rate.insertions, rate.deletions, rate.substitutions)
        table.add_row(group, *map(str, counts), "" if rate.rate is None else f"{rate.rate:.1%}")
    out.print(table)


@models_app.command("list")
def list_models() -> None:
    """Shows the models there are and which one is used."""
    config = settings.get(AsrSettings)
    used = models.chosen(config)
    table = Table("", "model", "where", "")
    there = models.installed()
    if used is not None and all(used.path != model.path for model in there):
        there.insert(0, used)
    for model in there:
        table.add_row(
            "*" if used is not None and used.path == model.path else "", model.name, str(model.path), model.origin
        )
    for offer in models.OFFERS.values():
        if all(offer.name != model.name for model in there):
            table.add_row("", offer.name, offer.url, f"to fetch, {offer.megabytes} MB; {offer.about}")
    out.print(table)
    if used is None:
        out.print("No model is installed: run `hotline models fetch`, or set HOTLINE_ASR_MODEL to a directory.")


@models_app.command("fetch")
def fetch_model(
    name: Annotated[str, typer.Argument(help="Which model.")] = models.SMALL_CN.name,
) -> None:
    """Downloads a model into models/asr; goes on where an earlier try broke off."""
    offer = models.offer(name)
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(*columns, console=shown, transient=True) as progress:
        task = progress.add_task(offer.name, total=None)
        model = models.fetch(offer, progress=lambda done, total: progress.update(task, completed=done, total=total))
    out.print(f"{model.name} is in {model.path}")


@models_app.command("verify")
def verify_models() -> None:
    """Compares the models' files with what was unpacked, and loads the one that is used."""
    wrong = {model.name: models.verify(model) for model in models.installed()}
    for name, faults in wrong.items():
        out.print(f"{name}: {'; '.join(faults) or 'as unpacked'}")
    used = models.required()
    out.print(f"{VoskEngine(used.path).name}: loads")
    if any(wrong.values()):
        raise ConfigurationError("a model was changed or is incomplete; remove its directory and fetch it again")


def _progress() -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeRemainingColumn(),
    )
    return Progress(*columns, console=shown, transient=True)
