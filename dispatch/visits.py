"""On site: arriving, the checklist, and being done, as the engineer's phone reports them."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import filetype
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import blobs, clock, settings, text
from core.errors import InvalidInput
from dispatch.assignment import open_visit
from dispatch.jobs import place_of
from dispatch.places import Place, between, to_wgs84
from dispatch.settings import DispatchSettings
from dispatch.tables import Visit
from sla import Words, words
from ticketing import Ticket, workflow

MAX_PHOTOS, MAX_PARTS, MAX_SIGNATURE = 20, 50, 512 * 1024
CAUSES = ("", "wear", "defect", "customer")
CHECKLISTS: dict[str, tuple[Words, ...]] = {
    "repair": (
        words("断电并确认安全", "power off, made safe"),
        words("故障已复现", "fault reproduced"),
        words("维修后试机正常", "runs well after the repair"),
        words("现场已清理", "site cleaned up"),
    ),
    "install": (
        words("开箱检查完好", "unpacked, complete and sound"),
        words("安装牢固、水平", "firm and level"),
        words("试机正常", "runs well"),
        words("已向客户讲解使用", "use explained to the customer"),
    ),
    "maintain": (
        words("清洗完成", "cleaned"),
        words("运行参数正常", "readings are normal"),
        words("现场已清理", "site cleaned up"),
    ),
}


@dataclass(frozen=True, kw_only=True)
class UsedPart:
    """``code`` of the price book, ``count`` of pieces."""

    code: str
    count: int = 1


@dataclass(frozen=True, kw_only=True)
class Photo:
    name: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Consent:
    """The customer agreed to pay ``amount`` fen beyond the price book. ``name``: who agreed."""

    name: str
    amount: int


@dataclass(frozen=True, kw_only=True)
class Completion:
    """What the engineer reports. ``labour``: codes of the price book, empty: what fits device and fault; ``cause``: wear,
    defect or customer (who then pays even under warranty); ``signature``: PNG; ``at``: when it was done, if told later."""

    parts: Sequence[UsedPart] = ()
    labour: Sequence[str] = ()
    checklist: Sequence[dict[str, Any]] = ()
    cause: str = ""
    note: str = ""
    photos: Sequence[Photo] = ()
    signature: bytes | None = None
    extra_fee: int = 0
    extra_fee_for: str = ""
    consent: Consent | None = None
    at: datetime | None = None


def checklist_for(service: str) -> list[Words]:
    return list(CHECKLISTS.get(service, ()))


def check_in(
    session: Session,
    ticket: Ticket,
    user_id: int,
    latitude: float | None = None,
    longitude: float | None = None,
    datum: str = "wgs84",
) -> Visit:
    """Arrival. A place far from the address is flagged, not refused: maps and addresses err more often than engineers."""
    visit = open_visit(session, ticket, user_id, "accepted")
    if latitude is not None and longitude is not None:
        if not (math.isfinite(latitude) and math.isfinite(longitude)) or abs(latitude) > 90 or abs(longitude) > 180:
            raise InvalidInput("A place is given in degrees.", latitude=str(latitude), longitude=str(longitude))
        north, east = to_wgs84(latitude, longitude, datum)
        here = Place(latitude=north, longitude=east)
        visit.arrived_latitude, visit.arrived_longitude = here.latitude, here.longitude
        visit.distance = between(here, place_of(session, ticket))
        visit.outside = visit.distance is not None and visit.distance > settings.get(DispatchSettings).geofence_metres
    visit.state, visit.arrived = "on_site", clock.now()
    workflow.move(
        session,
        ticket,
        "check_in",
        f"user:{user_id}",
        visit=visit.id,
        distance=round(visit.distance) if visit.distance is not None else None,
        outside=visit.outside,
    )
    return visit


def complete(session: Session, ticket: Ticket, user_id: int, done: Completion) -> Visit:
    """The work is done. Raises InvalidInput naming what is wrong; a fee beyond the price book needs the customer's consent."""
    visit = open_visit(session, ticket, user_id, "on_site")
    _check(done)
    if done.at is not None and done.at < visit.proposed:
        raise InvalidInput("The work was done before it was given to you.", at=done.at.isoformat())
    visit.photos = [*visit.photos, *map(_kept, done.photos)][:MAX_PHOTOS]
    if done.signature is not None:
        visit.signature = blobs.store().put(done.signature)
    visit.parts = [{"code": p.code, "count": p.count} for p in done.parts]
    visit.labour = [str(code) for code in done.labour]
    visit.checklist = [
        {"item": c.get("item", ""), "done": bool(c.get("done")), "note": str(c.get("note", ""))[:500]}
        for c in done.checklist
    ]
    visit.cause, visit.note = done.cause, text.clean(done.note, 4000)
    visit.extra_fee, visit.extra_fee_for = done.extra_fee, text.clean(done.extra_fee_for, 200)
    moment = clock.now()
    if done.consent is not None:
        visit.consent = {
            "name": text.clean(done.consent.name, 80),
            "amount": done.consent.amount,
            "at": moment.isoformat(),
        }
    visit.state = "done"
    visit.completed = min(done.at, moment) if done.at is not None else moment
    workflow.move(
        session,
        ticket,
        "complete",
        f"user:{user_id}",
        visit=visit.id,
        parts=visit.parts,
        note=visit.note,
        photos=len(visit.photos),
        signed=visit.signature is not None,
    )
    return visit


