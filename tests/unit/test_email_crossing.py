"""What crosses from the process that reads mails is plain data, and nothing else is believed."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import pytest

from connectors.email import crossing
from connectors.email.attachments import MailAttachment
from connectors.email.headers import Address
from connectors.email.parse import parse, unreadable
from connectors.email.parsed import ParsedMail

CORPUS = Path(__file__).parent.parent / "data" / "mail"
AWKWARD = ParsedMail(
    identity="a" * 64,
    size=3,
    subject="lone \udc80 surrogate, \x00, 😀",
    sender=Address(name=None, address="李@example.net"),
    attachments=(
        MailAttachment(
            name="one.bin", type="application/octet-stream", declared="", content=bytes(range(256)), size=256
        ),
        MailAttachment(name="空.txt", type="text/plain", declared="text/html", content=b"", size=0),
    ),
    problems=("one", "two"),
)


def test_a_mail_crosses_unchanged() -> None:
    for mail in (
        AWKWARD,
        unreadable(b"x", "why"),
        parse(b"From: a@example.net\nDate: Fri, 20 Nov 2026 10:00:00 +0800\n\nhi"),
    ):
        assert crossing.decode(crossing.encode(mail)) == mail


def test_every_sample_crosses_unchanged() -> None:
    samples = sorted(CORPUS.rglob("*.eml"))
    assert len(samples) > 5
    for sample in samples:
        mail = parse(sample.read_bytes())
        assert crossing.decode(crossing.encode(mail)) == mail, sample.name


def _with(**changes: object) -> bytes:
    plain = crossing.encode(unreadable(b"x", "why"))
    head = json.dumps(json.loads(plain[crossing.LENGTH :]) | changes).encode()
    return len(head).to_bytes(crossing.LENGTH, "big") + head


class Evil:
    def __reduce__(self) -> object:
        return os.abort, ()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\xff" * 20,
        pickle.dumps(Evil()),
        crossing.encode(AWKWARD)[:-1],
        crossing.encode(AWKWARD) + b"x",
        _with(subject=["list"]),
        _with(kind="elephant"),
        _with(size=-1),
        _with(sender={"name": "a"}),
        _with(sender={"name": "a", "address": {"$": 1}}),
        _with(attachments=[{"name": "a", "type": "b", "size": 1, "content": 10**18}]),
        _with(date="yesterday"),
        (8 * 10**4).to_bytes(crossing.LENGTH, "big") + b"[" * (8 * 10**4),
    ],
)
def test_anything_else_is_refused(answer: bytes) -> None:
    with pytest.raises(ValueError):
        crossing.decode(answer)
