"""Attachments of a mail: safe names, types found by looking at the bytes, winmail.dat opened."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import filetype

from connectors.email import charset, filenames, headers, winmail
from connectors.email.mime import Part, split_head

_CONTAINERS = frozenset(("application/zip", "application/x-ole-storage", "application/x-msi", "application/msword"))
_TEXTUAL = ("text/", "message/", "application/json", "application/xml", "image/svg")
_VAGUE = frozenset(
    (
        "",
        "application/octet-stream",
        "application/binary",
        "binary/octet-stream",
        "application/x-download",
        "application/force-download",
    )
)
_BY_ENDING = {
    "pdf": "application/pdf",
    "txt": "text/plain",
    "csv": "text/csv",
    "log": "text/plain",
    "doc": "application/msword",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xls": "application/vnd.ms-excel",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "ppt": "application/vnd.ms-powerpoint",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "eml": "message/rfc822",
    "ics": "text/calendar",
}


@dataclass(frozen=True, kw_only=True)
class MailAttachment:
    """One file. ``name`` is None where the mail gives none; ``type`` is what the bytes are, ``declared`` what the mail
    says; ``inline`` is shown within the text (a picture in an HTML body or a signature)."""

    name: str | None
    type: str
    declared: str
    size: int
    content: bytes = field(repr=False)
    inline: bool = False
    content_id: str = ""

    @property
    def file_name(self) -> str:
        """A name in every case, for storing."""
        return self.name or f"unnamed.{_ENDINGS.get(self.type) or self.type.rpartition('/')[2][:8] or 'bin'}"


_ENDINGS = {kind: ending for ending, kind in _BY_ENDING.items()} | {"text/plain": "txt", "image/jpeg": "jpg"}


def collect(parts: list[Part]) -> tuple[tuple[MailAttachment, ...], tuple[str, ...]]:
    """Attachments in the order of the mail, those inside winmail.dat after it, and problems met on the way."""
    found: list[MailAttachment] = []
    problems: list[str] = []
    for part in parts:
        one = _of(part)
        found.append(one)
        if (
            one.declared in ("application/ms-tnef", "application/vnd.ms-tnef")
            or (one.name or "").lower() == "winmail.dat"
        ):
            inside, problem = winmail.open_container(one.content)
            problems.extend([problem] if problem else [])
            found.extend(made(name=name, declared="", content=content) for name, content in inside)
    return tuple(found), tuple(problems)


def made(*, name: str | None, declared: str, content: bytes) -> MailAttachment:
    safe = filenames.safe(name)
    return MailAttachment(
        name=safe, type=sniffed_type(content, declared, safe), declared=declared, size=len(content), content=content
    )


def sniffed_type(content: bytes, declared: str, name: str | None) -> str:
    """The media type by the bytes where they tell, else as declared, else by the name's ending.

    A ZIP or OLE container says nothing about the document in it: there the declaration and the name decide.
    """
    ending = _BY_ENDING.get((name or "").rpartition(".")[2].lower(), "")
    seen = filetype.guess_mime(content[:8192]) if content else None
    if seen is None:
        if declared in _VAGUE:
            return ending or ("text/plain" if _is_text(content) else "application/octet-stream")
        # An executable or anything else that pretends to be a picture is no picture.
        if declared.startswith(("image/", "audio/", "video/")) and not declared.startswith("image/svg"):
            return declared if not _starts_as_program(content) else "application/octet-stream"
        return declared
    if seen in _CONTAINERS:
        return ending if declared in _VAGUE and ending else declared if declared not in _VAGUE else seen
    if declared.startswith(_TEXTUAL) and _is_text(content):
        return declared
    return str(seen)


def _of(part: Part) -> MailAttachment:
    content = part.content()
    name = filenames.safe(part.name)
    if part.type == "message/rfc822" and name is None and part.disposition == "attachment":
        name = _subject_name(content)
    return MailAttachment(
        name=name,
        type=sniffed_type(content, part.type, name),
        declared=part.type,
        size=len(content),
        content=content,
        inline=part.disposition == "inline"
        or bool(part.headers.raw("content-id") and part.disposition != "attachment"),
        content_id=part.headers.text("content-id").strip("<> "),
    )


def _subject_name(content: bytes) -> str | None:
    head, _ = split_head(memoryview(content))
    subject = headers.Headers(headers.split(head)).text("subject")
    return filenames.safe(re.sub(r"[/\\]", "-", subject)[:60] + ".eml") if subject else None


def _is_text(content: bytes) -> bool:
    sample = content[:2048]
    return b"\0" not in sample and charset.decode(sample).count("�") <= 1


def _starts_as_program(content: bytes) -> bool:
    return content.startswith((b"MZ", b"\x7fELF", b"#!", b"\xca\xfe\xba\xbe")) or content[
        :256
    ].lstrip().lower().startswith((b"<html", b"<!doctype", b"<script"))
