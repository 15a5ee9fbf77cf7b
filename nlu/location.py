"""Where the trained model lies."""

from __future__ import annotations

from pathlib import Path

from core.errors import ConfigurationError
from nlu.settings import NluSettings

ROOT = Path(__file__).resolve().parent.parent


def model_root() -> Path:
    """models/nlu of the repository (or of the installed program's own root)."""
    return ROOT / "models" / "nlu"


def model_path(path: Path | None = None) -> Path:
    """The directory of the pipeline: the given one, HOTLINE_NLU_MODEL, or the newest in models/nlu.

    Raises ConfigurationError when there is none.
    """
    from core import settings

    if path is None and settings.get(NluSettings).model:
        path = Path(settings.get(NluSettings).model)
    if path is None:
        versions = sorted(
            model_root().glob("*/meta.json"), key=lambda p: [int(n) for n in p.parent.name.split(".") if n.isdigit()]
        )
        if not versions:
            raise ConfigurationError("no trained model in models/nlu; train one with: hotline nlu train")
        path = versions[-1].parent
    if not (path / "meta.json").is_file():
        raise ConfigurationError(f"HOTLINE_NLU_MODEL: {path} holds no trained pipeline")
    return path
