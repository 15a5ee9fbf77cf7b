"""A Message: what came, from whom, when, on which channel, with the raw original. Connectors make it; intake keeps it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who sent it, as the channel knows: ``kind`` is phone (E.164 or as signalled), openid, unionid, mail, account, or a
    channel's own. ``verified``: the channel vouches for it. ``others`` are further identities of the same person
    (e.g. {"unionid": ...})."""

    kind: str
    value: str
    name: str = ""
    verified: bool = True
    others: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file that came with it; ``blob`` is its reference in the blob store ("" while it is still to be fetched, then
    ``remote`` says from where). ``size`` in bytes."""

    name: str
    type: str
    size: int
    blob: str = ""
    remote: str = ""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Coordinates in degrees. ``datum`` is GCJ-02 for what Chinese apps send, WGS-84 for GPS."""

    latitude: float
    longitude: float
    label: str = ""
    datum: str = "GCJ-02"


@dataclass(frozen=True, kw_only=True)
class HeardWord:
    """One word of a call: offset of its first character in ``Message.text``, ms in the recording, confidence, leg
    (customer or agent)."""

    text: str
    offset: int
    start: int
    end: int
    confidence: float
    leg: str = "customer"


@dataclass(frozen=True, kw_only=True)
class Message:
    """``channel`` is the connector's name; ``channel_id`` the channel's own identity of this message: the same pair is
    taken in once, however often it comes. ``conversation``: key that groups messages on the channel ("" = none).

    ``fields`` are values that the channel knows for certain (a form's inputs, an asset's code), by field name, and need
    no finding; ``style`` is how it is written, for nlu: call, wechat, email, form. ``event`` marks what is no request by
    itself (followed, menu click, bounce, auto-reply): it is recorded, no draft is made. ``waits`` says what must happen
    before it can be understood ("recognition"). ``problem`` says why it could not be read, for the agent.
    ``promises``: kinds of promises made in the transaction that takes it in, each with ``{"message": its id}`` (such as
    fetching media that the channel only points to).
    """

    channel: str
    channel_id: str
    sender: Sender
    text: str
    sent_at: datetime
    style: str = "form"
    conversation: str = ""
    thread: Sequence[str] = ()
    ticket_number: str = ""
    subject: str = ""
    cut_text: str = ""
    service: str = ""
    asset_code: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    attachments: Sequence[Attachment] = ()
    place: Place | None = None
    original: str = ""
    recording: str = ""
    words: Sequence[HeardWord] = ()
    event: str = ""
    waits: str = ""
    problem: str = ""
    session_id: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict)
    promises: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Acceptance:
    """What the inbox did with it. ``message_id`` is 32 hex digits; ``known``: it had been taken in before."""

    message_id: str
    known: bool
