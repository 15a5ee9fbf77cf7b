"""The policies and calendars in force: the newest saved ones, else the configured file, else the shipped one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import yaml
from sqlalchemy import select
from sqlalchemy.orm import Session

from core import clock, outbox, settings
from core.errors import ConfigurationError, Conflict
from sla.calendar import Calendar
from sla.policy import Policy
from sla.reading import read_calendars, read_policy
from sla.settings import SlaSettings
from sla.tables import SlaDocument

Kind = Literal["policies", "calendars"]
DEFAULTS = Path(__file__).parent / "defaults"
RECKON_ALL = "sla.reckon_all"


@dataclass(frozen=True, kw_only=True)
class InForce:
    """What holds now."""

    policy: Policy
    calendars: dict[str, Calendar]


def written(session: Session, kind: Kind) -> tuple[dict[str, Any], int]:
    """The content as somebody wrote it and its version; 0 where nothing was saved."""
    row = session.scalar(
        select(SlaDocument).where(SlaDocument.kind == kind).order_by(SlaDocument.version.desc()).limit(1)
    )
    return (row.content, row.version) if row is not None else (_from_file(kind), 0)


def in_force(session: Session) -> InForce:
    """Read anew each time: a worker that has run for weeks must not reckon by last week's calendar."""
    return read(written(session, "policies")[0], written(session, "calendars")[0])


def read(policies: dict[str, Any], calendars: dict[str, Any]) -> InForce:
    """Raises InvalidInput."""
    zone = settings.get(settings.CoreSettings).zone
    folder = settings.get(SlaSettings).holidays
    found = read_calendars(calendars, zone, [folder] if folder else [])
    return InForce(policy=read_policy(policies, found), calendars=found)


def save(session: Session, kind: Kind, content: dict[str, Any], actor: str, version: int | None = None) -> int:
    """Saves a new version if it can be read together with the other kind, and promises that running clocks are reckoned
    anew. Returns its number; raises InvalidInput, and Conflict where ``version`` is not the present one."""
    _, present = written(session, kind)
    if version is not None and version != present:
        raise Conflict("Somebody else has changed this.", version=present)
    policies = content if kind == "policies" else written(session, "policies")[0]
    calendars = content if kind == "calendars" else written(session, "calendars")[0]
    read(policies, calendars)
    session.add(SlaDocument(kind=kind, version=present + 1, content=content, actor=actor, at=clock.now()))
    session.flush()
    outbox.promise(session, RECKON_ALL, {"after": 0, "why": f"{kind}:{present + 1}"})
    return present + 1


def _from_file(kind: Kind) -> dict[str, Any]:
    config = settings.get(SlaSettings)
    path = (config.policies if kind == "policies" else config.calendars) or DEFAULTS / f"{kind}.yaml"
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError) as error:
        raise ConfigurationError(f"{path} cannot be read: {error}") from error
    if not isinstance(content, dict):
        raise ConfigurationError(f"{path} is no mapping")
    return content


def plain(content: Any) -> Any:
    """The content as JSON can hold it: YAML's dates become text."""
    if isinstance(content, dict):
        return {str(key): plain(value) for key, value in content.items()}
    if isinstance(content, list):
        return [plain(value) for value in content]
    return content.isoformat() if isinstance(content, date) else content
