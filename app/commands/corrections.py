"""``hotline nlu export-corrections``: what agents made of the machine's fields, as training examples."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import typer

from core import db
from nlu import FIELD_NAMES
from nlu import commands as nlu_commands
from ticketing.corrections import Correction, corrections

STYLES = {"sip": "call", "microphone": "call", "wechat": "wechat", "wecom": "wechat", "email": "email"}


def add_to(group: typer.Typer) -> None:
    group.command(name="export-corrections")(export)


def export(
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write, one JSON object a line.")],
    every: Annotated[bool, typer.Option("--all", help="Also reviewed tickets in which nothing was changed.")] = False,
) -> None:
    """Write reviewed requests as training examples for `hotline nlu train --extra`. They hold personal data."""
    with db.read() as session:
        found = corrections(session, only_changed=not every)
        written, refused = nlu_commands.export_corrections((example(one) for one in found), out)
    out.chmod(0o600)
    print(f"{written} examples are in {out}" + (f"; {refused} could not be used" if refused else ""))


def example(correction: Correction) -> dict[str, Any]:
    """A correction in the labelling guidelines' format. A field that stands nowhere in the text is no example of it."""
    fields = [
        {"name": f.name, "start": f.start, "end": f.end, "text": f.surface, "value": f.value}
        for f in correction.fields
        if not f.removed and f.start is not None and f.end is not None and f.name in FIELD_NAMES
    ]
    return {
        "id": f"{correction.ticket_number}-{correction.message_id[:8]}",
        "channel": STYLES.get(correction.channel, "form"),
        "text": correction.text,
        "intents": list(correction.intents) or ["other"],
        "urgency": correction.urgency,
        "sentiment": correction.sentiment,
        "fields": sorted(_distinct(fields), key=lambda f: int(f["start"])),
    }


def _distinct(fields: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    seen: set[tuple[Any, Any, Any]] = set()
    for field in fields:
        key = (field["name"], field["start"], field["end"])
        if key not in seen:
            seen.add(key)
            yield field
