"""``hotline mail parse``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from connectors.email import thread
from connectors.email.parse import parse
from connectors.email.parsed import ParsedMail

commands = typer.Typer(name="mail", help="Mail: look at what the program makes of one.", no_args_is_help=True)


@commands.callback()
def mail() -> None:
    """Mail: look at what the program makes of one."""


@commands.command("parse")
def parse_file(
    file: Annotated[
        Path, typer.Argument(exists=True, dir_okay=False, readable=True, allow_dash=True, help="An .eml file.")
    ],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Prints subject, sender, recipients, date, text, cut text, kind and attachments of a mail."""
    parsed = parse(file.read_bytes())
    made = parsed.as_json()
    if parsed.loop_mark and thread.is_own(parsed.loop_mark):
        made["kind"] = "loop"
    typer.echo(json.dumps(made, ensure_ascii=False, indent=2) if as_json else _readable(parsed))


def _readable(mail: ParsedMail) -> str:
    lines = [
        f"subject:     {mail.subject}",
        f"sender:      {mail.sender}",
        f"recipients:  {', '.join(str(one) for one in mail.recipients)}",
        f"date:        {mail.date.isoformat() if mail.date else ''}",
        f"kind:        {mail.kind}{f' ({mail.kind_reason})' if mail.kind_reason else ''}",
        *(f"attachment:  {one.file_name} ({one.type}, {one.size} bytes)" for one in mail.attachments),
        *(f"invitation:  {one.sentence()}" for one in mail.invitations),
        *(f"problem:     {one}" for one in mail.problems),
    ]
    return "\n".join([*lines, "", mail.cut_text])
