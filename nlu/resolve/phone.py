"""Telephone numbers to E.164 (ITU-T E.164) with their kind."""

from __future__ import annotations

import re

import phonenumbers

from nlu.contract import Candidate

_AREAS = {
    "11": "010",
    "12": "022",
    "31": "021",
    "50": "023",
    "3201": "025",
    "4201": "027",
    "5101": "028",
    "6101": "029",
    "4401": "020",
    "2101": "024",
    "3301": "0571",
    "3302": "0574",
    "3205": "0512",
    "4403": "0755",
    "3501": "0591",
    "3502": "0592",
    "4301": "0731",
    "4101": "0371",
    "3701": "0531",
    "3702": "0532",
    "1301": "0311",
    "1401": "0351",
    "2102": "0411",
    "2201": "0431",
    "2301": "0451",
    "3401": "0551",
    "3601": "0791",
    "4501": "0771",
    "5201": "0851",
    "5301": "0871",
    "4601": "0898",
    "6201": "0931",
    "6301": "0971",
    "6401": "0951",
    "6501": "0991",
    "1501": "0471",
}


def area_code(region: str) -> str:
    """The trunk code of a division's capital or city, "" when it is none of the larger ones."""
    return _AREAS.get(region[:4]) or _AREAS.get(region[:2], "")


_NEIGHBOURS = ("852", "853", "886")  # Hong Kong, Macao, Taiwan: said without the 00 before them


def _mobile() -> re.Pattern[str]:
    """Chinese mobile numbers, as the library knows them: most numbers are one, and no other kind has eleven digits and begins so."""
    china = phonenumbers.PhoneMetadata.metadata_for_region("CN")
    known = china.mobile.national_number_pattern if china and china.mobile else None
    return re.compile(rf"(?=1[3-9]\d{{9}}$)(?:{known or '(?!)'})", re.ASCII)


_MOBILE = _mobile()
_KINDS = {phonenumbers.PhoneNumberType.MOBILE: "mobile", phonenumbers.PhoneNumberType.FIXED_LINE: "fixed"}


def resolve_phone(value: str, region: str) -> Candidate | None:
    """``value`` as the guidelines write it (digits, extension after "-"). None where no valid Chinese number is behind it.

    details: e164, kind (mobile, fixed, service; local: a fixed one without its area code; unknown: nobody can have it), extension.
    """
    number, _, extension = value.partition("-")
    if not number.isdigit() or len(number) > 14:
        return None
    if len(number) in (7, 8) and number[0] != "0" and area_code(region):
        number = area_code(region) + number
    if _MOBILE.fullmatch(number):
        return _candidate(f"+86{number}", 0.99, "mobile", extension)
    try:
        parsed = _neighbour(number) or phonenumbers.parse(number, "CN")
    except phonenumbers.NumberParseException:
        return None
    known = phonenumbers.number_type(parsed)
    valid = known != phonenumbers.PhoneNumberType.UNKNOWN
    if not valid and not phonenumbers.is_possible_number(parsed):
        return None
    local = len(number) in (7, 8) and number[0] not in "01"
    kind = _KINDS.get(known, "service" if number.startswith(("400", "800")) else "local" if local else "unknown")
    e164 = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
    return _candidate(e164, 0.99 if valid else 0.5, kind, extension)


def _candidate(e164: str, score: float, kind: str, extension: str) -> Candidate:
    return Candidate(value=e164, score=score, details={"e164": e164, "kind": kind, "extension": extension})


def _neighbour(number: str) -> phonenumbers.PhoneNumber | None:
    """The number of Hong Kong, Macao or Taiwan that this is; no number of the mainland begins so."""
    if len(number) not in (11, 12) or not number.startswith(_NEIGHBOURS):
        return None
    parsed = phonenumbers.parse(f"+{number}")
    return parsed if phonenumbers.is_valid_number(parsed) else None
