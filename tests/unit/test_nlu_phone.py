"""A mobile number is told by one pattern, with what the library says of it."""

from __future__ import annotations

import random

import phonenumbers

from nlu.resolve.phone import resolve_phone


def test_mobile_numbers_are_those_of_the_library() -> None:
    rng = random.Random(1)
    for head in range(130, 200):
        number = f"{head}{rng.randrange(10**8):08}"
        parsed = phonenumbers.parse(number, "CN")
        mobile = phonenumbers.number_type(parsed) == phonenumbers.PhoneNumberType.MOBILE
        found = resolve_phone(number, "")
        assert found is not None
        assert (found.details["kind"] == "mobile") == mobile
        assert found.details["e164"] == phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def test_what_is_longer_or_shorter_is_none() -> None:
    for number in ("1390000000", "139000000000"):
        found = resolve_phone(number, "")
        assert found is None or found.details["kind"] != "mobile"
    found = resolve_phone("13900000000-12", "")
    assert found is not None
    assert (found.details["kind"], found.details["extension"]) == ("mobile", "12")
