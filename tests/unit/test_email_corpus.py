"""Our reading of mails against another parser's, for the samples kept here and, where HOTLINE_MAIL_CORPUS names one, a
whole folder of ``.eml`` files with the other reading beside them as ``.json``."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors.email import html
from connectors.email.parse import parse
from connectors.email.parsed import ParsedMail

KEPT = Path(__file__).parents[1] / "data" / "mail" / "corpus"
AGREEMENT = 0.99


def corpora() -> list[Path]:
    given = os.environ.get("HOTLINE_MAIL_CORPUS", "")
    return [KEPT, *([Path(given)] if given else [])]


@pytest.mark.parametrize("folder", corpora(), ids=["kept", "given"][: len(corpora())])
def test_readings_agree(folder: Path) -> None:
    if not folder.is_dir():
        pytest.skip("HOTLINE_MAIL_CORPUS names no folder")
    differing: list[str] = []
    compared = 0
    for file in sorted(folder.rglob("*.eml")):
        started = time.process_time()
        mail = parse(file.read_bytes())
        assert time.process_time() - started < 1, file.name
        assert "could not be parsed" not in " ".join(mail.problems), file.name
        expected = file.with_suffix(".json")
        if expected.exists():
            for name, agrees in compare(mail, json.loads(expected.read_text(encoding="utf-8"))):
                compared += 1
                differing.extend([] if agrees else [f"{file.parent.name}/{file.name} {name}"])
    assert compared > 50
    assert len(differing) <= (1 - AGREEMENT) * compared, f"{len(differing)} of {compared} differ: {differing}"


@pytest.mark.parametrize("folder", corpora(), ids=["kept", "given"][: len(corpora())])
def test_it_takes_little_memory(folder: Path) -> None:
    if not folder.is_dir():
        pytest.skip("HOTLINE_MAIL_CORPUS names no folder")
    program = (
        "import pathlib, sys\n"
        "from connectors.email.parse import parse\n"
        "for file in pathlib.Path(sys.argv[1]).rglob('*.eml'): parse(file.read_bytes())\n"
        # not ru_maxrss: that begins with the memory of the process we were forked from
        "print(pathlib.Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(folder)], capture_output=True, check=True, text=True)
    assert int(done.stdout.split()[-1]) < 200_000  # KiB


def compare(mail: ParsedMail, other: dict[str, Any]) -> Iterator[tuple[str, bool]]:
    """Whether subject, sender, text and attachment names are those of the other reading. A U+FFFD in that, where it gave
    up on a raw byte, stands for any character; a path in a file name counts by its last component."""
    parts = other["parts"]
    subject = next((one["Text"] for one in values(parts[0], "subject") if isinstance(one, dict) and "Text" in one), "")
    yield "subject", same(mail.subject, subject)
    boxes = [box for one in values(parts[0], "from") if "Address" in one for box in one["Address"].get("List", ())]
    first = boxes[0] if boxes else {"name": None, "address": None}
    yield "sender", (mail.sender.address, mail.sender.name or "") == (first["address"], first["name"] or "")
    yield "text", same(mail.text, "\n".join(text_of(parts[number]["body"]) for number in other["text_body"]))
    names = [name_of(parts[number]) for number in other["attachments"]]
    yield (
        "attachments",
        len(names) == len(mail.attachments)
        and all(same(ours.name or "", theirs or "") for ours, theirs in zip(mail.attachments, names, strict=True)),
    )


def values(part: dict[str, Any], name: str) -> list[Any]:
    return [one["value"] for one in part["headers"] if one["name"] == name]


def text_of(body: Any) -> str:
    if not isinstance(body, dict):
        return ""
    return str(body.get("Text", "")) or html.to_text(str(body.get("Html", "")))


def name_of(part: dict[str, Any]) -> str | None:
    for field, attribute in (("content_disposition", "filename"), ("content_type", "name")):
        for value in values(part, field):
            for one in (value.get("ContentType") or {}).get("attributes") or [] if isinstance(value, dict) else []:
                if one["name"] == attribute:
                    return str(one["value"]).split("/")[-1]
    return None


def same(ours: str, theirs: str) -> bool:
    pattern = ".{0,3}".join(re.escape(piece) for piece in re.split("�+", " ".join(theirs.split())))
    return re.fullmatch(pattern, " ".join(ours.split()), re.DOTALL) is not None
