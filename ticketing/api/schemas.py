"""What the API takes and gives. Requests refuse names they do not know; answers are documented field by field."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, RootModel

Id = Annotated[int, Field(ge=1, le=2_147_483_647)]
IdOrNobody = Annotated[int, Field(ge=0, le=2_147_483_647, description="0: nobody")]
Limit = Annotated[int, Field(ge=1, le=200, description="items of one page")]
Short = Annotated[str, Field(max_length=200)]
Text = Annotated[str, Field(min_length=1, max_length=20_000)]
Reason = Annotated[str, Field(min_length=1, max_length=1000)]
Version = Annotated[
    int | None, Field(ge=1, description="the version that was seen; 409 if it is no longer the present one")
]


class Asked(BaseModel):
    """Base of all request bodies."""

    model_config = ConfigDict(extra="forbid", str_max_length=200_000)


class Done(BaseModel):
    """It was done."""

    ok: bool = True


# -- people and machines ---------------------------------------------------------------------------------------------


class Person(BaseModel):
    """A user, in short."""

    id: int
    name: str


class SignedInUser(BaseModel):
    """The user who is signed in."""

    id: int
    login: str
    name: str
    role: str
    language: str
    regions: list[str]
    permissions: list[str]


class SessionAnswer(BaseModel):
    user: SignedInUser


class IdentityAnswer(BaseModel):
    kind: str
    value: str = Field(description="masked unless the reader may see it")
    verified: bool


class CustomerShort(BaseModel):
    id: int
    name: str
    phone: str = Field(description='masked unless the reader may see it; "" if none is known')
    level: str
    language: str


class AssetAnswer(BaseModel):
    id: int
    code: str = Field(description="what its QR label says")
    customer_id: int | None
    device: str
    brand: str
    model: str
    serial: str
    address: str
    installed: datetime | None
    warranty_until: datetime | None


class PerhapsSame(BaseModel):
    """Another customer who may be the same person, and why."""

    id: int
    name: str
    because: str
    identities: list[IdentityAnswer]


class JoinedCustomer(BaseModel):
    """A customer that was joined into this one; `DELETE /customers/{id}/join` takes it out again."""

    id: int
    name: str
    identities: list[IdentityAnswer]


class CustomerAnswer(CustomerShort):
    note: str
    created: datetime
    identities: list[IdentityAnswer]
    assets: list[AssetAnswer]
    tickets: list[TicketRow] = Field(description="the latest of this customer that the reader may see")
    perhaps_same: list[PerhapsSame] = Field(description="proposals to join, for a person to decide")
    joined: list[JoinedCustomer] = Field(description="customers for whom this one counts too")


class CustomerList(BaseModel):
    items: list[CustomerShort]
    next: str | None


class AssetList(BaseModel):
    items: list[AssetAnswer]
    next: str | None


# -- tickets -----------------------------------------------------------------------------------------------------------


class TicketRow(BaseModel):
    """A ticket in a list; personal values are always masked here."""

    id: int
    number: str
    version: int
    state: str
    service: str
    intents: list[dict[str, Any]]
    urgency: str
    sentiment: str
    priority: int = Field(description="1 emergency, 2 high, 3 normal, 4 low")
    summary: str
    missing: list[str]
    channel: str
    created: datetime
    confirmed: datetime | None
    closed: datetime | None
    customer: CustomerShort | None
    assignee: Person | None
    reviewer: Person | None
    unread: bool = Field(description="a customer's message joined it under way and nobody has opened it yet")
    wish: str | None = Field(
        description="cancel or reschedule: what the customer asked under way, until it is answered"
    )
    brief: dict[str, str] = Field(description="field name to its value as it counts now")


class TicketList(BaseModel):
    items: list[TicketRow]
    next: str | None
    total: int | None = Field(None, description="only with total=true")


class Counts(RootModel[dict[str, int]]):
    """Number of visible tickets by state."""


class FieldAnswer(BaseModel):
    """A field with its evidence: span in a message's text, ms in its recording."""

    id: int
    name: str
    label: dict[str, str]
    value: str = Field(description="what the machine found")
    current: str = Field(description="what counts: an agent's value before the machine's")
    surface: str
    confidence: float
    component: str
    message_id: str | None
    start: int | None
    end: int | None
    audio_start: int | None
    audio_end: int | None
    resolved: dict[str, Any] | None
    candidates: list[dict[str, Any]]
    corrected_value: str | None
    corrected_by: Person | None
    corrected_at: datetime | None
    removed: bool


