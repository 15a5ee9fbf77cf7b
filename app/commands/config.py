"""``hotline config``: every option with its default, its value now and what it does."""

from __future__ import annotations

import importlib
import importlib.util
import json
import pkgutil
import re
from pathlib import Path
from typing import Annotated

import typer
from pydantic import SecretStr
from rich.console import Console
from rich.table import Table

from core import settings

app = typer.Typer(help="Show the settings.", invoke_without_command=True)


def command(name: str) -> typer.Typer:
    return app


ROOMS = ("core", "asr", "tts", "nlu", "ticketing", "sla", "dispatch", "settlement", "intake", "connectors", "app")


@app.callback()
def show(
    ctx: typer.Context,
    changed: Annotated[bool, typer.Option("--changed", help="Only options that differ from their default.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Print every option: variable, value, default, meaning. Secrets are not shown."""
    if ctx.invoked_subcommand is not None:
        return
    rows = [row for row in options() if not changed or row["value"] != row["default"]]
    if as_json:
        print(json.dumps(rows, ensure_ascii=False, indent=2))
        return
    table = Table("variable", "value", "default", "meaning", show_lines=False)
    for row in rows:
        table.add_row(row["variable"], row["value"], row["default"], row["meaning"])
    Console().print(table)


def options() -> list[dict[str, str]]:
    """Every option of every section that any room declares."""
    for room in ROOMS:
        package = importlib.import_module(room)
        for module in pkgutil.walk_packages(package.__path__, f"{room}."):
            if _declares_a_section(module.name):
                importlib.import_module(module.name)
    rows: list[dict[str, str]] = []
    for section in sorted(settings.sections.values(), key=lambda s: s.prefix):
        values = settings.get(section)
        for name, field in section.model_fields.items():
            value = getattr(values, name)
            default = field.get_default(call_default_factory=True)
            rows.append(
                {
                    "variable": f"{section.prefix}{name.upper()}",
                    "value": _shown(value),
                    "default": _shown(default),
                    "meaning": field.description or "",
                }
            )
    return rows


def _declares_a_section(name: str) -> bool:
    """Read, not imported: importing everything would load speech, language and telephony."""
    source = importlib.util.find_spec(name)
    if source is None or not source.origin or not source.origin.endswith(".py"):
        return False
    return re.search(r"^class \w+\((settings\.)?Section\b", Path(source.origin).read_text("utf-8"), re.M) is not None


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return "(set)" if value.get_secret_value() else ""
    return "" if value is None else str(value)
