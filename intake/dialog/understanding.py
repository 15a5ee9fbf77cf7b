"""What the caller has said so far, as values by field."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass

from core import clock, settings
from intake.dialog.people import KnownCaller
from intake.dialog.state import Heard
from intake.understand import understander
from nlu import Context, FieldFound, Turn

SURE = 0.55  # less is as good as not said: it is asked for. An answer that is only taken for one has 0.5
CORRECTION = 0.25  # a later value may be so much less sure and still count: callers correct themselves


def ready() -> None:
    """Loads the language pipeline; raises what that raises."""
    understander()


@dataclass(frozen=True, kw_only=True)
class Understood:
    """The best value of each field; ``doubtful``: those whose words the recogniser was not sure of; ``impossible``: those that
    can't be right, however well they were heard."""

    values: Mapping[str, str]
    doubtful: Set[str] = frozenset()
    impossible: Set[str] = frozenset()


def understood(turns: Sequence[Heard], caller: KnownCaller, required: Sequence[str]) -> Understood:
    """All that was said; pure but for the clock."""
    heard = [turn for turn in turns if turn.speaker == "customer"]
    if not heard:
        return Understood(values={})
    spoken = [
        Turn(text=turn.text, channel="call", expects=turn.step if turn.step in required else "") for turn in heard
    ]
    config = settings.get(settings.CoreSettings)
    context = Context(
        now=clock.now(), zone=config.zone, region=config.region, assets=caller.assets, required=list(required)
    )
    found: dict[str, FieldFound] = {}
    for one in sorted(understander().understand(spoken, context).fields, key=lambda field: (field.turn, field.start)):
        before = found.get(one.name)
        if one.confidence >= SURE and (before is None or one.confidence + CORRECTION >= before.confidence):
            found[one.name] = one
    return Understood(
        values={name: one.value for name, one in found.items()},
        doubtful={name for name, one in found.items() if not heard[one.turn].is_clear(one.start, one.end)},
        impossible={name for name, one in found.items() if not is_possible(one)},
    )


def is_possible(field: FieldFound) -> bool:
    """A telephone number must be one that can be called; digits are lost where they are heard badly."""
    if field.name != "phone":
        return True
    return field.resolved is not None and field.resolved.details.get("kind") != "unknown"
