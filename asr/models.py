"""Where the speech model comes from: ``HOTLINE_ASR_MODEL``, else ``models/asr``, else a download that is checked.

A download is resumed where it broke off, its sha256 must be the one written here, and the model appears under its name
only when it is complete.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import requests

from asr.settings import AsrSettings
from core import settings
from core.errors import ConfigurationError, InvalidInput, Malformed, Unavailable

MODELS = Path(__file__).resolve().parent.parent / "models" / "asr"
CHUNK = 1 << 16
CONNECT_SECONDS, READ_SECONDS = 10, 60
MOST_UNPACKED = 4 << 30  # bytes; the large Chinese model unpacks to about 2 GB
SUM_FILE = ".sha256sums"


@dataclass(frozen=True, kw_only=True)
class Offer:
    """A model that can be downloaded. Source: the list on https://alphacephei.com/vosk/models."""

    name: str
    url: str
    sha256: str
    megabytes: int
    about: str


SMALL_CN = Offer(
    name="vosk-model-small-cn-0.22",
    url="https://alphacephei.com/vosk/models/vosk-model-small-cn-0.22.zip",
    sha256="3af8b0e7e0f835ae9d414ce5df580237a3cfb08d586c9fbbb0f7ff29ad5b14ba",
    megabytes=42,
    about="Mandarin, small; Apache-2.0",
)
OFFERS = {SMALL_CN.name: SMALL_CN}


@dataclass(frozen=True, kw_only=True)
class Model:
    """A model on disk. ``origin``: what made it the one (a setting, the models directory)."""

    name: str
    path: Path
    origin: str


def installed(directory: Path = MODELS) -> list[Model]:
    """The models in a directory, by name."""
    if not directory.is_dir():
        return []
    found = (path for path in sorted(directory.iterdir()) if path.is_dir() and holds_model(path))
    return [Model(name=path.name, path=path, origin="models/asr") for path in found]


def holds_model(path: Path) -> bool:
    return any((path / place).is_file() for place in ("am/final.mdl", "final.mdl"))


def chosen(config: AsrSettings | None = None, directory: Path = MODELS) -> Model | None:
    """The model this process recognises with, None if there is none. Raises ConfigurationError for a wrong setting."""
    config = config or settings.get(AsrSettings)
    if config.model:
        path = Path(config.model).absolute()
        if not holds_model(path):
            raise ConfigurationError(f"HOTLINE_ASR_MODEL: {path} holds no Vosk model (am/final.mdl is missing)")
        return Model(name=path.name, path=path, origin="HOTLINE_ASR_MODEL")
    return next(iter(installed(directory)), None)


def required(config: AsrSettings | None = None, directory: Path = MODELS) -> Model:
    """``chosen``, or a ConfigurationError that says how to get one."""
    found = chosen(config, directory)
    if found is None:
        raise ConfigurationError(
            "there is no speech model: run `hotline models fetch`, or set HOTLINE_ASR_MODEL to one"
        )
    return found


def fetch(
    offer: Offer = SMALL_CN, directory: Path = MODELS, progress: Callable[[int, int | None], None] | None = None
) -> Model:
    """Downloads, checks and unpacks; what is there already is left. ``progress`` gets bytes so far and in all.

    Raises Unavailable when the server can't be reached or breaks off (what came is kept for the next try), Malformed for
    a wrong checksum or an archive that isn't what it should be.
    """
    target = directory / offer.name
    if holds_model(target):
        return Model(name=offer.name, path=target, origin="models/asr")
    directory.mkdir(parents=True, exist_ok=True)
    archive = directory / f".{offer.name}.zip.part"
    _download(offer, archive, progress)
    if _sha256(archive) != offer.sha256:
        archive.unlink()
        raise Malformed(f"{offer.url}: the checksum is wrong; the download was thrown away")
    with tempfile.TemporaryDirectory(dir=directory, prefix=f".{offer.name}-") as scratch:
        root = _unpack(archive, Path(scratch))
        _write_sums(root)
        if target.exists():  # the ruins of something else
            shutil.rmtree(target)
        root.rename(target)
    archive.unlink()
    return Model(name=offer.name, path=target, origin="models/asr")


