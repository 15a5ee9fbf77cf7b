"""Reading a sent form: inputs and files, each bounded while it is read."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

import filetype
from aiohttp import BodyPartReader, web
from aiohttp.http_exceptions import HttpProcessingError

from connectors.webform.settings import WebFormSettings
from core import blobs, db, settings
from core.errors import InvalidInput, Malformed, TooLarge
from core.http import HttpSettings, read_bytes, read_part
from core.text import clean
from intake import Attachment

INPUTS = 60
INPUT_LIMIT = 20_000  # bytes
TAKEN = ("image/", "video/", "audio/", "application/pdf")
_FORBIDDEN = re.compile(r'[\x00-\x1f\x7f<>:"/\\|?*\u202a-\u202e\u2066-\u2069]')


@dataclass(frozen=True, kw_only=True)
class File:
    """A file of a form, still in memory; its type is what its content shows."""

    name: str
    type: str
    content: bytes


@dataclass(frozen=True, kw_only=True)
class Sent:
    """What was sent. ``refused``: names of files that are none of the kinds taken."""

    inputs: Mapping[str, str]
    files: tuple[File, ...] = ()
    refused: tuple[str, ...] = field(default=())

    def get(self, name: str, limit: int = 300) -> str:
        """One input, cleaned and cut."""
        return clean(self.inputs.get(name, ""), limit).strip()


async def read(request: web.Request) -> Sent:
    """A URL-encoded or multipart form. Raises Malformed, TooLarge or InvalidInput (too many files)."""
    if request.content_type == "application/x-www-form-urlencoded":
        body = await read_bytes(request, INPUTS * INPUT_LIMIT)
        from urllib.parse import parse_qsl

        try:
            pairs = parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, max_num_fields=INPUTS)
        except ValueError:
            raise Malformed("The form has too many inputs.") from None
        return Sent(inputs=_first(pairs))
    if request.content_type != "multipart/form-data":
        raise Malformed("A form is sent as multipart/form-data.")
    try:
        return await _multipart(request)
    except (ValueError, AssertionError, UnicodeError, LookupError, RuntimeError, HttpProcessingError):
        raise Malformed("The form is not well-formed.") from None


async def _multipart(request: web.Request) -> Sent:
    config = settings.get(WebFormSettings)
    if request.content_length is not None and request.content_length > config.total_limit:
        raise TooLarge(f"A report may have {config.total_limit} bytes.")
    one = settings.get(HttpSettings).upload_limit
    pairs: list[tuple[str, str]] = []
    files: list[File] = []
    refused: list[str] = []
    size = parts = 0
    reader = await request.multipart()
    while (part := await reader.next()) is not None:
        parts += 1
        if parts > INPUTS + config.files or not isinstance(part, BodyPartReader):
            raise Malformed("The form has too many or nested parts.")
        if part.filename is None:
            content = await read_part(part, INPUT_LIMIT)
            pairs.append((part.name or "", content.decode("utf-8", "replace")))
        else:
            content = await read_part(part, min(one, config.total_limit - size))
            if not content:
                continue  # a browser sends an empty part for an empty file input
            if len(files) >= config.files:
                raise InvalidInput("too many files", files=config.files)
            kind = filetype.guess(content)
            if kind is None or not kind.mime.startswith(TAKEN):
                refused.append(safe_name(part.filename, ""))
            else:
                files.append(File(name=safe_name(part.filename, kind.extension), type=kind.mime, content=content))
        size += len(content)
    return Sent(inputs=_first(pairs), files=tuple(files), refused=tuple(refused))


def safe_name(name: str, extension: str) -> str:
    """A name that no file system, page or header stumbles over, with the extension of what the content is."""
    name = unicodedata.normalize("NFC", name.encode("utf-8", "replace").decode())
    name = PurePosixPath(name.replace("\\", "/")).name
    name = _FORBIDDEN.sub("_", name).strip(" .")[:100] or "file"
    fitting = {f".{extension}", ".jpeg"} if extension == "jpg" else {f".{extension}"}
    if extension and PurePosixPath(name).suffix.lower() not in fitting:
        name = f"{name}.{extension}"
    return name


async def keep(files: tuple[File, ...]) -> tuple[Attachment, ...]:
    """Puts the files on disk."""
    return tuple(
        [
            Attachment(
                name=file.name,
                type=file.type,
                size=len(file.content),
                blob=await db.run(blobs.store().put, file.content),
            )
            for file in files
        ]
    )


def _first(pairs: list[tuple[str, str]]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in pairs:
        found.setdefault(name[:60], value)
    return found