def add_photo(session: Session, ticket: Ticket, user_id: int, photo: Photo) -> Visit:
    """Keeps a photograph of the visit under way. Raises InvalidInput for what is no image or is one too many."""
    visit = open_visit(session, ticket, user_id, "accepted", "on_site")
    if len(visit.photos) >= MAX_PHOTOS:
        raise InvalidInput("That is more than a visit can have.", photos=MAX_PHOTOS)
    visit.photos = [*visit.photos, _kept(photo)]
    session.flush()
    return visit


def contents(session: Session) -> Iterator[str]:
    """The contents that visits refer to: the proof of service."""
    query = select(Visit.photos, Visit.signature).execution_options(yield_per=500)
    for photos, signature in session.execute(query):
        yield from (str(one["blob"]) for one in photos if one.get("blob"))
        if signature:
            yield signature


def _kept(photo: Photo) -> dict[str, Any]:
    kind = _image(photo)
    name = text.clean(photo.name, 120).replace("/", "_")
    return {"name": name, "type": kind, "size": len(photo.content), "blob": blobs.store().put(photo.content)}


def _check(done: Completion) -> None:
    if len(done.photos) > MAX_PHOTOS or len(done.parts) > MAX_PARTS or len(done.checklist) > 100:
        raise InvalidInput("That is more than a visit can have.", photos=MAX_PHOTOS, parts=MAX_PARTS)
    if any(not 1 <= part.count <= 999 for part in done.parts):
        raise InvalidInput("A part's count is 1 to 999.")
    if done.cause not in CAUSES:
        raise InvalidInput("A cause is wear, defect or customer.", cause=done.cause)
    if done.signature is not None and not (
        done.signature.startswith(b"\x89PNG\r\n\x1a\n") and len(done.signature) <= MAX_SIGNATURE
    ):
        raise InvalidInput("A signature is a PNG of at most 512 kB.")
    if not 0 <= done.extra_fee <= 100_000_00:
        raise InvalidInput("An additional fee is 0 to 100,000 yuan, in fen.", extra_fee=done.extra_fee)
    if done.extra_fee and (done.consent is None or done.consent.amount != done.extra_fee or not done.consent.name):
        raise InvalidInput(
            "An additional fee needs the customer's consent to just that amount.", extra_fee=done.extra_fee
        )


def _image(photo: Photo) -> str:
    kind = filetype.guess(photo.content)
    if kind is None or not kind.mime.startswith("image/"):
        raise InvalidInput("A photograph is an image.", name=photo.name)
    return str(kind.mime)
