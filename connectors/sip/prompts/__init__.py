"""Spoken prompts: WAV files made once by ``make_prompts.py`` with a free Mandarin voice; replaceable by a directory of your
own (``HOTLINE_SIP_PROMPTS_DIR``), file by file."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import soundfile
import yaml

from connectors.sip.settings import SipSettings
from connectors.sip.sound import sound_of
from core import log

logger = log.get(__name__)
SHIPPED = Path(__file__).parent


def load(name: str, config: SipSettings) -> bytes:
    """A prompt as 16 kHz mono s16le; empty where there is none."""
    for directory in (config.prompts_dir, SHIPPED):
        if directory is not None and (path := directory / f"{name}.wav").exists():
            return _read(path)
    return b""


@cache
def _texts() -> dict[str, str]:
    content = yaml.safe_load((SHIPPED / "prompts.yaml").read_text("utf-8"))
    return {name: str(text) for name, text in content["prompts"].items()}


def text_of(name: str) -> str:
    """What a shipped prompt says; its name for one of your own."""
    return _texts().get(name, f"[{name}]")


@cache
def _read(path: Path) -> bytes:
    try:
        return sound_of(path)
    except soundfile.LibsndfileError:
        logger.error("a prompt is no sound file", prompt=path.name)
        return b""