def verify(model: Model) -> list[str]:
    """What is wrong with a model's files, compared with what was unpacked; without a record only that it is there."""
    record = model.path / SUM_FILE
    if not record.is_file():
        return [] if holds_model(model.path) else ["am/final.mdl is missing"]
    wrong = []
    for line in record.read_text("utf-8").splitlines():
        expected, _, name = line.partition("  ")
        path = model.path / name
        if not path.is_file():
            wrong.append(f"{name} is missing")
        elif _sha256(path) != expected:
            wrong.append(f"{name} was changed")
    return wrong


def _download(offer: Offer, archive: Path, progress: Callable[[int, int | None], None] | None) -> None:
    have = archive.stat().st_size if archive.exists() else 0
    headers = {"Range": f"bytes={have}-"} if have else {}
    try:
        with requests.get(offer.url, headers=headers, stream=True, timeout=(CONNECT_SECONDS, READ_SECONDS)) as response:
            if response.status_code == 416:  # nothing after what we have: complete, or another file
                return
            if response.status_code not in (200, 206):
                raise Unavailable(f"{offer.url} answered {response.status_code}")
            if response.status_code == 200:
                have = 0
            length = response.headers.get("Content-Length", "")
            total = have + int(length) if length.isdecimal() else None
            with archive.open("ab" if have else "wb") as file:
                for chunk in response.iter_content(CHUNK):
                    file.write(chunk)
                    have += len(chunk)
                    if have > MOST_UNPACKED:
                        raise Malformed(f"{offer.url} doesn't end")
                    if progress is not None:
                        progress(have, total)
                file.flush()
                os.fsync(file.fileno())
    except (requests.RequestException, OSError) as error:
        raise Unavailable(
            f"{offer.url} can't be fetched ({_reason(error)}). Run the command again where there is a network, or unpack a"
            f" model yourself and set HOTLINE_ASR_MODEL to its directory."
        ) from error
    if total is not None and have < total:
        raise Unavailable(f"{offer.url} broke off after {have} of {total} bytes; run the command again to go on")


def _reason(error: Exception) -> str:
    return "no connection" if isinstance(error, requests.ConnectionError) else type(error).__name__


def _unpack(archive: Path, into: Path) -> Path:
    """The one directory in the archive. Names that lead out of it, links and bombs are refused."""
    try:
        with zipfile.ZipFile(archive) as zipped:
            members = zipped.infolist()
            if sum(member.file_size for member in members) > MOST_UNPACKED:
                raise Malformed("the archive is too large")
            for member in members:
                _check_name(member)
            zipped.extractall(into)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise Malformed("the download is no zip archive") from error
    roots = [path for path in into.iterdir() if path.is_dir() and holds_model(path)]
    if len(roots) != 1:
        raise Malformed("the archive holds no Vosk model")
    return roots[0]


def _check_name(member: zipfile.ZipInfo) -> None:
    path = PurePosixPath(member.filename)
    if path.is_absolute() or ".." in path.parts or "\\" in member.filename or ":" in member.filename:
        raise Malformed("the archive has a file name that leads out of it")
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise Malformed("the archive holds something that is neither file nor directory")


def _write_sums(root: Path) -> None:
    lines = (f"{_sha256(path)}  {path.relative_to(root).as_posix()}\n" for path in _files(root))
    (root / SUM_FILE).write_text("".join(lines), "utf-8")


def _files(root: Path) -> Iterator[Path]:
    return (path for path in sorted(root.rglob("*")) if path.is_file() and path.name != SUM_FILE)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def offer(name: str) -> Offer:
    """Raises InvalidInput for a name that isn't offered."""
    found = OFFERS.get(name)
    if found is None:
        raise InvalidInput(f"no such model; there are {', '.join(OFFERS)}", field="name")
    return found


__all__ = ["MODELS", "SMALL_CN", "Model", "Offer", "chosen", "fetch", "installed", "offer", "required", "verify"]
