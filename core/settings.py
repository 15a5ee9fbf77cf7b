"""Settings: typed, documented beside their defaults, read from ``HOTLINE_*`` variables and an optional ``.env`` file.

A room or a connector declares its own ``Section`` where it uses it; ``hotline config`` prints every section it finds.
A section's ``prefix`` follows ``HOTLINE_``: ``class MailSettings(Section, prefix="MAIL")`` with a field ``port`` reads
``HOTLINE_MAIL_PORT``. ``get(MailSettings)`` returns the process's one copy.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from core.errors import ConfigurationError

LONGEST_SOCKET = 107  # bytes of a path in sun_path, unix(7)
TEMPORARY = Path("/tmp")  # noqa: S108 - TMPDIR may differ between processes; the directory in it is ours and 0700
sections: dict[str, type[Section]] = {}
_loaded: dict[type[Section], Section] = {}
S = TypeVar("S", bound="Section")


class Section(BaseSettings):
    """Base of all groups of settings."""

    model_config = SettingsConfigDict(frozen=True, extra="ignore", env_file_encoding="utf-8")
    prefix: ClassVar[str] = ""

    @classmethod
    def __pydantic_init_subclass__(cls, *, prefix: str = "", **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        cls.prefix = f"HOTLINE_{prefix}_" if prefix else "HOTLINE_"
        cls.model_config["env_prefix"] = cls.prefix
        sections[f"{cls.__module__}.{cls.__qualname__}"] = cls

    def __init_subclass__(cls, *, prefix: str = "", **kwargs: Any) -> None:
        super().__init_subclass__(**kwargs)


class CoreSettings(Section):
    """What every process needs to know."""

    data_dir: Path = Field(Path("var"), description="Where the embedded database, blobs, Redis and sockets live.")
    database_url: str = Field(
        "",
        description="SQLAlchemy URL. Empty: SQLite in data_dir. PostgreSQL: postgresql+psycopg://user:password@host/db.",
    )
    redis_url: str = Field("", description="Redis URL. Empty: an embedded server on a unix socket in data_dir.")
    zone: str = Field("Asia/Shanghai", description="Time zone of the business: calendars, spoken times, reports.")
    language: str = Field("zh", description="Language of notices and pages where a customer has chosen none: zh or en.")
    region: str = Field("", description="Home region (GB/T 2260 code or name) that short addresses are completed in.")
    secret_key: SecretStr = Field(
        SecretStr(""),
        description="Signs sessions and reply addresses, the same on every machine. Empty: made once and kept in "
        "data_dir/secret.key, but not where database_url names a server.",
    )
    public_url: str = Field(
        "", description="Address under which customers reach the web process. Empty: http://host:port."
    )
    log_format: str = Field("console", description="console or json.")
    log_level: str = Field("INFO", description="DEBUG, INFO, WARNING or ERROR.")
    log_personal: bool = Field(False, description="Keep personal fields in the log instead of masking them.")

    @property
    def database(self) -> str:
        return self.database_url or f"sqlite:///{(self.data_dir / 'hotline.db').absolute()}"

    @property
    def on_database_server(self) -> bool:
        """Whether other machines may work on the same database."""
        return bool(self.database_url) and not self.database_url.startswith("sqlite")

    @property
    def redis(self) -> str:
        return self.redis_url or f"unix://{self.redis_socket}"

    @property
    def redis_socket(self) -> Path:
        return self.socket("redis.sock")

    def socket(self, name: str) -> Path:
        """Where a unix socket of this installation is: in data_dir, or, where that path is too long for one, in a
        directory of this user in the temp directory that is named after data_dir, so that all processes agree.

        Raises ConfigurationError if that directory is somebody else's."""
        usual = (self.data_dir / name).absolute()
        if len(os.fsencode(usual)) <= LONGEST_SOCKET:
            return usual
        digest = hashlib.sha256(os.fsencode(usual.parent)).hexdigest()[:16]
        directory = TEMPORARY / f"hotline-{os.getuid()}-{digest}"
        with contextlib.suppress(FileExistsError):
            directory.mkdir(mode=0o700)
        found = directory.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise ConfigurationError(f"{directory}, the place of this installation's sockets, is open to others")
        return directory / name


def get(section: type[S]) -> S:
    """The process's copy of a section, read at first use. Raises ConfigurationError naming each wrong variable."""
    found = _loaded.get(section)
    if found is None:
        try:
            found = section(_env_file=os.environ.get("HOTLINE_ENV_FILE", ".env"))
        except ValidationError as error:
            wrong = "; ".join(
                f"{section.prefix}{'.'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in error.errors()
            )
            raise ConfigurationError(wrong) from error
        _loaded[section] = found
    return found  # type: ignore[return-value]


def use(*replacements: Section) -> None:
    """Sets sections for this process (tests, ``hotline demo``)."""
    for replacement in replacements:
        _loaded[type(replacement)] = replacement


def forget() -> None:
    """Reads every section anew at its next use."""
    _loaded.clear()
