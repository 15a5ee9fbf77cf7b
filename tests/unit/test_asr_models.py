"""A speech model is downloaded once, completely and untampered, or not at all."""

from __future__ import annotations

import hashlib
import io
import random
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from asr import AsrSettings, models
from core.errors import ConfigurationError, InvalidInput, Malformed, Unavailable


def archive(**members: bytes | zipfile.ZipInfo) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, content in members.items():
            zipped.writestr(name.replace("__", "/"), content)
    return out.getvalue()


GOOD = archive(
    **{
        "made__am__final.mdl": random.Random(1).randbytes(200_000),
        "made__conf__model.conf": b"--beam=13",
        "made__README": b"hello",
    }
)


class Site:
    """A web server with one file; ``cut`` breaks the answer off after so many bytes, once."""

    def __init__(self) -> None:
        self.content = GOOD
        self.cut: int | None = None
        self.status = 200
        self.ranges: list[str | None] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.headers.get("Range")
                site.ranges.append(asked)
                start = int(asked.removeprefix("bytes=").rstrip("-")) if asked else 0
                body = site.content[start:]
                if site.status != 200:
                    self.send_error(site.status)
                    return
                if asked and not body:
                    self.send_error(416)
                    return
                self.send_response(206 if asked else 200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                cut, site.cut = site.cut, None
                self.wfile.write(body[:cut])

            def log_message(self, *_: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever)
        self.thread.start()

    def offer(self, sha256: str | None = None) -> models.Offer:
        return models.Offer(
            name="made",
            url=f"http://127.0.0.1:{self.server.server_port}/made.zip",
            sha256=sha256 or hashlib.sha256(self.content).hexdigest(),
            megabytes=1,
            about="",
        )

    def close(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    made = Site()
    yield made
    made.close()


def left(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_a_model_is_fetched_checked_and_unpacked(site: Site, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    model = models.fetch(site.offer(), tmp_path, lambda done, total: seen.append((done, total)))
    assert model.path == tmp_path / "made"
    assert (model.path / "conf/model.conf").read_bytes() == b"--beam=13"
    assert seen[-1] == (len(GOOD), len(GOOD))
    assert left(tmp_path) == ["made"]
    assert models.installed(tmp_path) == [model]
    assert models.verify(model) == []
    models.fetch(site.offer(), tmp_path)
    assert len(site.ranges) == 1


def test_a_download_that_broke_off_goes_on_where_it_was(site: Site, tmp_path: Path) -> None:
    site.cut = 150_000
    with pytest.raises(Unavailable):
        models.fetch(site.offer(), tmp_path)
    assert models.installed(tmp_path) == []
    models.fetch(site.offer(), tmp_path)
    assert site.ranges == [None, f"bytes={2 * models.CHUNK}-"]
    assert left(tmp_path) == ["made"]


def test_a_complete_download_that_was_not_unpacked_is_not_fetched_again(site: Site, tmp_path: Path) -> None:
    (tmp_path / ".made.zip.part").write_bytes(GOOD)
    models.fetch(site.offer(), tmp_path)
    assert left(tmp_path) == ["made"]


def test_a_wrong_checksum_leaves_nothing(site: Site, tmp_path: Path) -> None:
    with pytest.raises(Malformed, match="checksum"):
        models.fetch(site.offer("0" * 64), tmp_path)
    assert left(tmp_path) == []


LINK = zipfile.ZipInfo("made/link")
LINK.external_attr = 0o120777 << 16


@pytest.mark.parametrize(
    "content",
    [
        b"no zip at all",
        archive(**{"made__am__final.mdl": b"m", "..__..__slipped": b"out"}),
        archive(**{"made__am__final.mdl": b"m", "__tmp__slipped": b"out"}),
        archive(**{"made__am__final.mdl": b"m", "..\\slipped": b"out"}),
        archive(README=b"no model in here"),
        GOOD[:-30],
    ],
)
def test_an_archive_that_is_not_what_it_should_be_is_refused(site: Site, tmp_path: Path, content: bytes) -> None:
    site.content = content
    directory = tmp_path / "a" / "b"
    with pytest.raises(Malformed):
        models.fetch(site.offer(), directory)
    assert models.installed(directory) == []
    assert not [path for path in tmp_path.rglob("*") if "slipped" in path.name]


def test_a_link_in_an_archive_is_refused(site: Site, tmp_path: Path) -> None:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as zipped:
        zipped.writestr("made/am/final.mdl", b"m")
        zipped.writestr(LINK, "/etc/passwd")
    site.content = out.getvalue()
    with pytest.raises(Malformed, match="neither file nor directory"):
        models.fetch(site.offer(), tmp_path)


def test_offline_says_what_to_do(site: Site, tmp_path: Path) -> None:
    offer = site.offer()
    site.close()
    with pytest.raises(Unavailable, match=r"can't be fetched \(no connection\).*HOTLINE_ASR_MODEL"):
        models.fetch(offer, tmp_path)


def test_a_server_that_refuses_is_named(site: Site, tmp_path: Path) -> None:
    site.status = 404
    with pytest.raises(Unavailable, match="404"):
        models.fetch(site.offer(), tmp_path)


def test_verify_names_what_was_changed(site: Site, tmp_path: Path) -> None:
    model = models.fetch(site.offer(), tmp_path)
    (model.path / "README").write_text("else")
    (model.path / "conf/model.conf").unlink()
    assert models.verify(model) == ["README was changed", "conf/model.conf is missing"] or models.verify(model) == [
        "conf/model.conf is missing",
        "README was changed",
    ]


def test_the_setting_comes_before_the_directory(tmp_path: Path) -> None:
    for name in ("set", "models/here"):
        (tmp_path / name / "am").mkdir(parents=True)
        (tmp_path / name / "am/final.mdl").touch()
    chosen = models.chosen(AsrSettings(model=str(tmp_path / "set")), tmp_path / "models")
    assert chosen is not None
    assert (chosen.name, chosen.origin) == ("set", "HOTLINE_ASR_MODEL")
    found = models.chosen(AsrSettings(model=""), tmp_path / "models")
    assert found is not None
    assert found.name == "here"
    assert models.chosen(AsrSettings(model=""), tmp_path / "empty") is None


def test_a_setting_that_leads_nowhere_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="HOTLINE_ASR_MODEL"):
        models.chosen(AsrSettings(model=str(tmp_path)))


def test_without_a_model_the_error_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="hotline models fetch"):
        models.required(AsrSettings(model=""), tmp_path)


def test_an_unknown_model_is_refused() -> None:
    with pytest.raises(InvalidInput, match="vosk-model-small-cn"):
        models.offer("vosk-model-xx")
