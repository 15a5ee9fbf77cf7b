"""Where channel definitions and their secrets are."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr

from core import settings


class GenericSettings(settings.Section, prefix="GENERIC"):
    """Channels that are described by a YAML file each; their address is PUBLIC_URL/hooks/NAME."""

    directory: Path | None = Field(
        None, description="Directory of your own *.yaml channels; a name that is shipped too is replaced."
    )
    secrets: dict[str, dict[str, SecretStr]] = Field(
        default_factory=dict,
        description='Secrets by channel as JSON: {"telegram": {"token": "..."}}. A channel is open when all it needs are set.',
    )
    enabled: list[str] = Field(
        default_factory=list,
        description="Names of channels that need no secret and shall be open all the same, as JSON.",
    )
    fresh_seconds: int = Field(300, description="s that a signed timestamp may differ from our clock.")
    timeout: float = Field(10.0, description="s that fetching a file or sending a reply may take.")
    media_limit: int = Field(25 * 1024 * 1024, description="Bytes of one fetched file.")
