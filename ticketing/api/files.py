"""Recordings and attachments: access checked, looks audited, parts by range, and never run by a browser."""

from __future__ import annotations

import os
from datetime import timedelta
from urllib.parse import quote

from aiohttp import web
from aiohttp_pydantic.oas.typing import r200, r206, r401, r403, r404, r416
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import blobs, clock, db
from core.errors import Forbidden, NotFound
from core.http import Problem, View
from core.text import clean
from ticketing import audit, merging
from ticketing.access import Actor, check_visible, sees_personal, signed_in
from ticketing.api.schemas import Id
from ticketing.tables import AuditEntry, Entry, Ticket

# What a browser may show by itself; everything else is only ever saved. No SVG, no HTML: they can hold script.
SHOWN = frozenset(
    {
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "audio/mpeg",
        "audio/mp4",
        "audio/ogg",
        "audio/wav",
        "audio/flac",
        "audio/amr",
        "video/mp4",
        "video/webm",
    }
)
_MAGIC = ((b"RIFF", "audio/wav"), (b"fLaC", "audio/flac"), (b"OggS", "audio/ogg"), (b"ID3", "audio/mpeg"))
_SAME_LOOK = timedelta(minutes=5)
PIECE = 1 << 18


class Recording(View):
    """The recording of a call."""

    async def get(
        self, ticket_id: Id, /, entry: Id | None = None
    ) -> r200 | r206 | r401[Problem] | r403[Problem] | r404[Problem] | r416[Problem]:
        """
        The recording of the ticket's call (of its first one, or of `entry`); parts by `Range`. Audited.

        Tags: files
        Status Codes:
            200: The whole recording.
            206: The part that was asked for.
            416: There is no such part.
        """
        found = await db.run(_recording, signed_in(self.request), ticket_id, entry)
        return await _sent(self.request, *found)


class AttachmentFile(View):
    """A file that came with a message."""

    async def get(
        self, entry_id: Id, number: int, /
    ) -> r200 | r206 | r401[Problem] | r403[Problem] | r404[Problem] | r416[Problem]:
        """
        An attachment by its entry and its place there (0, 1, ...); parts by `Range`. Audited.

        Tags: files
        Status Codes:
            200: The whole file.
            206: The part that was asked for.
            416: There is no such part.
        """
        found = await db.run(_attachment, signed_in(self.request), entry_id, number)
        return await _sent(self.request, *found)


def _recording(actor: Actor, ticket_id: int, entry_id: int | None) -> tuple[str, str, str]:
    with db.read() as session:
        check_visible(session, actor, ticket_id)
        ticket = session.get_one(Ticket, ticket_id)
        if not actor.may("recording.listen") and not sees_personal(actor, ticket):
            raise Forbidden(needs=["recording.listen"])
        query = select(Entry).where(
            Entry.ticket_id.in_(merging.family(session, ticket_id)), Entry.recording.is_not(None)
        )
        query = query.where(Entry.id == entry_id) if entry_id is not None else query.order_by(Entry.id)
        entry = session.scalars(query.limit(1)).first()
        if entry is None or not entry.recording:
            gone = _deleted(session, ticket_id, entry_id)
            if gone:
                raise NotFound("The recording was deleted by the policy of retention.", deleted=gone)
            raise NotFound("This ticket has no recording.")
        reference = entry.recording
    with blobs.store().open(reference) as file:
        start = file.read(4)
    _audited(actor, "recording.heard", ticket_id, entry.id)
    kind = next((kind for magic, kind in _MAGIC if start.startswith(magic)), "application/octet-stream")
    return reference, kind, f"{ticket.number}.{kind.partition('/')[2]}"


def _deleted(session: Session, ticket_id: int, entry_id: int | None) -> str:
    """When the recording was deleted, "" if there never was one."""
    query = select(Entry).where(Entry.ticket_id.in_(merging.family(session, ticket_id)))
    entries = session.scalars(query.where(Entry.id == entry_id) if entry_id is not None else query.order_by(Entry.id))
    return next((str(when) for entry in entries if (when := (entry.deleted or {}).get("recording"))), "")


