"""Devices, brands and models against the catalogue and the customer's own assets: by writing, by likeness, by sound."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from rapidfuzz import fuzz, process

from nlu.catalogue import Catalogue, Device
from nlu.contract import Asset, Candidate
from nlu.text.sound import sounds

OWN_BONUS = 0.15
_LEAD = re.compile(r"^(?:[0-9零一二三四五六七八九十]+(?:号|#)|那个|这个|我家|老|旧|新)")


class DeviceResolver:
    """Holds the catalogue's names; asks nothing outside."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._names: dict[str, Device] = {}
        for device in catalogue.devices:
            for name in device.names:
                self._names.setdefault(name, device)
        self._by_sound: dict[tuple[str, ...], str] = {}
        for name in self._names:
            self._by_sound.setdefault(sounds(name), name)
        self._written = list(self._names)
        self._by_id = {device.id: device for device in reversed(catalogue.devices)}
        self._spelled = {name: _heard(name) for name in self._names}
        self._spelled_brands = {b: _heard(b) for b in catalogue.brands}
        self._folded_brands = {_folded(b): b for b in reversed(catalogue.brands)}
        self.device = lru_cache(maxsize=4_096)(self._device)
        self.brand = lru_cache(maxsize=4_096)(self._brand)

    def of_name(self, name: str) -> Device | None:
        return self._names.get(name)

    def candidates(self, value: str, assets: Sequence[Asset]) -> list[Candidate]:
        """Ranked entries for what was said; the customer's own devices first where they fit."""
        found = list(self.device(value))
        own = []
        for asset in assets:
            entry = self._names.get(asset.device)
            for candidate in found:
                if entry is not None and candidate.details["category"] == entry.id:
                    details = dict(candidate.details) | {"asset": asset.id, "brand": asset.brand, "model": asset.model}
                    own.append(
                        Candidate(value=asset.device, score=min(1.0, candidate.score + OWN_BONUS), details=details)
                    )
                    break
        return sorted([*own, *found], key=lambda c: -c.score)[:5]

    def _device(self, value: str) -> tuple[Candidate, ...]:
        core = _LEAD.sub("", value.strip())
        scored: dict[str, tuple[float, str, str]] = {}

        def offer(name: str, score: float, how: str) -> None:
            device = self._names[name]
            if score > scored.get(device.id, (0.0, "", ""))[0]:
                scored[device.id] = (score, name, how)

        for form in (value, core):
            if form in self._names:
                offer(form, 1.0, "exact")
        heard = sounds(core)
        if heard in self._by_sound:
            offer(self._by_sound[heard], 0.93, "sound")
        for cut in range(1, max(1, len(core) - 1)):  # 揭盖式商用洗碗机: the longest known tail
            tail = core[cut:]
            if tail in self._names:
                offer(tail, 0.9, "tail")
                break
            if sounds(tail) in self._by_sound:
                offer(self._by_sound[sounds(tail)], 0.84, "sound tail")
                break
        for cut in range(len(core) - 1, 1, -1):
            if core[:cut] in self._names:
                offer(core[:cut], 0.8, "head")
                break
        if not scored or max(s for s, _, _ in scored.values()) < 0.8:
            for name, score, _ in process.extract(core, self._written, scorer=fuzz.ratio, limit=5):
                if score >= 55:
                    offer(name, score / 100 * 0.85, "writing")
            if len(core) >= 2:
                for _, score, key in process.extract(
                    _heard(core), self._spelled, scorer=fuzz.ratio, limit=8, score_cutoff=70
                ):
                    if abs(len(key) - len(core)) <= 1:
                        offer(key, 0.85 * (0.7 * score + 0.3 * fuzz.ratio(core, key)) / 100, "sound")
        ranked = sorted(scored.items(), key=lambda item: -item[1][0])[:4]
        return tuple(
            Candidate(value=self._by_id[i].name, score=round(s, 3), details={"category": i, "name": name, "how": how})
            for i, (s, name, how) in ranked
        )

    def _brand(self, value: str) -> tuple[Candidate, ...]:
        brands = self._catalogue.brands
        folded = _folded(value.strip())
        if brand := self._folded_brands.get(folded):
            return (Candidate(value=brand, score=1.0, details={"how": "exact"}),)
        if value in self._catalogue.brand_aliases:
            return (Candidate(value=self._catalogue.brand_aliases[value], score=0.98, details={"how": "alias"}),)
        found = []
        if re.search(r"[\u4e00-\u9fff]", value):
            near = process.extract(_heard(value), self._spelled_brands, scorer=fuzz.ratio, limit=3, score_cutoff=80)
            found = [
                Candidate(value=b, score=round(0.95 * score / 100, 3), details={"how": "sound"})
                for _, score, b in near
                if abs(len(b) - len(value)) <= 1
            ]
        if not found:
            found = [
                Candidate(value=b, score=round(s / 100 * 0.8, 3), details={"how": "writing"})
                for b, s, _ in process.extract(value, brands, scorer=fuzz.ratio, limit=2)
                if s >= 60
            ]
        return tuple(found)

    def model(self, value: str, assets: Sequence[Asset]) -> list[Candidate]:
        """The customer's own models and the catalogue's, by likeness of letters and digits; what sounds alike is folded."""
        known: dict[str, dict[str, str]] = {a.model: {"asset": a.id, "device": a.device} for a in assets if a.model}
        for device in self._catalogue.devices:
            for name in device.models:
                known.setdefault(name, {"category": device.id})
        plain = _plain(value)
        found = []
        for name, details in known.items():
            score = fuzz.ratio(plain, _plain(name)) / 100
            if score >= 0.75:
                found.append(
                    Candidate(
                        value=name,
                        score=round(min(1.0, score + (0.05 if "asset" in details else 0)), 3),
                        details=details,
                    )
                )
        return sorted(found, key=lambda c: -c.score)[:3]


def _folded(name: str) -> str:
    return name.lower().replace(" ", "")


def _heard(text: str) -> str:
    return " ".join(sounds(text))


def _plain(code: str) -> str:
    """Upper case, letters and digits only; O and 0, I and 1, which nobody can hear or see apart, folded."""
    return re.sub(r"[^A-Z0-9]", "", code.upper()).replace("O", "0").replace("I", "1")
