"""The recipe: the same seed gives the same examples; banks are sound; nothing of the measuring set is in it."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from nlu.contract import FIELD_NAMES, INTENTS
from nlu.corpus import generate, written
from nlu.corpus import grammar as grammars

ROOT = Path(__file__).parent.parent.parent
LONG = 9  # characters: shorter stretches are common Chinese


def test_same_seed_same_examples() -> None:
    assert list(generate(5, 30)) == list(generate(5, 30))
    assert list(generate(5, 30)) != list(generate(6, 30))


def test_labels_cut_out_their_text() -> None:
    names, intents = set(), set()
    for example in generate(11, 300):
        intents.update(example.intents)
        last = 0
        for field in example.fields:
            assert example.text[field.start : field.end] == field.text
            assert field.start >= last
            last = field.end
            names.add(field.name)
    assert names == set(FIELD_NAMES)
    assert intents == set(INTENTS)


def test_a_wrong_bank_is_named(tmp_path: Path) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_text("[one]\n(a|b\n", encoding="utf-8")
    with pytest.raises(grammars.GrammarError, match=r"bad\.txt:2"):
        grammars.load([bad])
    bad.write_text("[one]\n<two>\n", encoding="utf-8")
    with pytest.raises(grammars.GrammarError, match="two"):
        grammars.load([bad])


def test_nothing_of_the_measuring_set_is_in_the_material() -> None:
    path = os.environ.get("HOTLINE_NLU_DEV")
    if not path:
        pytest.skip("HOTLINE_NLU_DEV names no measuring set")
    plain = re.compile(r"[\W\d_]+")
    theirs, whole = set(), set()
    for line in Path(path).read_text(encoding="utf-8").splitlines():
        text = plain.sub("", json.loads(line)["text"])
        theirs.update(text[i : i + LONG] for i in range(len(text) - LONG + 1))
        whole.update(text[i : i + LONG + 1] for i in range(len(text) - LONG))
    found = set()
    material = [
        *(ROOT / "nlu" / "corpus" / "banks").glob("*.txt"),
        *(ROOT / "nlu" / "catalogue").glob("*.yaml"),
        *(ROOT / "nlu").glob("**/*.py"),
    ]
    for file in material:
        for line in file.read_text(encoding="utf-8").splitlines():
            text = plain.sub("", line)
            text = text.replace("OriginalMessage", "")  # a mail program's own mark
            found.update(
                (file.name, text[i : i + LONG]) for i in range(len(text) - LONG + 1) if text[i : i + LONG] in theirs
            )
    assert not found
    # Requests of other authors: real streets and a short common phrase may be the same, whole clauses may not.
    long = LONG + 1
    for record in written.load():
        text = "".join("|" if name == "address" else plain.sub("", words) for words, name in record.pieces)
        text = text.replace("OriginalMessageFrom", "").replace("OriginalMessage", "")
        found.update(
            (record.where, text[i : i + long]) for i in range(len(text) - long + 1) if text[i : i + long] in whole
        )
    assert not found