class AttachmentAnswer(BaseModel):
    name: str
    type: str
    size: int
    url: str | None = Field(description="null while it is still being fetched, and once it was deleted")


class EntryAnswer(BaseModel):
    id: int
    ticket_id: int = Field(description="another one's id if that ticket was merged into this one")
    kind: str = Field(description="message, reply, note")
    author: str
    author_name: str
    channel: str
    text: str
    message_id: str | None
    attachments: list[AttachmentAnswer]
    words: list[list[Any]] = Field(description="[[text, start ms, end ms, confidence, offset, leg], ...]")
    recording_url: str | None
    deleted: dict[str, str] = Field(
        description="recording, original, attachments to when the policy of retention deleted them"
    )
    place: dict[str, Any] | None
    reason: str
    delivery: str = Field(description="of a reply: waiting, sent, delivered, failed")
    at: datetime


class TicketAnswer(TicketRow):
    """A ticket with all its evidence."""

    asset: AssetAnswer | None
    parent_id: int | None
    merged_into: int | None
    held: str | None = Field(description="the reason of a legal hold")
    merged: list[int] = Field(description="tickets that were merged into this one")
    reason: str
    masked: bool = Field(description="true: personal values are covered; unmask shows them")
    fields: list[FieldAnswer]
    entries: list[EntryAnswer]
    wish_entry: int | None = Field(description="the entry that says the wish")
    actions: list[str] = Field(
        description="what the reader may do now, as in POST /tickets/{id}/ACTION; `fields` is PATCH"
    )
    duplicates: list[TicketRow]
    perhaps_same: list[PerhapsSame] = Field(description="who may be the same person as this ticket's customer")


class TimelineItem(BaseModel):
    at: datetime
    kind: str = Field(description="an event's kind, or entry.message, entry.reply, entry.note, notice.PURPOSE")
    actor: str
    actor_name: str
    text: str
    details: dict[str, Any]


class Timeline(BaseModel):
    items: list[TimelineItem]


class Unmasked(BaseModel):
    """The personal values of one ticket; this look is in the audit trail."""

    phones: list[str]
    addresses: list[str]
    fields: dict[str, str] = Field(description="field id to its full value")
    customer: list[IdentityAnswer]


class NewTicket(Asked):
    """A ticket written by hand."""

    service: Short = "repair"
    text: Annotated[str, Field(max_length=20_000)] = ""
    fields: dict[str, str] = Field(default_factory=dict, max_length=60)
    urgency: Short = "normal"
    customer_id: Id | None = None
    asset_id: Id | None = None
    channel: Short = "desk"


class Step(Asked):
    version: Version = None


class StepWithReason(Step):
    reason: Reason


class StepWithChoice(Step):
    reason: Annotated[str, Field(max_length=1000)] = ""


class Corrections(Asked):
    """Field name (or ``#id`` where several have one name) to value; null takes the field away."""

    version: Annotated[int, Field(ge=1)]
    fields: dict[str, str | None] = Field(default_factory=dict, max_length=60)
    service: Short | None = None
    urgency: Short | None = None
    customer_id: Id | None = None


class Confirmation(Corrections):
    incomplete: bool = Field(False, description="confirm although required fields are missing")


class Opened(Asked):
    """What is on the screen."""

    entry: Annotated[Id, Field(description="the newest entry that is shown; what came later stays unread")]


class Reschedule(Step):
    time: Annotated[str, Field(min_length=1, max_length=200, description="in the customer's words, such as 周六上午")]


class Merge(Step):
    into: Id
    reason: Annotated[str, Field(max_length=1000)] = ""


