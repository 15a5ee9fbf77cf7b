"""What is known from a message, field by field, each with its evidence: span, audio, and what found it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace

from rapidfuzz.distance import Levenshtein
from sqlalchemy import select
from sqlalchemy.orm import Session

from intake.message import Message, Sender
from nlu import FieldFound, Understanding
from ticketing import Asset, Ticket
from ticketing.drafts import DraftField

HEARD_BADLY = 0.5  # most confidence of a field that the dialog could not be sure of


def asset_fields(session: Session, code: str) -> dict[str, str]:
    """What a scanned label says of the machine."""
    asset = session.scalar(select(Asset).where(Asset.code == code)) if code else None
    if asset is None:
        return {}
    found = {"device": asset.device, "brand": asset.brand, "model": asset.model, "serial": asset.serial}
    return {name: value for name, value in {**found, "address": asset.address}.items() if value}


def fields_of(
    session: Session, message: Message, form_fields: Sequence[str], turns: int, understanding: Understanding | None
) -> list[DraftField]:
    """All that is known from the message: what the form says for certain, what was found, what the channel knows.

    ``turns`` is how many texts were read: the last ones are the inputs named by ``form_fields``.
    """
    found = understanding.fields if understanding else []
    fields: list[DraftField] = []
    first_form_turn = turns - len(form_fields)
    for index, name in enumerate(form_fields):
        resolved = next((f for f in found if f.turn == first_form_turn + index and f.name == name), None)
        fields.append(_from_form(name, message.fields[name], resolved))
    certain = set(form_fields)
    if message.place is not None and message.text.strip() == message.place.label:
        certain.add("address")  # the map's name of the place, not the customer's words
    fields.extend(
        _from_text(f, message)
        for f in found
        if f.turn < first_form_turn and (f.name not in certain or f.name == "fault")
    )
    fields = [_as_called(f, message.sender) for f in fields]
    names = {f.name for f in fields}
    for name, value in asset_fields(session, message.asset_code).items():
        if name not in names:
            fields.append(DraftField(name=name, value=value, component="asset"))
    if message.sender.kind == "phone" and message.sender.value and "phone" not in names:
        national = message.sender.value.removeprefix("+86")
        calling = {"value": national, "score": 0.9, "details": {"e164": message.sender.value}}
        fields.append(DraftField(name="phone", value=national, confidence=0.9, component="caller id", resolved=calling))
    if "contact_name" not in names and message.sender.name and message.channel in ("email", "webform"):
        fields.append(
            DraftField(name="contact_name", value=message.sender.name[:80], confidence=0.7, component="sender name")
        )
    return _with_place([_as_heard(f, message) for f in fields], message)


def _as_heard(f: DraftField, message: Message) -> DraftField:
    """What the telephone's dialog heard badly is nothing to confirm without a look, however sure the words' meaning is."""
    unsure = message.extra.get("dialog", {}).get("unsure", ())
    return replace(f, confidence=min(f.confidence, HEARD_BADLY)) if f.name in unsure else f


def _as_called(f: DraftField, sender: Sender) -> DraftField:
    """A number that was heard with a slip of one or two digits, where the telephone that called has the number without
    it: the caller's. What was heard stays in ``surface`` and among the candidates."""
    if f.name != "phone" or sender.kind != "phone" or f.component == "form":
        return f
    heard, calling = f.value, sender.value.removeprefix("+86")
    valid = len(heard) == len(calling) and e164(f) != ""
    if heard == calling or not 1 <= Levenshtein.distance(heard, calling) <= (1 if valid else 2):
        return f
    caller = {"value": calling, "score": 0.85, "details": {"e164": sender.value, "heard": heard}}
    return replace(
        f,
        value=calling,
        confidence=min(f.confidence, 0.85),
        component="caller id",
        resolved=caller,
        candidates=[caller, {"value": heard, "score": 0.15, "details": {}}],
    )


def _from_form(name: str, value: str, found: FieldFound | None) -> DraftField:
    return DraftField(
        name=name,
        value=found.value if found and name in ("phone", "model", "serial", "order") else value.strip(),
        surface=value,
        component="form",
        resolved=asdict(found.resolved) if found and found.resolved else None,
        candidates=[asdict(candidate) for candidate in found.candidates] if found else (),
    )


def _from_text(found: FieldFound, message: Message) -> DraftField:
    in_text = found.turn == 0
    audio = audio_of(message, found.start, found.end) if in_text else None
    return DraftField(
        name=found.name,
        value=found.value,
        surface=found.surface,
        confidence=found.confidence,
        component=found.component,
        start=found.start if in_text else None,
        end=found.end if in_text else None,
        audio_start=audio[0] if audio else None,
        audio_end=audio[1] if audio else None,
        resolved=asdict(found.resolved) if found.resolved else None,
        candidates=[asdict(candidate) for candidate in found.candidates],
    )


def audio_of(message: Message, start: int, end: int) -> tuple[int, int] | None:
    """Where in the recording (ms) the words of a span are heard."""
    heard = [w for w in message.words if w.offset < end and w.offset + len(w.text) > start]
    return (min(w.start for w in heard), max(w.end for w in heard)) if heard else None


def _with_place(fields: list[DraftField], message: Message) -> list[DraftField]:
    """A place that was sent with the message gives the address its coordinates, or is the address."""
    place = message.place
    if place is None:
        return fields
    where = {"latitude": place.latitude, "longitude": place.longitude, "datum": place.datum}
    out: list[DraftField] = []
    placed = False
    for f in fields:
        if f.name == "address" and not placed:
            resolved = dict(f.resolved or {"value": f.value, "score": f.confidence, "details": {}})
            resolved["details"] = {**resolved["details"], **where}
            f, placed = replace(f, resolved=resolved), True
        out.append(f)
    if not placed and place.label:
        resolved = {"value": place.label, "score": 0.8, "details": where}
        out.append(DraftField(name="address", value=place.label, confidence=0.8, component="place", resolved=resolved))
    return out


def locate(ticket: Ticket, latitude: float, longitude: float, datum: str) -> None:
    """Gives the ticket's address the coordinates that came later."""
    address = ticket.field("address")
    if address is not None:
        resolved = dict(address.resolved or {"value": address.value, "score": address.confidence, "details": {}})
        resolved["details"] = {**resolved["details"], "latitude": latitude, "longitude": longitude, "datum": datum}
        address.resolved = resolved


def e164(f: DraftField) -> str:
    return str(((f.resolved or {}).get("details") or {}).get("e164") or "")
