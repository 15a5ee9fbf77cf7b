"""The commands ``hotline nlu ...`` and what ``hotline understand`` prints."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from core import clock, settings
from core.text import clean
from nlu.contract import FIELD_NAMES, Channel, Context, Turn

app = typer.Typer(no_args_is_help=True, help="Train, measure and compare the models of understanding.")
_console = Console()


def understand_text(
    text: str, *, channel: Channel = "form", region: str = "", model: Path | None = None
) -> dict[str, Any]:
    """What ``hotline understand TEXT`` prints: the understanding of one text, as JSON-ready data."""
    import nlu

    core = settings.get(settings.CoreSettings)
    context = Context(now=clock.now(), zone=core.zone, region=region or core.region)
    understood = nlu.load(model).understand([Turn(text=clean(text), channel=channel)], context)
    return json.loads(json.dumps(understood.as_json(), ensure_ascii=False, default=str))  # type: ignore[no-any-return]


@app.command()
def train(
    out: Annotated[Path, typer.Option(help="Directory to write the pipeline to.")],
    seed: Annotated[
        int,
        typer.Option(
            help="Seed of corpus and training; the same seed gives the same model where the C library is the same."
        ),
    ] = 7,
    count: Annotated[int, typer.Option(help="Examples to generate.")] = 1_000,
    times: Annotated[
        int, typer.Option(help="Uses of each hand-written request: once as it stands, the others varied.")
    ] = 2,
    extra: Annotated[
        list[Path] | None, typer.Option(help="Reviewed tickets, JSON lines as export-corrections writes them.")
    ] = None,
    version: Annotated[str, typer.Option(help="Version written into the pipeline.")] = "1.0",
) -> None:
    """Trains a pipeline from the corpus recipe (and reviewed tickets)."""
    from nlu.corpus import read_examples
    from nlu.training import train as run

    reviewed = [e for path in extra or () for e in read_examples(path)]
    with Progress(
        TextColumn("{task.description:28}"), BarColumn(), TimeElapsedColumn(), console=Console(stderr=True)
    ) as bar:
        task = bar.add_task("making the corpus", total=1.0)
        run(
            out,
            seed=seed,
            count=count,
            times=times,
            extra=reviewed,
            version=version,
            progress=lambda what, share: bar.update(task, description=what, completed=share),
        )
    _console.print(f"written: {out}")


@app.command()
def evaluate(
    file: Annotated[Path, typer.Argument(help="Labelled requests, JSON lines.")],
    model: Annotated[Path | None, typer.Option(help="Pipeline directory. Default: the newest shipped one.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    card: Annotated[Path | None, typer.Option(help="Also write the model's card to this file.")] = None,
    errors: Annotated[bool, typer.Option("--errors", help="List every wrong field and label.")] = False,
) -> None:
    """Prints per field precision, recall and F1 by exact span, overlap and value; intents, urgency, sentiment; speed."""
    import nlu
    from nlu.corpus import read_examples
    from nlu.evaluation import score

    scores = score(nlu.load(model), read_examples(file))
    if card is not None:
        from nlu.datasheet import card as make_card
        from nlu.location import model_path

        card.write_text(make_card(scores, f"hotline_nlu {model_path(model).name}"), encoding="utf-8")
    if as_json:
        content = scores.as_json()
        if not errors:
            content.pop("errors")
        typer.echo(json.dumps(content, ensure_ascii=False, indent=1))
        return
    table = Table(title=f"{scores.examples} requests")
    for heading in ("field", "n", "value P", "value R", "value F1", "95 %", "exact F1", "overlap F1"):
        table.add_column(heading, justify="left" if heading == "field" else "right")
    for name in (*FIELD_NAMES, "micro"):
        value, exact, overlap = (scores.fields[name][k] for k in ("value", "exact", "overlap"))
        table.add_row(
            name,
            str(value.f1.n),
            f"{value.precision:.3f}",
            f"{value.recall:.3f}",
            f"{value.f1.value:.3f}",
            f"{value.f1.low:.2f}-{value.f1.high:.2f}",
            f"{exact.f1.value:.3f}",
            f"{overlap.f1.value:.3f}",
        )
    _console.print(table)
    whole = Table()
    for heading in ("measure", "n", "value", "95 %"):
        whole.add_column(heading, justify="left" if heading == "measure" else "right")
    for name in ("intent_main", "intents_exact", "urgency", "sentiment", "emergency_recall", "emergency_false"):
        ratio = getattr(scores, name)
        whole.add_row(name, str(ratio.n), f"{ratio.value:.3f}", f"{ratio.low:.2f}-{ratio.high:.2f}")
    whole.add_row("calibration error", "", f"{scores.calibration_error:.3f}", "")
    whole.add_row("requests a second, one core", "", f"{scores.docs_per_second:.0f}", "")
    whole.add_row("p99, ms", "", f"{scores.p99_ms:.1f}", "")
    _console.print(whole)
    if errors:
        listing = Table(title="wrong")
        for heading in ("id", "field", "kind", "text", "want", "got"):
            listing.add_column(heading)
        for e in scores.errors:
            listing.add_row(e["id"], e["field"], e["kind"], e["text"], str(e["want"]), str(e["got"]))
        _console.print(listing)


@app.command()
def compare(
    old: Annotated[Path, typer.Argument(help="Pipeline directory of the old model.")],
    new: Annotated[Path, typer.Argument(help="Pipeline directory of the new model.")],
    file: Annotated[Path, typer.Argument(help="Labelled requests, JSON lines.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Says by a paired bootstrap whether the new model is better."""
    import nlu
    from nlu.corpus import read_examples
    from nlu.evaluation import compare as run
    from nlu.evaluation import score

    examples = read_examples(file)
    result = run(score(nlu.load(old), examples), score(nlu.load(new), examples))
    if as_json:
        typer.echo(
            json.dumps([vars(d) | {"verdict": d.verdict} for d in result.differences], ensure_ascii=False, indent=1)
        )
        return
    table = Table(title=f"{result.examples} requests, paired bootstrap")
    for heading in ("measure", "old", "new", "difference, 95 %", "p", "verdict"):
        table.add_column(heading)
    for d in result.differences:
        table.add_row(d.name, f"{d.old:.3f}", f"{d.new:.3f}", f"{d.low:+.3f} .. {d.high:+.3f}", f"{d.p:.3f}", d.verdict)
    _console.print(table)


def export_corrections(corrected: Iterable[dict[str, Any]], out: Path) -> tuple[int, int]:
    """Writes reviewed requests as training examples; returns how many were written and how many refused.

    Each entry is in the guidelines' format (id, channel, text, intents, urgency, sentiment, fields with name, start, end, text,
    value). An entry whose offsets or names are wrong is refused, never repaired by guessing.
    """
    from nlu.corpus.examples import from_json, write_examples

    kept, refused = [], 0
    for entry in corrected:
        try:
            kept.append(from_json(entry))
        except (KeyError, TypeError, ValueError):
            refused += 1
    return write_examples(out, kept), refused


@app.command()
def datasheet(model: Annotated[Path | None, typer.Option(help="Pipeline directory.")] = None) -> None:
    """Says where each part of the training material comes from, with its licence, and how much there is of it."""
    from nlu.datasheet import datasheet as make

    typer.echo(make(model))