def _attachment(actor: Actor, entry_id: int, number: int) -> tuple[str, str, str]:
    with db.read() as session:
        entry = session.get(Entry, entry_id)
        if entry is None:
            raise NotFound("There is no such attachment.")
        _reachable(session, actor, entry.ticket_id)
        if not 0 <= number < len(entry.attachments) or not entry.attachments[number].get("blob"):
            raise NotFound("There is no such attachment.")
        kept = entry.attachments[number]
        reference = str(kept["blob"])
    blobs.store().open(reference).close()
    _audited(actor, "attachment.seen", entry.ticket_id, entry.id, number=number)
    return reference, str(kept.get("type", "")).partition(";")[0].strip().lower(), str(kept.get("name", ""))


def _reachable(session: Session, actor: Actor, ticket_id: int) -> None:
    """The ticket may be seen, or it was merged into one that may."""
    seen: set[int] = set()
    current: int | None = ticket_id
    while current is not None and current not in seen:
        seen.add(current)
        try:
            return check_visible(session, actor, current)
        except NotFound:
            ticket = session.get(Ticket, current)
            current = ticket.merged_into_id if ticket else None
    raise NotFound("There is no such attachment.")


def _audited(actor: Actor, action: str, ticket_id: int, entry_id: int, **details: int) -> None:
    """One row for a look, though a player asks for many parts."""
    subject = f"ticket:{ticket_id}"
    full = {"entry": entry_id, **details}
    with db.read() as session:
        recent = session.scalars(
            select(AuditEntry.details).where(
                AuditEntry.actor == actor.tag,
                AuditEntry.subject == subject,
                AuditEntry.action == action,
                AuditEntry.at >= clock.now() - _SAME_LOOK,
            )
        ).all()
    if full in recent:
        return
    with db.write() as session:
        audit.write(session, actor.tag, action, subject, address=actor.address, **full)


async def _sent(request: web.Request, reference: str, kind: str, name: str) -> web.StreamResponse:
    """The content, or the one part that ``Range`` asks for (RFC 9110 §14), piece by piece."""
    shown = kind in SHOWN
    headers = {
        "Content-Type": kind if shown else "application/octet-stream",
        "Content-Disposition": disposition("inline" if shown else "attachment", name),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Cache-Control": "private, no-store",
        "Accept-Ranges": "bytes",
    }
    file = await db.run(blobs.store().open, reference)
    try:
        size = await db.run(file.seek, 0, os.SEEK_END)
        part, asked = _part(request, size)
        if asked and not part:
            return web.Response(status=416, headers={"Content-Range": f"bytes */{size}"})
        if asked:
            headers["Content-Range"] = f"bytes {part.start}-{part.stop - 1}/{size}"
        response = web.StreamResponse(status=206 if asked else 200, headers=headers)
        response.content_length = len(part)
        await response.prepare(request)
        if request.method != "HEAD":
            await db.run(file.seek, part.start)
            for at in range(part.start, part.stop, PIECE):
                await response.write(await db.run(file.read, min(PIECE, part.stop - at)))
        await response.write_eof()
        return response
    finally:
        file.close()


def _part(request: web.Request, size: int) -> tuple[range, bool]:
    """What of so many bytes is to be sent, and whether a part was asked for (empty: there is none such). What is no range is
    passed over, as RFC 9110 says."""
    try:
        asked = request.http_range
    except ValueError:
        return range(size), False
    if asked.start is None:
        return range(size), False
    start = max(0, size + asked.start) if asked.start < 0 else asked.start
    return range(start, size if asked.stop is None else min(size, asked.stop)), True


def disposition(way: str, name: str) -> str:
    """A Content-Disposition (RFC 6266) for a name that somebody else chose: no path, no quotes, no line ends."""
    name = clean(name, 120).replace("\\", "/").rpartition("/")[2].replace("\n", " ").strip(" .") or "file"
    plain = "".join(c if c.isascii() and (c.isalnum() or c in "._-") else "_" for c in name)
    return f"{way}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def routes(api: web.Application) -> None:
    api.router.add_view("/tickets/{ticket_id}/recording", Recording)
    api.router.add_view("/attachments/{entry_id}/{number}", AttachmentFile)
