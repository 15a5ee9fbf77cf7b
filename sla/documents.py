"""The policies and calendars in force: the newest saved ones, else the configured file, else the shipped one."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

import yaml
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from core import clock, outbox, settings
from core.errors import ConfigurationError, Conflict
from sla.calendar import Calendar
from sla.holidays import PublicHolidays, public_holidays
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
    """What holds now: looked up each time, read only when it has changed, so that a worker which has run for weeks does not
    reckon by last week's calendar."""
    stamps = (_stamp(session, "policies"), _stamp(session, "calendars"))
    known = _known.get("last")
    if known is None or known[0] != stamps or known[1] != _surroundings():
        force = read(written(session, "policies")[0], written(session, "calendars")[0])
        known = _known["last"] = (stamps, _surroundings(), force)
    return known[2]


_known: dict[str, tuple[object, object, InForce]] = {}


def _stamp(session: Session, kind: Kind) -> tuple[str, int, int]:
    """Changes whenever the content of this kind does."""
    saved = session.scalar(select(func.max(SlaDocument.id)).where(SlaDocument.kind == kind))
    path = _path(kind)
    # The database is named because a process may look into another one (tests).
    return str(session.get_bind().engine.url), saved or 0, 0 if saved else path.stat().st_mtime_ns


def _surroundings() -> tuple[object, ...]:
    """What else a reading depends on: zone, files' places and the announced years."""
    config = settings.get(SlaSettings)
    zone = settings.get(settings.CoreSettings).zone
    return zone, config.policies, config.calendars, id(announced("cn"))


def announced(region: str) -> PublicHolidays:
    """The public holidays of a region that are known, with the configured folder's."""
    folder = settings.get(SlaSettings).holidays
    return public_holidays(region, *([folder] if folder else []))


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


def _path(kind: Kind) -> Path:
    config = settings.get(SlaSettings)
    return (config.policies if kind == "policies" else config.calendars) or DEFAULTS / f"{kind}.yaml"


def _from_file(kind: Kind) -> dict[str, Any]:
    path = _path(kind)
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
