"""What the caller has said so far, as values by field."""

from __future__ import annotations

from collections.abc import Sequence

from core import clock, settings
from intake.dialog.people import KnownCaller
from intake.dialog.state import Heard
from intake.understand import understander
from nlu import Context, Turn

SURE = 0.55  # less is as good as not said: it is asked for. An answer that is only taken for one has 0.5
CORRECTION = 0.25  # a later value may be so much less sure and still count: callers correct themselves


def ready() -> None:
    """Loads the language pipeline; raises what that raises."""
    understander()


def values_of(turns: Sequence[Heard], caller: KnownCaller, required: Sequence[str]) -> dict[str, str]:
    """The best value of each field of all that was said; pure but for the clock."""
    spoken = [
        Turn(text=turn.text, channel="call", expects=turn.step if turn.step in required else "")
        for turn in turns
        if turn.speaker == "customer"
    ]
    if not spoken:
        return {}
    config = settings.get(settings.CoreSettings)
    context = Context(
        now=clock.now(), zone=config.zone, region=config.region, assets=caller.assets, required=list(required)
    )
    found: dict[str, tuple[float, str]] = {}
    for one in sorted(understander().understand(spoken, context).fields, key=lambda field: (field.turn, field.start)):
        if one.confidence >= SURE and one.confidence + CORRECTION >= found.get(one.name, (0.0, ""))[0]:
            found[one.name] = (one.confidence, one.value)
    return {name: value for name, (_, value) in found.items()}
