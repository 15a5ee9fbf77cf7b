"""File names, proofs of work and follow keys."""

from __future__ import annotations

from datetime import timedelta

import pytest

from connectors.webform import tokens
from connectors.webform.sent import safe_name
from core import clock
from core.errors import Forbidden


@pytest.mark.parametrize(
    ("name", "extension", "safe"),
    [
        ("../../etc/passwd", "png", "passwd.png"),
        ("C:\\Users\\x\\照片.JPG", "jpg", "照片.JPG"),
        ("a\0b\r\nc.png", "png", "a_b__c.png"),
        ("\u202egnp.exe", "png", "_gnp.exe.png"),
        ("", "pdf", "file.pdf"),
        ("..", "pdf", "file.pdf"),
        ("x" * 300 + ".png", "png", "x" * 100 + ".png"),
        ("\udcff.png", "png", "_.png"),
    ],
)
def test_names_are_made_safe(name: str, extension: str, safe: str) -> None:
    assert safe_name(name, extension) == safe


def test_a_proof_belongs_to_its_token() -> None:
    token, other = tokens.issue("repair"), tokens.issue("repair")
    answer = tokens.prove(token, 10)
    assert tokens.proves(token, answer, 10)
    assert not (tokens.proves(other, answer, 10) and tokens.proves(other, answer, 20))
    for wrong in ("", "-1", "x", "１", "9" * 50):
        assert not tokens.proves(token, wrong, 10)


def test_a_follow_key_opens_one_subject_for_its_time(turnable: clock.TurnableClock) -> None:
    key = tokens.follow_key("HT261120-0001", 1)
    tokens.check_follow("HT261120-0001", key)
    for subject, given in (("HT261120-0002", key), ("HT261120-0001", "9" + key), ("HT261120-0001", ""), ("", "x.y")):
        with pytest.raises(Forbidden):
            tokens.check_follow(subject, given)
    turnable.turn(by=timedelta(days=1, seconds=1))
    with pytest.raises(Forbidden):
        tokens.check_follow("HT261120-0001", key)
