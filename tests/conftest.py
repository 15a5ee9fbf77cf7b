"""What all tests share: a database of their own, a clock they turn, a blob store that goes away."""

from __future__ import annotations

import os
from collections.abc import Generator, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

import app  # noqa: F401 - one thread for matrices, as in the program; before numpy is imported
from core import blobs, clock, db, log, settings
from core.db import Base, Database
from tests.support import postgres, tables

NOTHING_SKIPPED = bool(os.environ.get("HOTLINE_TEST_ALL"))


@pytest.fixture(autouse=True)
def installation(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """An installation's directory that no other test sees; no setting leaks in from the environment."""
    for name in list(os.environ):
        if name.startswith("HOTLINE_") and not name.startswith(
            ("HOTLINE_ASR_MODEL", "HOTLINE_NLU_DEV", "HOTLINE_MAIL_CORPUS", "HOTLINE_TEST_")
        ):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOTLINE_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("HOTLINE_ENV_FILE", "")
    settings.forget()
    log.configure("test")
    yield tmp_path / "var"
    db.shut_down()
    settings.forget()


@pytest.fixture
def turnable() -> Iterator[clock.TurnableClock]:
    """A clock that stands at Friday 2026-11-20 10:00 in Shanghai until it is turned."""
    with clock.using(clock.TurnableClock(datetime(2026, 11, 20, 2, 0, tzinfo=UTC))) as turned:
        assert isinstance(turned, clock.TurnableClock)
        yield turned


@pytest.fixture
def database(installation: Path) -> Iterator[Database]:
    """A fresh SQLite database with every room's tables, as the process's database."""
    tables()
    made = Database(f"sqlite:///{installation / 'test.db'}")
    Base.metadata.create_all(made.engine)
    db.use(made)
    yield made
    db.use(None)


@pytest.fixture(params=["sqlite", "postgresql"])
def any_database(request: pytest.FixtureRequest, installation: Path) -> Iterator[Database]:
    """The same on both databases; for what depends on how they lock and type."""
    tables()
    if request.param == "sqlite":
        made = Database(f"sqlite:///{installation / 'test.db'}")
        Base.metadata.create_all(made.engine)
        db.use(made)
        yield made
        db.use(None)
        return
    with postgres() as url:
        made = Database(url)
        Base.metadata.create_all(made.engine)
        db.use(made)
        yield made
        db.use(None)


@pytest.fixture
def blob_store(tmp_path: Path) -> Iterator[blobs.DirectoryBlobs]:
    with blobs.using(blobs.DirectoryBlobs(tmp_path / "blobs")) as store:
        yield store


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Where everything is meant to be installed (CI), a skipped test is a failed one."""
    report = yield
    if report.skipped and NOTHING_SKIPPED and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        report.outcome = "failed"
        report.longrepr = f"{reason} (HOTLINE_TEST_ALL is set: nothing may be skipped)"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    if report.skipped and NOTHING_SKIPPED:
        report.outcome = "failed"
    return report
