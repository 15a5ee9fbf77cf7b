"""``hotline webform``: QR labels."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from connectors.webform.labels import base_url, of_assets, pdf

commands = typer.Typer(help="Public pages and QR labels.", no_args_is_help=True)


@commands.callback()
def group() -> None:
    """Public pages and QR labels."""


@commands.command()
def labels(
    file: Annotated[Path, typer.Argument(help="PDF to write.")],
    codes: Annotated[list[str] | None, typer.Option("--code", help="Only these assets.")] = None,
    url: Annotated[str, typer.Option(help="Address of the web process as customers reach it.")] = "",
) -> None:
    """Write a PDF of QR labels, 24 to a sheet."""
    found = of_assets(codes or [])
    file.write_bytes(pdf(found, (url or base_url()).rstrip("/")))
    typer.echo(f"{len(found)} labels in {file}")
