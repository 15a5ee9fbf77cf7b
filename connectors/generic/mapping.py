"""What came as Messages, by the channel's mappings. What fits no mapping is recorded whole; nothing is dropped in silence."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers

from connectors.generic import expression
from connectors.generic.definition import Definition, From, Mapped, Media, Moment, Spot, When
from core import clock
from intake import Attachment, Message, Place, Sender

MOST = 200  # messages in one body
MEDIA = "generic.media"
WAITING = "语音等待识别 (the voice message waits for recognition)"
Scope = Mapping[str, Any]


def holds(conditions: Sequence[When], scope: Scope) -> bool:
    """Whether every condition holds."""
    return all(_holds(condition, scope) for condition in conditions)


def _holds(condition: When, scope: Scope) -> bool:
    found = expression.value(condition.path, scope)
    if condition.absent:
        return found is None
    if condition.equals is not None:
        return expression.text_of(found) == expression.text_of(condition.equals)
    if condition.among:
        return expression.text_of(found) in {str(one) for one in condition.among}
    return found is not None


def messages(definition: Definition, scope: Scope) -> list[Message]:
    """Every message of a verified body, in its order. An element is read by the first mapping that fits it."""
    found: list[Message] = []
    taken: set[int] = set()
    skipped = False
    for mapped in definition.messages:
        for item, holders in expression.items(mapped.each, scope, MOST):
            if id(item) in taken and isinstance(item, dict | list):
                continue
            inner = {**scope, "item": item, "up": holders[-1] if holders else scope.get("body"), "ups": holders[:-1]}
            if not holds(mapped.when, inner):
                continue
            taken.add(id(item))
            if mapped.skip:
                skipped = True
                continue
            found.append(_message(definition, mapped, inner))
    if not found and not skipped:
        found.append(_unmatched(definition, scope))
    return found[:MOST]


def _message(definition: Definition, mapped: Mapped, scope: Scope) -> Message:
    written = json.dumps(scope["item"], ensure_ascii=False, sort_keys=True)
    digest = hashlib.sha256(written.encode("utf-8", "replace")).hexdigest()
    identity = expression.text(mapped.id, scope) if mapped.id else ""
    text = expression.text(mapped.text, scope)
    attachments = tuple(file for media in mapped.media for file in _files(media, scope))
    place = _place(mapped.place, scope)
    problem = ""
    if not (text or attachments or place or mapped.event):
        text, problem = written[:4000], "内容无法识别，原文如下。 / Nothing could be read from it; shown as it came."
    conversation = expression.text(mapped.conversation, scope)
    spoken = not text and any(file.type.startswith("audio/") for file in attachments)
    if spoken:
        problem = WAITING
    return Message(
        channel=definition.channel,
        channel_id=(identity if 0 < len(identity) <= 200 else digest),
        sender=_sender(mapped.sender, scope),
        text=text,
        subject=expression.text(mapped.subject, scope),
        sent_at=_moment(mapped.time, scope),
        style=definition.style,
        conversation=conversation,
        thread=tuple(filter(None, (expression.text(one, scope) for one in mapped.thread))),
        fields={name: found for name, path in mapped.fields.items() if (found := expression.text(path, scope).strip())},
        service=mapped.service,
        asset_code=expression.text(mapped.asset_code, scope)[:40],
        attachments=attachments,
        place=place,
        event=mapped.event[:40],
        waits="recognition" if spoken else "",
        problem=problem,
        extra={"item": json.loads(written) if len(written) < 50_000 else written[:50_000]},
        promises=(MEDIA,) if any(a.remote for a in attachments) else (),
    )


def _unmatched(definition: Definition, scope: Scope) -> Message:
    written = json.dumps(scope.get("body"), ensure_ascii=False, sort_keys=True)
    return Message(
        channel=definition.channel,
        channel_id=hashlib.sha256(written.encode("utf-8", "replace")).hexdigest(),
        sender=Sender(kind=definition.channel, value="unknown", verified=False),
        text=written[:4000],
        sent_at=clock.now(),
        style=definition.style,
        event="unmatched",
    )


def _sender(how: From | None, scope: Scope) -> Sender:
    if how is None:
        return Sender(kind=str(scope.get("channel", "unknown")), value="unknown", verified=False)
    value = expression.text(how.id, scope).strip()
    kind = how.kind
    if kind == "phone":
        value = e164(value, how.region) or value
    others = {name: found for name, path in how.others.items() if (found := expression.text(path, scope))}
    if "phone" in others:
        others["phone"] = e164(others["phone"], how.region) or others["phone"]
    return Sender(
        kind=kind,
        value=value[:255] or "unknown",
        name=expression.text(how.name, scope)[:80],
        verified=how.verified,
        others=others,
    )


def e164(number: str, region: str) -> str:
    """The number in E.164, "" if it is none."""
    try:
        parsed = phonenumbers.parse(
            number if number.startswith("+") else f"+{number}" if not region else number, region or None
        )
    except phonenumbers.NumberParseException:
        return ""
    if not phonenumbers.is_possible_number(parsed):
        return ""
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def _moment(how: Moment | None, scope: Scope) -> datetime:
    """Now, where there is no time or none that can be read."""
    if how is None:
        return clock.now()
    found = expression.text(how.at, scope).strip()
    try:
        if how.form in ("unix", "unix_ms"):
            return datetime.fromtimestamp(float(found) / (1000 if how.form == "unix_ms" else 1), UTC)
        iso = how.form == "iso"
        moment = datetime.fromisoformat(found) if iso else datetime.strptime(found, how.form)  # noqa: DTZ007  # zone below
    except (ValueError, OverflowError, OSError):
        return clock.now()
    try:
        return (moment if moment.tzinfo else moment.replace(tzinfo=ZoneInfo(how.zone))).astimezone(UTC)
    except OverflowError:
        return clock.now()


def _place(how: Spot | None, scope: Scope) -> Place | None:
    if how is None:
        return None
    try:
        north, east = (float(expression.text(path, scope)) for path in (how.latitude, how.longitude))
    except ValueError:
        return None
    if not (-90 <= north <= 90 and -180 <= east <= 180):
        return None
    return Place(latitude=north, longitude=east, label=expression.text(how.label, scope)[:300], datum=how.datum)


def _files(how: Media, scope: Scope) -> list[Attachment]:
    elements = expression.value(how.each, scope)
    files: list[Attachment] = []
    for number, element in enumerate((elements if isinstance(elements, list) else [elements])[:20]):
        inner = {**scope, "item": element, "up": scope.get("item")}
        remote = expression.text(how.id, inner) if element is not None else ""
        if not remote or not holds(how.when, inner):
            continue
        type_ = expression.text(how.type, inner).partition(";")[0].strip().lower()
        type_ = type_ if 0 < len(type_) < 80 and "/" in type_ else "application/octet-stream"
        name = expression.text(how.name, inner).replace("/", "_").replace("\\", "_").replace("\0", "")[:100]
        suffix = type_.partition("/")[2].replace("jpeg", "jpg").replace("*", "bin")[:8]
        files.append(Attachment(name=name or f"file-{number + 1}.{suffix}", type=type_, size=0, remote=remote[:1500]))
    return files
