"""Whom we call and how: agents' extensions, telephones called directly, numbers outside. Nothing that settings do not allow is
called, for a telephone line is money."""

from __future__ import annotations

import fnmatch
import re

import phonenumbers

from connectors.sip.address import parse_uri
from connectors.sip.caller import normalise
from connectors.sip.settings import PeopleSettings, SipSettings
from core.errors import ConfigurationError, Forbidden, InvalidInput

LONGEST_EXTENSION = 6  # keys; more are a number
_EXTENSION = re.compile(r"[A-Za-z0-9+*#._-]{1,40}")


def phone_uri(address: str, sip: SipSettings, people: PeopleSettings) -> str:
    """Where an agent's telephone is called. Raises Forbidden for a host that settings do not name."""
    if not address.startswith(("sip:", "sips:")):
        if not _EXTENSION.fullmatch(address):
            raise InvalidInput("A telephone is an extension or sip:user@host.")
        return f"sip:{address}@{trunk(sip, people)}"
    try:
        uri = parse_uri(address)
    except ValueError:
        raise InvalidInput("A telephone is an extension or sip:user@host.") from None
    allowed = {*people.phones_at, *([trunk(sip, people).partition(":")[0]] if has_trunk(sip, people) else [])}
    if uri.host not in allowed:
        raise Forbidden("HOTLINE_PEOPLE_PHONES_AT does not name this telephone's host.")
    return f"sip:{uri.user}@{uri.host}" + (f":{uri.port}" if uri.port else "")


def number_uri(number: str, sip: SipSettings, people: PeopleSettings) -> str:
    """Where a number outside is called. Raises InvalidInput for what is none, Forbidden for one that settings do not allow."""
    found = normalise(number)
    if not found.startswith("+") or not phonenumbers.is_valid_number(phonenumbers.parse(found)):
        raise InvalidInput("This is no telephone number.", field="number")  # +86110 would be dialled as 110
    if not any(fnmatch.fnmatchcase(found, pattern) for pattern in people.numbers):
        raise Forbidden("HOTLINE_PEOPLE_NUMBERS does not allow this number.")
    return f"sip:{_dialled(found, people)}@{trunk(sip, people)}"


def uri_of(target: str, sip: SipSettings, people: PeopleSettings) -> str:
    """Of whatever a telephone's keys can name: an extension that settings allow, or a number. Agents' own extensions are known
    to ``intake.waiting`` and need no permission. Raises what ``number_uri`` raises."""
    plain = re.sub(r"[\s().-]", "", target)
    if len(plain) <= LONGEST_EXTENSION and _EXTENSION.fullmatch(plain):
        if not any(fnmatch.fnmatchcase(plain, pattern) for pattern in people.extensions):
            raise Forbidden("HOTLINE_PEOPLE_EXTENSIONS does not allow this extension.")
        return phone_uri(plain, sip, people)
    return number_uri(plain, sip, people)


def shown(name: str, sip: SipSettings, people: PeopleSettings, contact: str) -> str:
    """The From of a call that we make: our number at the trunk, and beside it whom it is about."""
    user = people.shown_number or (sip.accounts[0].user if sip.accounts else "")
    own = f"sip:{user}@{sip.accounts[0].realm}" if user and sip.accounts else contact.strip("<>")
    if user and not sip.accounts:
        own = re.sub(r"sip:[^@]*@", f"sip:{user}@", own)
    return f'"{re.sub(r"[^0-9A-Za-z+ ]", "", name)[:30]}" <{own}>' if name else f"<{own}>"


def has_trunk(sip: SipSettings, people: PeopleSettings) -> bool:
    return bool(people.trunk or sip.accounts)


def trunk(sip: SipSettings, people: PeopleSettings) -> str:
    """Raises ConfigurationError where there is none."""
    if people.trunk:
        return people.trunk
    if sip.accounts:
        return sip.accounts[0].registrar
    raise ConfigurationError("HOTLINE_PEOPLE_TRUNK: no PBX or trunk is named that could be called")


def _dialled(number: str, people: PeopleSettings) -> str:
    if people.number_format == "e164":
        return number
    parsed = phonenumbers.parse(number)
    text = phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.NATIONAL)
    if parsed.country_code != 86:
        return "00" + number[1:]
    return re.sub(r"\D", "", text)
