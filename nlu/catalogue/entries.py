"""Records of the catalogue and how they are read from YAML."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import yaml

from core.errors import ConfigurationError

Danger = Literal["none", "high", "emergency"]
HERE = Path(__file__).parent


@dataclass(frozen=True, kw_only=True)
class Device:
    """A kind of device. ``names`` has the official name first; ``group`` chooses the fault classes that fit it."""

    id: str
    name: str
    names: tuple[str, ...]
    trade: str
    group: str
    models: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class FaultClass:
    """A class of faults, the name that skills refer to. ``words`` are regular expressions over the customer's words."""

    id: str
    name: str
    words: tuple[str, ...]
    danger: Danger = "none"
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Catalogue:
    devices: tuple[Device, ...]
    brands: tuple[str, ...]
    faults: tuple[FaultClass, ...]
    brand_aliases: Mapping[str, str] = field(default_factory=dict)


def load_catalogue(folders: Iterable[Path]) -> Catalogue:
    """Reads devices*.yaml, brands*.yaml and faults*.yaml of each folder, later ones adding to earlier ones.

    Raises ConfigurationError that names the file and the entry that cannot be read.
    """
    devices: dict[str, Device] = {}
    brands: dict[str, None] = {}
    aliases: dict[str, str] = {}
    faults: dict[str, FaultClass] = {}
    for folder in folders:
        for path in sorted(folder.glob("*.yaml")):
            content = _read(path)
            try:
                if path.name.startswith("devices"):
                    for entry in content:
                        device = _device(entry)
                        before = devices.get(device.id)
                        if before is not None:
                            names = tuple(dict.fromkeys((*before.names, *device.names)))
                            device = Device(
                                id=before.id,
                                name=before.name,
                                names=names,
                                trade=before.trade,
                                group=before.group,
                                models=(*before.models, *device.models),
                            )
                        devices[device.id] = device
                elif path.name.startswith("brands"):
                    for trade in content.values():
                        for brand in trade:
                            if isinstance(brand, dict):
                                brands.setdefault(str(brand["name"]))
                                aliases.update({str(alias): str(brand["name"]) for alias in brand["aliases"]})
                            else:
                                brands.setdefault(str(brand))
                elif path.name.startswith("faults"):
                    for entry in content:
                        fault = _fault(entry)
                        faults[fault.id] = fault
            except (KeyError, TypeError, AttributeError, ValueError) as error:
                raise ConfigurationError(f"catalogue file {path.name}: {type(error).__name__} {error}") from error
    return Catalogue(
        devices=tuple(devices.values()), brands=tuple(brands), faults=tuple(faults.values()), brand_aliases=aliases
    )


@lru_cache(maxsize=1)
def shipped() -> Catalogue:
    return load_catalogue([HERE])


def _read(path: Path) -> Any:
    try:
        return yaml.load(path.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader)) or []  # noqa: S506 - a safe loader, the C one where built
    except yaml.YAMLError as error:
        raise ConfigurationError(f"catalogue file {path.name} is no YAML: {error}") from error


def _device(entry: Mapping[str, Any]) -> Device:
    names = (str(entry["name"]), *map(str, entry.get("aliases", ())))
    return Device(
        id=str(entry["id"]),
        name=str(entry["name"]),
        names=tuple(dict.fromkeys(names)),
        trade=str(entry.get("trade", "")),
        group=str(entry.get("group", "")),
        models=tuple(map(str, entry.get("models", ()))),
    )


def _fault(entry: Mapping[str, Any]) -> FaultClass:
    danger = str(entry.get("danger", "none"))
    if danger not in ("none", "high", "emergency"):
        raise ValueError(f"danger of {entry['id']} must be none, high or emergency, got {danger}")
    return FaultClass(
        id=str(entry["id"]),
        name=str(entry["name"]),
        words=tuple(map(str, entry.get("words", ()))),
        danger=danger,  # type: ignore[arg-type]  # checked above
        groups=tuple(map(str, entry.get("groups", ()))),
    )
