"""Who calls and whom: telephone numbers out of SIP headers (RFC 3261 §20.20, RFC 3325), as E.164 where they are ones."""

from __future__ import annotations

import re
from dataclasses import dataclass

import phonenumbers

from connectors.sip.address import Address, parse_address, parse_uri
from connectors.sip.message import SipMessage
from core.text import clean

_ANONYMOUS = ("anonymous", "unavailable", "restricted", "unknown", "")
_DIGITS = re.compile(r"\+?[0-9]{3,20}")


@dataclass(frozen=True, kw_only=True)
class Caller:
    """``number``: E.164, or as signalled (an extension, an account), "" if withheld. ``asserted``: the network says so,
    not the caller."""

    number: str
    name: str
    asserted: bool


def caller_of(invite: SipMessage, region: str = "CN") -> Caller:
    """P-Asserted-Identity before Remote-Party-ID before From; the last good one counts."""
    for header in ("p-asserted-identity", "remote-party-id"):
        for value in invite.all(header):
            address = _address(value)
            number = _user(address) if address else ""
            if number.lower() not in _ANONYMOUS:
                return Caller(number=normalise(number, region), name=_name(address), asserted=True)
    address = _address(invite.get("from"))
    number = _user(address) if address else ""
    if number.lower() in _ANONYMOUS:
        return Caller(number="", name="", asserted=False)
    return Caller(number=normalise(number, region), name=_name(address), asserted=False)


def called_of(invite: SipMessage) -> str:
    """The number that was called: the request's, as the trunk set it; To if that has none."""
    try:
        user = parse_uri(invite.uri).user
    except ValueError:
        user = ""
    address = _address(invite.get("to"))
    return clean(user or (_user(address) if address else ""), 80)


def normalise(number: str, region: str = "CN") -> str:
    """E.164 of what is a telephone number; anything else as it came, cleaned."""
    digits = re.sub(r"[\s().\-]", "", number)
    if _DIGITS.fullmatch(digits):
        for text in (digits, f"+{digits[2:]}" if digits.startswith("00") else f"+{digits}"):
            try:
                found = phonenumbers.parse(text, region)
            except phonenumbers.NumberParseException:
                continue
            if phonenumbers.is_valid_number(found):
                return phonenumbers.format_number(found, phonenumbers.PhoneNumberFormat.E164)
    return clean(number, 80)


def _address(value: str) -> Address | None:
    try:
        return parse_address(value)
    except ValueError:
        return None


def _user(address: Address) -> str:
    try:
        return parse_uri(address.uri).user.partition(";")[0]
    except ValueError:
        return ""


def _name(address: Address | None) -> str:
    name = clean(address.name, 80).strip() if address else ""
    return "" if _DIGITS.fullmatch(name) else name
