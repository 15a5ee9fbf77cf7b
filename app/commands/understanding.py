"""``hotline understand``: what a text means."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from typing import Annotated

import typer

import nlu
from core import clock, settings
from core.errors import InvalidInput
from nlu import Context, Turn


def command(name: str) -> Callable[..., None]:
    return understand


def understand(
    text: Annotated[str, typer.Argument(help="What the customer said or wrote; - reads standard input.")],
    channel: Annotated[str, typer.Option(help="How it is written: call, wechat, email or form.")] = "form",
) -> None:
    """Print what a text means: intents, urgency, fields with their places, as JSON."""
    if channel not in ("call", "wechat", "email", "form"):
        raise InvalidInput("A channel's style is call, wechat, email or form.")
    config = settings.get(settings.CoreSettings)
    content = sys.stdin.read() if text == "-" else text
    understanding = nlu.load().understand(
        [Turn(text=content, channel=channel)],  # type: ignore[arg-type]  # checked above
        Context(now=clock.now(), zone=config.zone, region=config.region),
    )
    print(json.dumps(understanding.as_json(), ensure_ascii=False, indent=2, default=str))
