"""Applies the resolver of each field."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path

from core import settings
from nlu.catalogue import Catalogue, load_catalogue
from nlu.catalogue.entries import HERE
from nlu.contract import Candidate, Context, FieldFound, Turn
from nlu.resolve.address import AddressResolver
from nlu.resolve.device import DeviceResolver
from nlu.resolve.fault import FaultResolver
from nlu.resolve.phone import resolve_phone
from nlu.resolve.time import resolve_time
from nlu.settings import NluSettings


@lru_cache(maxsize=8)
def catalogue_named(name: str, folder: Path | None) -> Catalogue:
    """The shipped catalogue with the company's additions; ``name`` is a folder inside the company's one ("" = the folder itself)."""
    folders = [HERE]
    if folder is not None:
        folders.append(folder)
        if name and "/" not in name and not name.startswith("."):
            folders.append(folder / name)
    return load_catalogue(folders)


class Resolver:
    """Pure; holds the catalogues and the divisions."""

    def __init__(self) -> None:
        self.parts: Callable[[str], list[tuple[int, int, str]]] | None = (
            None  # the pipeline's address parser, where it has one
        )
        self._folder = settings.get(NluSettings).catalogues
        self._addresses = AddressResolver()
        self._made: dict[str, tuple[DeviceResolver, FaultResolver]] = {}

    def resolve(self, fields: Sequence[FieldFound], turns: Sequence[Turn], context: Context) -> list[FieldFound]:
        devices, faults = self._of(context.catalogue)
        region = self._region(fields, context)
        out: list[FieldFound] = []
        group = ""
        for field in fields:  # the device that a fault belongs to may follow it
            if field.name == "device" and not group:
                group = self._group(devices, field.value)
        for field in fields:
            if field.name == "device":
                group = self._group(devices, field.value) or group
            out.append(_with(field, self._candidates(field, context, devices, faults, region, group)))
        return out

    def _candidates(
        self,
        field: FieldFound,
        context: Context,
        devices: DeviceResolver,
        faults: FaultResolver,
        region: str,
        group: str,
    ) -> Sequence[Candidate]:
        value = field.value
        if field.name == "phone":
            found = resolve_phone(value, region)
            return [found] if found else []
        if field.name == "address":
            return self._with_parts(value, self._addresses.candidates(value, context.region))
        if field.name == "device":
            return devices.candidates(value, context.assets)
        if field.name == "brand":
            return devices.brand(value)
        if field.name == "model":
            return devices.model(value, context.assets)
        if field.name == "serial":
            return [
                Candidate(value=a.serial, score=1.0, details={"asset": a.id, "device": a.device})
                for a in context.assets
                if a.serial and a.serial.upper().replace(" ", "") == value.upper().replace(" ", "")
            ]
        if field.name == "fault":
            return faults.candidates(value, group)
        if field.name == "time":
            return resolve_time(value, context.now, context.zone)
        return []

    def _with_parts(self, value: str, candidates: Sequence[Candidate]) -> Sequence[Candidate]:
        """Adds the parser's parts (road, community, poi, houseno ...) to the best candidate."""
        if self.parts is None or not candidates:
            return candidates
        parts: dict[str, str] = {}
        for start, end, name in self.parts(value):
            if name not in ("prov", "city", "district", "redundant"):
                parts[name] = parts.get(name, "") + value[start:end]
        best = candidates[0]
        return [replace(best, details={**parts, **best.details}), *candidates[1:]]

    def _of(self, name: str) -> tuple[DeviceResolver, FaultResolver]:
        if name not in self._made:
            catalogue = catalogue_named(name, self._folder)
            self._made[name] = (DeviceResolver(catalogue), FaultResolver(catalogue))
        return self._made[name]

    def _region(self, fields: Sequence[FieldFound], context: Context) -> str:
        """The code for a local telephone number: of the address that was given, else of the context."""
        for field in fields:
            if field.name == "address":
                found = self._addresses.candidates(field.value, context.region)
                if found and found[0].score >= 0.8:
                    return str(found[0].details["code"])
        return self._addresses.region_code(context.region) if context.region else ""

    def _group(self, devices: DeviceResolver, value: str) -> str:
        found = devices.device(value)
        if not found:
            return ""
        entry = devices.of_name(str(found[0].details["name"]))
        return entry.group if entry else ""


def _with(field: FieldFound, candidates: Sequence[Candidate]) -> FieldFound:
    corrections = tuple(
        (field.start, field.end, field.surface, str(c.details.get("name", c.value)))
        for c in candidates[:1]
        if str(c.details.get("how", "")).startswith("sound")
        and c.score >= 0.7
        and str(c.details.get("name", c.value)) != field.value
    )
    return replace(
        field,
        resolved=candidates[0] if candidates else None,
        candidates=tuple(candidates),
        corrections=(*field.corrections, *corrections),
    )
