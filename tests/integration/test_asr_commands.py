"""hotline asr, hotline transcribe and hotline models as a user types them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from asr import AsrSettings
from asr.commands import app, models_app, transcribe
from core import settings
from core.errors import ConfigurationError, InvalidInput, NotFound

MODEL = os.environ.get("HOTLINE_ASR_MODEL", "")
CALLS = Path(__file__).parent.parent / "data" / "speech"
with_model = pytest.mark.skipif(not MODEL, reason="HOTLINE_ASR_MODEL is not set: no speech model to test with")

root = typer.Typer()
root.add_typer(app, name="asr")
root.add_typer(models_app, name="models")
root.command()(transcribe)


def run(*arguments: str) -> str:
    """What is printed; raises the command's error."""
    done = CliRunner().invoke(root, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


@with_model
@pytest.mark.recogniser
def test_recordings_become_files_and_a_broken_one_fails_alone(tmp_path: Path) -> None:
    (tmp_path / "broken.wav").write_bytes(b"this is no audio")
    recording = str(CALLS / "w2-003.wav")
    done = CliRunner().invoke(
        root, ["transcribe", recording, str(tmp_path / "broken.wav"), "-f", "json", "-o", str(tmp_path / "out")]
    )
    assert done.exit_code == 1
    assert "broken.wav" in done.output
    finals = json.loads((tmp_path / "out/w2-003.json").read_text("utf-8"))
    assert "小区" in "".join(final["text"] for final in finals).replace(" ", "")
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["w2-003.json"]


@with_model
@pytest.mark.recogniser
def test_error_rates_are_printed_as_json(tmp_path: Path) -> None:
    said = {call["path"]: call for call in map(json.loads, (CALLS / "calls.jsonl").read_text("utf-8").splitlines())}
    (tmp_path / "t.tsv").write_text(f"{CALLS / 'w1-015.wav'}\t{said['w1-015.wav']['text']}\tcalls\n", "utf-8")
    report = json.loads(run("asr", "evaluate", str(tmp_path / "t.tsv"), "--json"))
    assert 0 < report["groups"]["calls"]["cer"] < 0.6
    assert report["groups"]["total"]["characters"] > 80


def test_mistakes_are_named_before_a_model_is_loaded(tmp_path: Path) -> None:
    settings.use(AsrSettings(model=str(tmp_path)))
    with pytest.raises(NotFound, match=r"nothing\.wav"):
        run("transcribe", str(tmp_path / "nothing.wav"))
    with pytest.raises(InvalidInput, match="format"):
        run("transcribe", str(CALLS / "w2-003.wav"), "-f", "docx")
    with pytest.raises(InvalidInput, match="no recording"):
        run("transcribe", str(tmp_path))
    with pytest.raises(ConfigurationError, match="HOTLINE_ASR_MODEL"):
        run("transcribe", str(CALLS / "w2-003.wav"))


def test_models_shows_which_one_is_used_and_what_can_be_fetched(tmp_path: Path) -> None:
    (tmp_path / "mine/am").mkdir(parents=True)
    (tmp_path / "mine/am/final.mdl").touch()
    settings.use(AsrSettings(model=str(tmp_path / "mine")))
    shown = run("models", "list")
    assert "mine" in shown
    assert "vosk-model-small" in shown
    with pytest.raises(InvalidInput):
        run("models", "fetch", "vosk-model-xx")
