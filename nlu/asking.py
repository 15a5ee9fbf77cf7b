"""What is still missing and what to ask next."""

from __future__ import annotations

from collections.abc import Sequence

from nlu.contract import Ask, Context, FieldFound

UNSURE = 0.55  # below this confidence a required field is read back
_ORDER = (
    "device",
    "fault",
    "address",
    "phone",
    "contact_name",
    "time",
    "order",
    "brand",
    "model",
    "serial",
    "fault_code",
)


def what_next(fields: Sequence[FieldFound], context: Context, intents: Sequence[str]) -> tuple[list[str], Ask | None]:
    """The required fields that are neither known nor found, in the order a person would ask; and the next question."""
    required = [n for n in _ORDER if n in context.required] + [n for n in context.required if n not in _ORDER]
    found = {
        name: max((f for f in fields if f.name == name), key=lambda f: f.confidence, default=None) for name in required
    }
    missing = [n for n in required if not context.known.get(n) and found[n] is None]
    if missing:
        return missing, Ask(field=missing[0], reason="missing", options=_options(missing[0], context))
    for name in required:
        best = found[name]
        if context.known.get(name) or best is None:
            continue
        if (
            name == "address"
            and len(best.candidates) > 1
            and best.candidates[0].score - best.candidates[1].score < 0.05
        ):
            return [], Ask(field=name, reason="ambiguous", options=tuple(c.value for c in best.candidates[:4]))
        if best.confidence < UNSURE:
            return [], Ask(field=name, reason="unsure", options=(best.value,))
    return [], None


def _options(name: str, context: Context) -> tuple[str, ...]:
    if name == "device":
        return tuple(dict.fromkeys(a.device for a in context.assets if a.device))[:5]
    return ()
