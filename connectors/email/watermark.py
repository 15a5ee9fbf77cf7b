"""How far a mailbox was read, kept in ``data_dir/mailboxes``: small files, each replaced as a whole."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from core import log, settings

logger = log.get(__name__)


@dataclass(frozen=True, kw_only=True)
class Watermark:
    """``highest`` UID that was taken in under this UIDVALIDITY; ``seen``: when the mailbox was last looked at."""

    validity: int
    highest: int
    seen: datetime | None = None


def load(key: str) -> Watermark | None:
    """None for a mailbox that was never read, or whose file is damaged."""
    path = _path(key)
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        seen = datetime.fromisoformat(kept["seen"]) if kept["seen"] else None
        return Watermark(validity=int(kept["validity"]), highest=int(kept["highest"]), seen=seen)
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        logger.warning("a mailbox's watermark is damaged; its unread mail is read again")
        return None


def save(key: str, mark: Watermark) -> None:
    path = _path(key)
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    scratch = path.with_suffix(".new")
    seen = mark.seen.isoformat() if mark.seen else None
    with scratch.open("w", encoding="utf-8") as file:
        json.dump({"validity": mark.validity, "highest": mark.highest, "seen": seen}, file)
        file.flush()
        os.fsync(file.fileno())
    os.replace(scratch, path)


def _path(key: str) -> Path:
    name = hashlib.sha256(key.encode()).hexdigest()[:32]
    return settings.get(settings.CoreSettings).data_dir / "mailboxes" / f"{name}.json"