class Words(Step):
    text: Text


class Letter(Words):
    channel: Short = ""


class UnmaskRequest(Asked):
    reason: Annotated[str, Field(max_length=500)] = ""


# -- customers, assets, users, audit, forms ----------------------------------------------------------------------------


class CustomerChange(Asked):
    name: Short | None = None
    language: Short | None = None
    level: Short | None = None
    note: Annotated[str | None, Field(max_length=5000)] = None


class JoinInto(Asked):
    """The customer that counts for both from now on."""

    into: Id


class NewAsset(Asked):
    code: Annotated[str, Field(min_length=1, max_length=40, pattern=r"^[A-Za-z0-9._-]+$")]
    device: Annotated[str, Field(min_length=1, max_length=80)]
    customer_id: Id | None = None
    brand: Annotated[str, Field(max_length=80)] = ""
    model: Annotated[str, Field(max_length=80)] = ""
    serial: Annotated[str, Field(max_length=80)] = ""
    address: Annotated[str, Field(max_length=300)] = ""
    installed: datetime | None = None
    warranty_until: datetime | None = None


class AssetChange(Asked):
    device: Annotated[str | None, Field(min_length=1, max_length=80)] = None
    customer_id: Id | None = None
    brand: Annotated[str | None, Field(max_length=80)] = None
    model: Annotated[str | None, Field(max_length=80)] = None
    serial: Annotated[str | None, Field(max_length=80)] = None
    address: Annotated[str | None, Field(max_length=300)] = None
    installed: datetime | None = None
    warranty_until: datetime | None = None


class SignInRequest(Asked):
    login: Annotated[str, Field(min_length=1, max_length=60)]
    password: Annotated[str, Field(min_length=1, max_length=256)]


class FirstAdministrator(SignInRequest):
    code: Annotated[str, Field(min_length=1, max_length=64, description="the setup code that `hotline up` prints")]
    name: Annotated[str, Field(max_length=80)] = ""


class NewUser(Asked):
    login: Annotated[str, Field(min_length=2, max_length=60)]
    name: Annotated[str, Field(max_length=80)]
    role: Short
    password: Annotated[str | None, Field(max_length=256)] = None
    language: Short = "zh"
    regions: Annotated[list[str], Field(max_length=100)] = []
    team: Annotated[str, Field(max_length=60)] = ""


class UserChange(Asked):
    name: Annotated[str | None, Field(max_length=80)] = None
    role: Short | None = None
    language: Short | None = None
    regions: Annotated[list[str] | None, Field(max_length=100)] = None
    team: Annotated[str | None, Field(max_length=60)] = None
    active: bool | None = None


class NewPassword(Asked):
    password: Annotated[str, Field(min_length=1, max_length=256)]
    old: Annotated[str | None, Field(max_length=256, description="needed for one's own")] = None


class NewKey(Asked):
    label: Annotated[str, Field(min_length=1, max_length=120)]
    days: Annotated[int | None, Field(ge=1, le=3650, description="until it runs out; null: never")] = None


class KeyAnswer(BaseModel):
    """Shown once: only its hash is kept."""

    token: str
    label: str
    expires: datetime | None


class UserAnswer(BaseModel):
    id: int
    login: str
    name: str
    role: str
    language: str
    regions: list[str]
    team: str
    active: bool
    created: datetime


class UserList(BaseModel):
    items: list[UserAnswer]
    next: str | None


class AuditAnswer(BaseModel):
    id: int
    at: datetime
    actor: str
    actor_name: str
    action: str
    subject: str
    details: dict[str, Any]
    address: str


class AuditList(BaseModel):
    items: list[AuditAnswer]
    next: str | None


class FormFieldAnswer(BaseModel):
    name: str
    label: dict[str, str]
    type: str = Field(description="text, multiline, phone, address, time, choice")
    required: bool
    options: list[dict[str, Any]]


class FormAnswer(BaseModel):
    service: str
    title: dict[str, str]
    public: bool
    fields: list[FormFieldAnswer]


class FormList(BaseModel):
    items: list[FormAnswer]
