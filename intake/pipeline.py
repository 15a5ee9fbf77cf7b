"""The process's language pipeline: loaded once, replaceable in tests, asked for the meaning of single values too."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import Any

import nlu
from core import clock, log, settings
from nlu import Context, Turn, Understander

logger = log.get(__name__)
_replacement: Understander | None = None


@cache
def _loaded() -> Understander:
    loaded: Understander = nlu.load()
    return loaded


def understander() -> Understander:
    """The process's pipeline, loaded once."""
    return _replacement or _loaded()


def warm_up() -> None:
    """Loads the pipeline before the first message waits for it. Without one, messages become drafts for a human."""
    try:
        understander().understand(
            [Turn(text="空调不制冷")], Context(now=clock.now())
        )  # catalogue and places load at first use
    except Exception:
        logger.exception("the language pipeline cannot be loaded")


def use(replacement: Understander | None) -> None:
    """Sets another understander (tests that need a certain understanding)."""
    global _replacement
    _replacement = replacement


def meaning(name: str, value: str) -> dict[str, Any] | None:
    """What a value that an agent typed stands for: {value, score, details} of an address, device, time; None if unknown.
    Milliseconds once the pipeline is loaded; never raises, for a correction counts with or without its meaning."""
    config = settings.get(settings.CoreSettings)
    context = Context(now=clock.now(), zone=config.zone, region=config.region)
    try:
        found = understander().understand([Turn(text=value, channel="form", expects=name)], context).fields
    except Exception:
        logger.exception("a corrected value could not be understood", field=name)
        return None
    best = max((f for f in found if f.name == name and f.resolved), key=lambda f: len(f.surface), default=None)
    return asdict(best.resolved) if best is not None and best.resolved is not None else None
