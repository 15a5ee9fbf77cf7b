"""Settings, clock, secrets, blobs, log: small promises that everything else stands on."""

from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import structlog
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from core import blobs, clock, log, secrets, settings
from core.db import DatabaseSettings
from core.errors import ConfigurationError, InvalidInput, NotFound


class SampleSettings(settings.Section, prefix="SAMPLE"):
    """For these tests."""

    count: int = Field(3, description="A number.")


def test_a_setting_is_read_from_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_SAMPLE_COUNT", "7")
    assert settings.get(SampleSettings).count == 7


def test_a_wrong_setting_names_its_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_SAMPLE_COUNT", "many")
    with pytest.raises(ConfigurationError, match="HOTLINE_SAMPLE_COUNT"):
        settings.get(SampleSettings)


def test_a_file_may_hold_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "env").write_text("HOTLINE_SAMPLE_COUNT=9\n")
    monkeypatch.setenv("HOTLINE_ENV_FILE", str(tmp_path / "env"))
    assert settings.get(SampleSettings).count == 9


def test_every_option_explains_itself() -> None:
    from app.commands.config import options

    rows = options()
    assert len(rows) > 50
    assert [row["variable"] for row in rows if len(row["meaning"]) < 5 and "SAMPLE" not in row["variable"]] == []
    assert len({row["variable"] for row in rows}) == len(rows), "two options share a variable"


def test_the_embedded_database_is_sqlite(installation: Path) -> None:
    assert settings.get(settings.CoreSettings).database == f"sqlite:///{installation / 'hotline.db'}"
    assert settings.get(DatabaseSettings).busy_timeout > 0


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="zone"):
        clock.aware(datetime(2026, 1, 1))  # noqa: DTZ001  # that is the point


def test_a_time_is_kept_in_utc() -> None:
    shanghai = timezone(timedelta(hours=8))
    assert clock.aware(datetime(2026, 1, 1, 8, tzinfo=shanghai)) == datetime(2026, 1, 1, tzinfo=UTC)


def test_the_secret_is_made_once_and_only_ours_to_read(installation: Path) -> None:
    first = secrets.key("a")
    assert secrets.key("a") == first
    assert secrets.key("b") != first
    assert (installation / "secret.key").stat().st_mode & 0o077 == 0


@given(st.text(max_size=40), st.text(max_size=40))
def test_a_signature_fits_its_text_only(text: str, other: str) -> None:
    settings.use(settings.CoreSettings(secret_key="fixed"))  # type: ignore[arg-type]  # pydantic makes a SecretStr of it
    signature = secrets.sign("purpose", text)
    assert secrets.check("purpose", text, signature)
    assert secrets.check("purpose", other, signature) == (text == other)
    assert not secrets.check("other purpose", text, signature)
    assert not secrets.check("purpose", text, signature[:15])


@given(st.text(st.characters(), max_size=40), st.text(st.characters(), min_size=16, max_size=40))
def test_a_strangers_signature_is_refused_whatever_it_is(text: str, signature: str) -> None:
    settings.use(settings.CoreSettings(secret_key="fixed"))  # type: ignore[arg-type]  # pydantic makes a SecretStr of it
    assert not secrets.check("purpose", text, signature)
    assert not secrets.check("purpose", text, "é" * 20)


def test_a_blob_is_found_by_its_content(blob_store: blobs.DirectoryBlobs) -> None:
    reference = blob_store.put("内容".encode())
    assert blob_store.put("内容".encode()) == reference
    assert blob_store.get(reference).decode() == "内容"
    assert list(blob_store) == [reference]
    blob_store.delete(reference)
    with pytest.raises(NotFound):
        blob_store.get(reference)


@pytest.mark.parametrize("reference", ["", "../../etc/passwd", "0" * 63, "Z" * 64, "0" * 63 + "/"])
def test_a_reference_cannot_leave_the_store(blob_store: blobs.DirectoryBlobs, reference: str) -> None:
    with pytest.raises(InvalidInput):
        blob_store.get(reference)


def test_personal_data_and_secrets_never_reach_the_log() -> None:
    written = io.StringIO()
    log.configure("test")
    kept = structlog.get_config()
    try:
        structlog.configure(logger_factory=structlog.WriteLoggerFactory(file=written), cache_logger_on_first_use=False)
        structlog.get_logger().info("a call", personal={"phone": "+8613800138000"}, api_token="s3cret", ticket=7)
    finally:
        structlog.configure(**kept)
    line = written.getvalue()
    assert "a call" in line
    assert "ticket" in line
    assert "138001" not in line
    assert "s3cret" not in line
